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
_LONGEST_BASE = 2048  # characters; others name it, so nothing is done with a longer one
_TOKEN = re.compile(r"[!-~]{0,16384}")
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str | None, int | None]  # scheme, host and port


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A server's base address and a bearer token for it, or an empty one.

    Once the monotonic clock shows `expires`, in seconds, the token is not used any more. `allowed`
    are the base addresses of the client that names this one, None for those that everybody has.
    Without TLS, a server on this machine may be asked for a client that `is_test`. `trace_id` is
    that of the call it is asked for, in 32 hexadecimal digits, or empty (W3C Trace Context).
    """

    base: str
    token: str = field(repr=False)
    expires: float
    allowed: frozenset[str] | None = None
    is_test: bool = True
    trace_id: str = ""

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
    parts = _BASE.fullmatch(access.base) if len(access.base) <= _LONGEST_BASE else None
    if parts is None:
        raise RequestFailed("this server is not one we may ask")
    is_local = _is_local(parts["host"])
    listed = allowed if access.allowed is None else access.allowed
    is_allowed = _is_listed(access, listed) if listed else is_local and access.allowed is None
    if not is_allowed:
        raise RequestFailed("this server is not one we may ask")
    if parts["scheme"].lower() != "https" and not (is_local and access.is_test):
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


def limits_origin(base: str) -> Origin:
    """The scheme, host and port of a checked address, by which a server's limits are kept.

    Whoever names addresses may write one server in many ways, so all names of this machine are one.
    """
    scheme, host, port = _origin(base)
    return scheme, "localhost" if _is_local(host or "") else host, port


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
