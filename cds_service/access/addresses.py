"""Addresses that may stand in a clients file: those that are plainly one server (reliability E9).

Whether a name leads into our own network is seen when we connect: see `outbound.reach`.
"""

import ipaddress
import re
from urllib.parse import urlsplit

# No user, no query, no fragment, no escapes or dots in the path: nothing that two parsers could
# take for two addresses.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[\da-f:.]+\]|[a-z\d.-]+)"
    r"(:(?P<port>\d{1,5}))?(?P<path>(/[\w.~-]*)*)",
    re.ASCII,
)
_LAST_PORT = 65_535


def address_fault(address: str, *, is_test: bool) -> str:
    """What is wrong with the address of a server, in words; empty if nothing is.

    A server without TLS is one on this machine, for a client that `is_test`.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        return "is not a plain https address: small letters in the host, no user, query or fragment"
    host = parts["host"].strip("[]")
    if not 0 < int(parts["port"] or 1) <= _LAST_PORT:
        return "has a port that there is not"
    if ".." in f"{host}.{parts['path']}" or "/./" in f"{parts['path']}/":
        return "has dots that lead elsewhere"
    if any(label.startswith("xn--") for label in host.split(".")):
        return "has a host in punycode, which can look like another one"
    if is_this_machine(host):
        return "" if is_test else "is on this machine; only a client with `test = true` may be"
    return "" if parts["scheme"] == "https" else "is without TLS: write https"


def key_address_fault(address: str, *, is_test: bool) -> str:
    """The same for where keys are fetched: a host with a name, which its certificate bears."""
    fault = address_fault(address, is_test=is_test)
    if fault:
        return fault
    host = (urlsplit(address).hostname or "").rstrip(".")
    if is_test and is_this_machine(host):
        return ""
    # A host whose last part is a number is an IP address to some (WHATWG URL, host parsing).
    if ":" in host or re.fullmatch(r"(0x[\da-f]*|\d+)", host.rpartition(".")[2]):
        return "has an IP address for a host: write its name"
    return "" if "." in host else "has a host without a domain"


def is_this_machine(host: str) -> bool:
    """Whether a host, in small letters and without brackets, is plainly this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
