"""The findings of one run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarking.aims import Aim, aims
from benchmarking.counting import Counts
from benchmarking.matrix import Shares
from benchmarking.rows import Row, rows
from benchmarking.soak import Mark
from benchmarking.starting import Started


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of an iCare 0600T call, of its answer, and of its record; where records are kept."""

    asked: int
    answered: int
    kept: int
    file_system: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything one run has found; `generator_rate` is the load generator's alone, a second.

    `healthchain` is the version that was measured beside us, if any.
    """

    sizes: Sizes
    shares: Shares = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)
    starts: Sequence[Started] = ()
    marks: Sequence[Mark] = ()
    generator_rate: float = 0.0
    healthchain: str = ""

    def rows(self) -> list[Row]:
        """The figures of the matrix."""
        return rows(self.shares, self.counts)

    def aims(self) -> list[Aim]:
        """Every aim there are figures for."""
        return aims(self.shares, self.rows(), self.starts)
