"""Where a request may go, with which token, and whether an address is one of those.

Others name the address and the token, so an address is checked before a packet is sent: it is one
that the operator lists or, where none is listed, on this machine (reliability: E9; OWASP API7).
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cds_service.errors import RequestFailed

# Not a general URL: no user, no query, no fragment, nothing that two parsers could take for two.
_BASE = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w.~%/-]*)?",
    re.ASCII | re.I,
)
_TOKEN = re.compile(r"[!-~]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A server's base address and a bearer token for it, or an empty one.

    Once the monotonic clock shows `expires`, in seconds, the token is not used any more.
    """

    base: str
    token: str = field(repr=False)
    expires: float

    @property
    def server(self) -> str:
        """The base address without the final slash that some write and some do not."""
        return self.base.rstrip("/")


def check_access(access: Access, allowed: Collection[str]) -> None:
    """Pass an access that may be used: to a base address in `allowed`, over TLS or on this machine.

    Where `allowed` is empty, any server on this machine may be asked, and no other.

    Raises:
        RequestFailed: nothing may be sent there, or nothing can be sent with that token.
    """
    parts = _BASE.fullmatch(access.base)
    if parts is None:
        raise RequestFailed("this server is not one we may ask")
    is_local = _is_local(parts["host"])
    is_allowed = _is_listed(access, allowed) if allowed else is_local
    if not is_allowed:
        raise RequestFailed("this server is not one we may ask")
    if parts["scheme"].lower() != "https" and not is_local:
        raise RequestFailed("this server is not asked without TLS")
    if not _TOKEN.fullmatch(access.token):
        raise RequestFailed("the access token is malformed")


def _is_listed(access: Access, allowed: Collection[str]) -> bool:
    return access.server in {base.rstrip("/") for base in allowed}


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_origin(url: str, base: str) -> None:
    """Pass an address on the very scheme, host and port of `base`: nothing else gets the token.

    Raises:
        RequestFailed: it is elsewhere.
    """
    try:
        is_same = "@" not in urlsplit(url).netloc and _origin(url) == _origin(base)
    except ValueError:
        is_same = False
    if not is_same:
        raise RequestFailed("the server sends us to another one")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
