"""The ledger: what the store holds, read past the service, beside what callers were told."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import create_engine, text

_PATIENCE = 60.0  # seconds for the journal to be drained


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Assertions that callers were given and the store lacks, or holds twice."""

    told: int
    kept: int
    lost: frozenset[str]
    doubled: frozenset[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        return not self.lost and not self.doubled


def compare(url: str, told: set[str]) -> Findings:
    """What the store at a database URL holds of the assertions that callers were told."""
    kept = Counter(_kept(url))
    return Findings(
        told=len(told),
        kept=len(kept),
        lost=frozenset(told - kept.keys()),
        doubled=frozenset(name for name, times in kept.items() if times > 1),
    )


def await_ledger(url: str, told: set[str], look: Callable[[], None]) -> Findings:
    """The same, once the journal has had time to be drained; `look` is called between looks."""
    until = time.monotonic() + _PATIENCE
    while not (found := compare(url, told)).is_sound and time.monotonic() < until:
        look()
        time.sleep(0.5)
    return found


def _kept(url: str) -> list[str]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT value FROM mention WHERE name = 'assertion'"))
            return [row.value for row in found]
    finally:
        engine.dispose()
