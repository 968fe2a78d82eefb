"""A candidate: a set of policies that may go live, where it is read, and from when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cds_service.authoring.cases import Case
from cds_service.policy.library.artifacts import Library


class Source(StrEnum):
    """Who says which set is in service."""

    DIRECTORIES = "directories"  # the service follows the directories it was started with
    ACTIVATION = "activation"  # `crd policy activate` named the set, for all on the store


@dataclass(frozen=True, slots=True)
class PolicySet:
    """A set of policies as it was read, with its own tests; one of the store has none."""

    library: Library
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A set that may go live; nothing of it is read before its turn.

    `read` gives it, and may take seconds. It raises ArtifactError where the set is not sound, and
    NotThereYet where it cannot be had just now: that is tried again. `starts` is the instant it
    goes live, None for as soon as it is proved; until then what is in service stays.

    `is_ordered` marks what the activations in the store demand, a set or the return to the
    directories: it takes the place of whatever waits, and of an activation in service. A directory
    that has merely changed does not.
    """

    read: Callable[[], PolicySet]
    source: Source
    starts: datetime | None = None
    is_ordered: bool = False
