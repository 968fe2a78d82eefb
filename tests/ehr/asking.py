"""Asking the real client, with a clock that can be put forward."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from outbound.getting import QUERY, SHORT, TOKEN, Clock

from cds_service.crd.request.reply import Reply
from cds_service.ehr.client import AT_ONCE, RequestsEhr
from cds_service.outbound.access import Access

HANG = 15 * SHORT  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A client and its clock."""

    client: RequestsEhr
    clock: Clock

    def ask(
        self,
        base: str,
        *queries: str,
        patience: float = 10.0,
        token: str = TOKEN,
        expires_in: float = 30.0,
    ) -> tuple[Reply, ...]:
        """The replies of an EHR."""
        now = self.clock()
        return self.client.ask(
            Access(base=base, token=token, expires=now + expires_in), queries, now + patience
        )

    def ask_one(self, base: str, query: str = QUERY, *, patience: float = 10.0) -> Reply:
        """The reply of an EHR to one query."""
        (reply,) = self.ask(base, query, patience=patience)
        return reply

    def ask_in_a_hurry(self, base: str, *queries: str) -> tuple[Reply, ...]:
        """The replies that come at once, or the deadline cannot have been kept."""
        start = time.monotonic()
        replies = self.ask(base, *(queries or (QUERY,)), patience=SHORT)
        assert time.monotonic() - start < HANG
        return replies


@contextmanager
def asking(
    allowed: Collection[str] = (), *, ca_file: str = "", at_once: int = AT_ONCE
) -> Iterator[Asker]:
    """A client, closed in the end."""
    clock = Clock()
    client = RequestsEhr(allowed, ca_file=ca_file, at_once=at_once, clock=clock)
    yield Asker(client=client, clock=clock)
    client.close()
