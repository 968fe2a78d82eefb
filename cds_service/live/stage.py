"""The stage: the set of policies in service, the one that waits for its instant, and attempts.

A set is read, proved and kept beside the one in service, then swapped in one step; whatever goes
wrong leaves the old one where it is. One thread uses it; others may read `standing`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from cds_service.errors import NotThereYet, SetRefused, StartError
from cds_service.live.attempt import Attempt, Ending, Problem, Standing, problems_of
from cds_service.live.candidate import Candidate, PolicySet, Source
from cds_service.policy.library.snapshot import digest

T = TypeVar("T")

_ACTIVATED = Problem(
    words="a set that `crd policy activate` named is in service, so the directories are not "
    "followed; `crd policy follow` returns to them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Generic[T]):
    """What is done with a set on its way into service, in this order.

    `prove` makes it ready to serve; it raises SetRefused or a StartError where it is not fit.
    `keep` keeps it in the store; it raises NotThereYet where that is away. `permit` (its digest,
    the candidate) raises SetRefused where the set may not go live: people can approve what is
    kept. `swap` puts it in service. `shorten` takes the names of directories out of a text.
    """

    prove: Callable[[PolicySet], T]
    keep: Callable[[T], None]
    permit: Callable[[str, Candidate], None]
    swap: Callable[[T], None]
    shorten: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class _Ready(Generic[T]):
    """A set that is proved and kept, and goes live when its instant has come."""

    candidate: Candidate
    digest: str
    proved: T


class Stage(Generic[T]):
    """`present` is what is in service at first; `now` is the clock of the candidates' instants."""

    def __init__(self, present: Standing, steps: Steps[T], now: Callable[[], datetime]) -> None:
        self.standing = present
        self._steps, self._now = steps, now
        self._waiting: _Ready[T] | None = None

    @property
    def candidate(self) -> Candidate | None:
        """The one that waits for its instant."""
        return self._waiting.candidate if self._waiting else None

    def seconds_left(self) -> float | None:
        """How long until the set that waits goes live; None if none does."""
        if self._waiting is None or self._waiting.candidate.starts is None:
            return None
        return max(0.0, (self._waiting.candidate.starts - self._now()).total_seconds())

    def attempt(self, candidate: Candidate) -> Attempt:
        """Try to put a set in service, or to have it ready for its instant."""
        name = ""
        try:
            if self.standing.source is Source.ACTIVATION and not candidate.is_ordered:
                return self._ended(candidate, Ending.DECLINED, problems=(_ACTIVATED,))
            if candidate.is_ordered:
                self._waiting = None
            policies = candidate.read()
            name = digest(policies.library)
            return self._ended(candidate, self._enter(candidate, name, policies), name)
        except NotThereYet as error:
            return self._ended(candidate, Ending.POSTPONED, name, (Problem(words=str(error)),))
        except (SetRefused, StartError) as error:
            problems = problems_of(error, self._steps.shorten)
            return self._ended(candidate, Ending.REFUSED, name, problems)

    def go_live(self) -> Attempt:
        """Put the set that waits in service: its instant has come."""
        if self._waiting is None:
            raise ValueError("no set waits for its instant")
        ready, self._waiting = self._waiting, None
        ending = self._swap(ready)
        return self._ended(ready.candidate, ending, ready.digest)

    def fault(self, candidate: Candidate, words: str) -> Attempt:
        """An attempt that a fault of the program ended."""
        return self._ended(candidate, Ending.REFUSED, problems=(Problem(words=words),))

    def _enter(self, candidate: Candidate, name: str, policies: PolicySet) -> Ending:
        """Put a set that was read in service, or have it wait for its instant."""
        is_due = candidate.starts is None or candidate.starts <= self._now()
        if is_due and name == self.standing.digest:
            self._steps.permit(name, candidate)
            self.standing = self.standing.by(candidate.source)
            return Ending.UNCHANGED
        proved = self._steps.prove(policies)
        self._steps.keep(proved)
        self._steps.permit(name, candidate)
        ready = _Ready(candidate, name, proved)
        if is_due:
            return self._swap(ready)
        self._waiting = ready
        return Ending.WAITING

    def _swap(self, ready: _Ready[T]) -> Ending:
        if ready.digest == self.standing.digest:
            self.standing = self.standing.by(ready.candidate.source)
            return Ending.UNCHANGED
        self._steps.swap(ready.proved)
        self.standing = Standing(
            digest=ready.digest, since=self._now(), source=ready.candidate.source
        )
        return Ending.CHANGED

    def _ended(
        self,
        candidate: Candidate,
        ending: Ending,
        name: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> Attempt:
        """Note how an attempt ended."""
        attempt = Attempt(
            ending=ending, at=self._now(), source=candidate.source, digest=name, problems=problems
        )
        self.standing = self.standing.after(attempt)
        return attempt
