"""Query parameters, read so that none of them can raise."""

from urllib.parse import parse_qs

from flask import request


def parameter(name: str) -> str:
    """A query parameter, the first of its name; bytes that are no UTF-8 stand as U+FFFD.

    `request.args` raises for such bytes, as no browser but many a scanner sends them.
    """
    parameters = parse_qs(request.query_string.decode(errors="replace"))
    return parameters.get(name, [""])[0]
