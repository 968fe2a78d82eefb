"""Page tokens: where a page of a search begins, and in which set of policies.

A page is only a page of what was searched: when another set has come into service, the pages of
the former are gone, and a client that reads them all begins again rather than miss a policy.
"""

import re

from cds_service.errors import InvalidSearch, SetReplaced

_TOKEN = re.compile(r"(\d{1,9})-([0-9a-f]{16})", re.ASCII)
_NAMED = 16  # hexadecimal digits of the digest


def page_token(offset: int, digest: str) -> str:
    """The token of the page that begins at an offset in the set with this digest."""
    return f"{offset}-{_name_of(digest)}"


def parse_page_token(token: str, digest: str) -> int:
    """The offset of a page.

    Raises:
        InvalidSearch: it is no token of ours.
        SetReplaced: it is of another set than the one with this digest.
    """
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise InvalidSearch("`_page` is for the links of a search result, and not to be made up")
    if parts.group(2) != _name_of(digest):
        raise SetReplaced("other policies are in service since this search began: search again")
    return int(parts.group(1))


def _name_of(digest: str) -> str:
    return digest.rpartition(":")[2][:_NAMED]
