"""A stage for small sets of one policy each, on which everything done with them is noted."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from small_library import organization, policy

from cds_service.errors import CrdError
from cds_service.fhir.reference import ResourceKey
from cds_service.live.attempt import Standing
from cds_service.live.candidate import Candidate, PolicySet, Source
from cds_service.live.stage import Stage, Steps
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.snapshot import digest

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
DIRECTORIES, ACTIVATION = Source.DIRECTORIES, Source.ACTIVATION


def set_of(title: str) -> PolicySet:
    """A set whose one policy has this title."""
    resources = (organization(), policy(title=title))
    artifacts = {
        ResourceKey(resource["resourceType"], resource["id"]): Artifact(
            Path(f"{resource['resourceType']}-{resource['id']}.json"), resource
        )
        for resource in resources
    }
    return PolicySet(Library(artifacts, {}))


def name_of(title: str) -> str:
    """What that set is named by."""
    return digest(set_of(title).library)


def candidate(
    title: str, *, after: float = 0, source: Source = DIRECTORIES, is_ordered: bool = False
) -> Candidate:
    """That set, to go live so many seconds after noon; at once for none."""
    starts = NOON + timedelta(seconds=after) if after else None
    return Candidate(
        read=lambda: set_of(title), source=source, starts=starts, is_ordered=is_ordered
    )


def failing(error: CrdError | Exception) -> Candidate:
    """One that cannot be read."""

    def read() -> PolicySet:
        raise error

    return Candidate(read=read, source=DIRECTORIES)


@dataclass(slots=True)
class Scene:
    """The stage, with `first` in service at noon; `done` are the steps taken, in their order.

    A step whose name is in `errors` raises what is there.
    """

    done: list[str] = field(default_factory=list)
    errors: dict[str, CrdError | Exception] = field(default_factory=dict)
    seconds: float = 0
    source: Source = DIRECTORIES
    stage: Stage[str] = field(init=False)

    def __post_init__(self) -> None:
        steps: Steps[str] = Steps(
            permit=lambda _name, _candidate: self._step("permit"),
            prove=self._prove,
            keep=lambda _name: self._step("keep"),
            swap=lambda _name: self._step("swap"),
            shorten=lambda text: text.replace("/etc/policies/", ""),
        )
        present = Standing(digest=name_of("first"), since=NOON, source=self.source)
        self.stage = Stage(present, steps, self.now)

    def now(self) -> datetime:
        """The time on the stage."""
        return NOON + timedelta(seconds=self.seconds)

    def serves(self, title: str) -> bool:
        """Whether that set is in service."""
        return self.stage.standing.digest == name_of(title)

    def _prove(self, policies: PolicySet) -> str:
        self._step("prove")
        return digest(policies.library)

    def _step(self, step: str) -> None:
        self.done.append(step)
        if step in self.errors:
            raise self.errors[step]


# What puts a set in service, in its order.
ALL_STEPS = ["prove", "keep", "permit", "swap"]
