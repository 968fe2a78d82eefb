"""What keeps the service from starting."""

from collections.abc import Iterable
from pathlib import Path

from cds_service.errors.base import CrdError


class StartError(CrdError):
    """The service cannot start; the message says what an operator has to mend."""


# The option of a setting is its name with hyphens; these are the others.
_OPTIONS = {"database_url": "--database"}


def typed(key: str) -> str:
    """A setting as it is typed: its option, and its variable in brackets."""
    option = _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    return f"{option} (CRD_{key.upper()})"


class SettingError(StartError):
    """A setting has no usable value; `place` is the file and line it stands in, if it does."""

    def __init__(self, key: str, problem: str, place: str = "") -> None:
        where = f"{place}: `{key}`: " if place else ""
        super().__init__(f"{where}setting {typed(key)}: {problem}")
        self.key, self.place = key, place


class ArtifactError(StartError):
    """A library file is broken: which one, where in it, and what is wrong."""

    def __init__(self, path: Path | str, where: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: {problem}")
        self.path, self.where, self.problem = path, where, problem

    @property
    def faults(self) -> "tuple[ArtifactError, ...]":
        """Each single fault that this names."""
        return (self,)


class ArtifactErrors(ArtifactError):
    """Several faults of a library, all named, a line each; it is placed where the first one is."""

    def __init__(self, faults: Iterable[ArtifactError]) -> None:
        self._faults = tuple(faults)
        first, *others = self._faults
        super().__init__(first.path, first.where, "\n".join([first.problem, *map(str, others)]))

    @property
    def faults(self) -> tuple[ArtifactError, ...]:
        """Each single fault, as they were found."""
        return self._faults
