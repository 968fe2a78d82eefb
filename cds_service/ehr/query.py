"""FHIR queries as relative URLs, and the addresses they lead to."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from cds_service.outbound.problem import Problem

_QUERY = re.compile(
    r"(?P<type>[A-Z][A-Za-z]+)(/(?P<id>(?!\.+$)[A-Za-z0-9.-]{1,64})|\?[!\"$-~]+)", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A FHIR read, or a search if it names no id (FHIR R4 http.html)."""

    text: str
    type: str
    id: str


def parse_query(text: str) -> Query:
    """The query in a relative URL such as `Organization/5` or `Coverage?patient=1`.

    Raises:
        Problem: it is neither a read nor a search.
    """
    parts = _QUERY.fullmatch(text)
    if parts is None:
        raise Problem("not a FHIR read or search")
    return Query(text=text, type=parts["type"], id=parts["id"] or "")


def first_page(base: str, query: Query) -> str:
    """The address of a query."""
    return f"{base.rstrip('/')}/{query.text}"


def next_page(page: str, link: str) -> str:
    """The address a page's `next` link leads to; no promise that we may go there."""
    try:
        return urljoin(page, link)
    except ValueError as error:
        raise Problem("the next page has no address") from error
