"""Sending a text to a place that the operator has set, such as the keeper of checkpoints."""

import time
from contextlib import closing

from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access, check_access
from cds_service.outbound.requester import Requester

_SECONDS = 5.0  # for all of it
_TAKEN = range(200, 300)


def post(url: str, body: bytes, *, ca_file: str = "") -> None:
    """Send a text to an https URL, or to this machine; return once it is taken, with a status 2xx.

    `ca_file` is a PEM file of the authorities to trust, by default the public ones.

    Raises:
        RequestFailed: it was not, as far as is known; the message is a short cause.
    """
    access = Access(base=url, token="", expires=float("inf"), allowed=frozenset({url.rstrip("/")}))
    check_access(access, ())
    requester = Requester(
        accept="*/*", servers=1, connections=1, clock=time.monotonic, ca_file=ca_file
    )
    with closing(requester):
        response = requester.post(url, access, body, time.monotonic() + _SECONDS)
    if response.status not in _TAKEN:
        raise RequestFailed(f"HTTP status {response.status}")
