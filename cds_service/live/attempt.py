"""An attempt to put a set of policies in service: how it ended, and where that leaves us."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from cds_service.errors import ArtifactError, CrdError
from cds_service.live.candidate import Source


class Ending(StrEnum):
    """How an attempt ended; the label of the metric."""

    CHANGED = "changed"  # it is in service
    UNCHANGED = "unchanged"  # it is the very set that is in service
    WAITING = "waiting"  # it is proved, and goes live at its instant
    REFUSED = "refused"  # it is not fit for service, until it is changed
    POSTPONED = "postponed"  # it cannot be had or kept just now, and is tried again
    DECLINED = "declined"  # an activation is in service, which a directory does not end


# After these the set in service is not the one that was asked for.
FAILING = frozenset({Ending.REFUSED, Ending.POSTPONED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a set: the file within its directory, the place in it, and what."""

    words: str
    file: str = ""
    where: str = ""

    def __str__(self) -> str:
        """In one line, such as `acme/ValueSet-x.json: $.url: …`."""
        return ": ".join(filter(None, (self.file, self.where, self.words)))


def problems_of(error: CrdError, shorten: Callable[[str], str]) -> tuple[Problem, ...]:
    """What an error names, each thing by itself; `shorten` takes out the names of directories."""
    if not isinstance(error, ArtifactError):
        return (Problem(words=shorten(str(error))),)
    return tuple(
        Problem(file=shorten(str(fault.path)), where=fault.where, words=shorten(fault.problem))
        for fault in error.faults
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt. `digest` names the set that was tried, empty where it could not be read."""

    ending: Ending
    at: datetime
    source: Source
    digest: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def cause(self) -> str:
        """Why the set is not in service: how many problems, and the first; empty if it is."""
        if len(self.problems) > 1:
            return f"{len(self.problems)} problems, the first: {self.problems[0]}"
        return "".join(map(str, self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which set is in service, since when and by whose word, and how the last attempt ended."""

    digest: str
    since: datetime
    source: Source = Source.DIRECTORIES
    last: Attempt | None = None

    @property
    def cause(self) -> str:
        """Why the set in service is not the one that was asked for; empty if it is."""
        return self.last.cause if self.last and self.last.ending in FAILING else ""

    def by(self, source: Source) -> "Standing":
        """The same set, by another's word."""
        return replace(self, source=source)

    def after(self, attempt: Attempt) -> "Standing":
        """The same once that attempt has ended.

        One that was declined leaves the last word to the one before.
        """
        return self if attempt.ending is Ending.DECLINED else replace(self, last=attempt)
