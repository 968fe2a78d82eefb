"""The parameters of a request as they came: names and values, in their order.

Flask's own raise for bytes that are no UTF-8, as no client but many a scanner sends them.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from flask import request

from cds_service.errors import InvalidSearch, TooLarge, UnreadableBody

FORM = "application/x-www-form-urlencoded"
MOST_PARAMETERS = 100
_LARGEST_FORM = 64 << 10  # bytes, twice of what a URL can carry

Pairs = Sequence[tuple[str, str]]


def query_parameters() -> Pairs:
    """Those of the URL; bytes that are no UTF-8 stand as U+FFFD.

    Raises:
        InvalidSearch: there are too many.
    """
    return _parse(request.query_string)


def posted_parameters() -> Pairs:
    """Those of the URL and of the form in the body, as one list (FHIR R4, search, 2.21.0.2).

    Raises:
        InvalidSearch: there are too many.
        TooLarge: the form is longer than what is read.
        UnreadableBody: the body is no form.
    """
    body = request.get_data()
    if body and request.mimetype != FORM:
        raise UnreadableBody(f"post the parameters of a search as {FORM}")
    if len(body) > _LARGEST_FORM:
        raise TooLarge(f"a search is at most {_LARGEST_FORM} bytes long")
    return [*query_parameters(), *_parse(body)]


def _parse(encoded: bytes) -> Pairs:
    try:
        return parse_qsl(
            encoded.decode(errors="replace"),
            keep_blank_values=True,
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidSearch(f"more than {MOST_PARAMETERS} parameters") from error
