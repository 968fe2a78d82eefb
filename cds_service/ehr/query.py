"""FHIR queries as relative URLs, and the addresses they lead to."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from cds_service.errors import RequestFailed

# An id has FHIR's characters (R4 datatypes.html#id), but none is a step to a parent folder. A
# search has any visible ones but `#`, which would cut it off.
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
        RequestFailed: it is neither a read nor a search.
    """
    parts = _QUERY.fullmatch(text)
    if parts is None:
        raise RequestFailed("not a FHIR read or search")
    return Query(text=text, type=parts["type"], id=parts["id"] or "")


def first_page(server: str, query: Query) -> str:
    """The address of a query at a server, whose base address has no final slash."""
    return f"{server}/{query.text}"


def next_page(page: str, link: str) -> str:
    """The address a page's `next` link leads to; no promise that we may go there.

    Raises:
        RequestFailed: it leads to none.
    """
    try:
        return urljoin(page, link)
    except ValueError as error:
        raise RequestFailed("the next page has no address") from error
