"""Faults: what is wrong with a library, gathered, so that its author sees all of it in one run."""

from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.errors import ArtifactError, ArtifactErrors


class Faults:
    """The faults found so far, each once: what is wrong with one thing hides nothing of the next.

    What two rules share is read for both, and then wrong twice in the same words.
    """

    def __init__(self) -> None:
        self._found: dict[str, ArtifactError] = {}

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """A block that a fault ends, and nothing beyond it."""
        try:
            yield
        except ArtifactError as error:
            for fault in error.faults:
                self._found.setdefault(str(fault), fault)

    def raise_all(self) -> None:
        """Pass if there are none.

        Raises:
            ArtifactError: the only fault, or one that names them all.
        """
        match list(self._found.values()):
            case []:
                return
            case [fault]:
                raise fault
            case faults:
                raise ArtifactErrors(faults)
