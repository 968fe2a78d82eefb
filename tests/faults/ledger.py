"""The ledger: what the store holds, read past the service, beside what callers were told."""

import time
from collections import Counter
from dataclasses import dataclass, field

from faults.callers import Heard
from faults.site import Site
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.verification import Verification
from cds_service.database.engine import reading
from cds_service.database.tables import MENTION, RECORD

_PATIENCE = 60.0  # seconds for the journal to be drained


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Of one kind of thing: how many callers were told, and what of that the store lacks or has
    twice."""

    told: int
    kept: int
    lost: frozenset[str]
    doubled: frozenset[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        return not self.lost and not self.doubled


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Accounts of assertions and of feedback, what `crd audit verify` finds, and the copy.

    `cut` is how often the copy of the checkpoints was seen to be other than longer.
    """

    answers: Account
    feedback: Account
    verification: Verification
    cut: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost, doubled, altered, or without a checkpoint that has left."""
        found = self.verification
        is_signed = not found.findings and not found.waiting and not found.uncopied
        return self.answers.is_sound and self.feedback.is_sound and is_signed and not self.cut


@dataclass(slots=True)
class CopyWatch:
    """Looks at the copy of the checkpoints again and again: it only grows."""

    site: Site
    cut: int = 0
    _seen: bytes = field(default=b"")

    def look(self) -> None:
        """Compare it with how it was."""
        now = self.site.checkpoints.read_bytes() if self.site.checkpoints.exists() else b""
        self.cut += not now.startswith(self._seen)
        self._seen = now


def await_drained(site: Site, heard: Heard) -> None:
    """Return once the journals are in the store, and all that callers were told; or after long."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            if not site.journaled() and not _answers(site, heard).lost:
                return
        except SQLAlchemyError:  # not back yet
            pass
        time.sleep(0.2)


def settle(site: Site, heard: Heard, watch: CopyWatch) -> Findings:
    """The findings in the store of a site whose workers have stopped."""
    watch.look()
    with site.read() as engine:
        feedback = _account(heard.cards, _cards_with_feedback(engine))
    return Findings(
        answers=_answers(site, heard),
        feedback=feedback,
        verification=site.verify(),
        cut=watch.cut,
    )


def _answers(site: Site, heard: Heard) -> Account:
    with site.read() as engine:
        return _account(heard.assertions, _assertions(engine))


def _account(told: set[str], found: Counter[str]) -> Account:
    return Account(
        told=len(told),
        kept=len(found),
        lost=frozenset(told - found.keys()),
        doubled=frozenset(name for name, times in found.items() if times > 1),
    )


def _assertions(engine: Engine) -> Counter[str]:
    with reading(engine) as connection:
        mentions = select(MENTION.c.value).where(MENTION.c.name == "assertion")
        return Counter(connection.scalars(mentions))


def _cards_with_feedback(engine: Engine) -> Counter[str]:
    joined = select(MENTION.c.value).join_from(RECORD, MENTION, RECORD.c.id == MENTION.c.record_id)
    with reading(engine) as connection:
        cards = joined.where(RECORD.c.kind == "feedback", MENTION.c.name == "card")
        return Counter(connection.scalars(cards))
