"""Getting from a server with the real transport, and a clock that can be put forward."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access
from cds_service.outbound.response import HttpResponse
from cds_service.outbound.sockets import DeadlineAdapter
from cds_service.outbound.transport import Transport

TOKEN = "canary-token"  # noqa: S105
QUERY = "Coverage?patient=canary-patient"
SHORT = 0.2  # seconds
MEDIA_TYPE = "application/fhir+json"


@dataclass(slots=True)
class Clock:
    """The monotonic clock, put forward by some seconds."""

    forward: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.forward


@dataclass(frozen=True, slots=True, kw_only=True)
class Getter:
    """A transport and its clock."""

    transport: Transport
    clock: Clock

    def get(
        self, base: str, *, patience: float = 10.0, token: str = TOKEN, expires_in: float = 30.0
    ) -> HttpResponse:
        """What the server at `base` responds to `QUERY` within `patience` seconds."""
        now = self.clock()
        access = Access(base=base, token=token, expires=now + expires_in)
        return self.transport.get(f"{base}/{QUERY}", access, now + patience)

    def failure(self, base: str, *, patience: float = 10.0) -> RequestFailed:
        """Why a get fails, as it must."""
        with pytest.raises(RequestFailed) as raised:
            self.get(base, patience=patience)
        return raised.value


@contextmanager
def getting(*, ca_file: str = "") -> Iterator[Getter]:
    """A transport, closed in the end."""
    clock = Clock()
    adapter = DeadlineAdapter(ca_file=ca_file, servers=4, connections=4)
    transport = Transport(adapter, accept=MEDIA_TYPE, clock=clock)
    yield Getter(transport=transport, clock=clock)
    transport.close()
