"""Where the EHR may be asked, with what, and the addresses that leads to.

The client names the address and the token, so an address is checked before a packet is sent: it is one that the
operator lists or, where none is listed, on this machine (reliability: E9; OWASP API7).
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cds_service.outbound.problem import Problem

# Not a general URL: no user, no query, no fragment, nothing that two parsers could read in two ways.
_BASE = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w.~%/-]*)?",
    re.ASCII | re.I,
)
_TOKEN = re.compile(r"[!-~]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where to ask and with what; the token must not be used once the monotonic clock shows `expires`."""

    base: str
    token: str = field(repr=False)
    expires: float


def check_access(access: Access, allowed: Collection[str]) -> None:
    """Pass an access that may be used: over TLS or on this machine, to an EHR in `allowed`, if it lists any.

    Raises:
        Problem: nothing may be sent there, or nothing can be sent with that token.
    """
    parts = _BASE.fullmatch(access.base)
    if parts is None or not (
        _is_listed(access.base, allowed) if allowed else _is_local(parts["host"])
    ):
        raise Problem("this EHR is not one we may ask")
    if parts["scheme"].lower() != "https" and not _is_local(parts["host"]):
        raise Problem("this EHR is not asked without TLS")
    if not _TOKEN.fullmatch(access.token):
        raise Problem("the access token is malformed")


def _is_listed(base: str, allowed: Collection[str]) -> bool:
    return base.rstrip("/") in {one.rstrip("/") for one in allowed}


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_origin(url: str, base: str) -> None:
    """Pass an address on the very scheme, host and port of `base`: the only place that gets the token.

    Raises:
        Problem: it is elsewhere.
    """
    try:
        same = "@" not in urlsplit(url).netloc and _origin(url) == _origin(base)
    except ValueError:
        same = False
    if not same:
        raise Problem("the EHR sends us to another server")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
