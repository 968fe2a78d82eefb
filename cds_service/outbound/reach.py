"""How far a connection may lead: a name is checked where it leads, just before we connect to it.

A name that led elsewhere a moment ago may lead into our own network now (DNS rebinding), so what is
checked is the very address that is connected to (reliability: E9).
"""

import socket
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from cds_service.errors import RequestFailed

_TRANSLATED = IPv6Network("64:ff9b::/32")  # NAT64: an IPv4 address that is not looked at

# Finds the addresses of a host and port, as `socket.getaddrinfo` does.
Resolve = Callable[[str, int], list[str]]


class Reach(Enum):
    """How far a connection may lead."""

    ANYWHERE = "anywhere"  # whoever names the address has checked it
    PRIVATE = "private"  # private networks too, but not this machine nor its link
    PUBLIC = "public"  # the public Internet alone

    def holds(self, address: str) -> bool:
        """Whether it extends to an IP address."""
        found = ip_address(address)
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        if self is Reach.ANYWHERE:
            return True
        if _is_special(found):
            return False
        return found.is_global or (found.is_private and self is Reach.PRIVATE)


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is no other machine's, or an IPv6 address behind which another one hides."""
    if (
        address.is_multicast
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_reserved
    ):
        return True
    return isinstance(address, IPv6Address) and (
        address.is_site_local
        or address.sixtofour is not None
        or address.teredo is not None
        or address in _TRANSLATED
    )


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which they are to be tried.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def reachable(host: str, port: int, reach: Reach, resolving: Resolve = resolve) -> list[str]:
    """The addresses of a host that may be connected to.

    Raises:
        OSError: there are none at all.
        RequestFailed: one of them is beyond reach, and so none of them is trusted.
    """
    try:
        addresses = resolving(host, port)
    except UnicodeError as error:
        raise RequestFailed("the server's name is none") from error
    if not all(map(reach.holds, addresses)):
        raise RequestFailed("the server's name leads to an address that we do not connect to")
    return addresses
