"""Faults: what is wrong with a library, gathered, so that its author sees all of it in one run."""

from typing import Self

from cds_service.errors import ArtifactError, ArtifactErrors


class Faults:
    """The faults found so far, each once: what is wrong with one thing hides nothing of the next.

    What two rules share is read for both, and then wrong twice in the same words.
    """

    def __init__(self) -> None:
        self._found: dict[str, ArtifactError] = {}

    def gathered(self) -> Self:
        """A block that a fault ends, and nothing beyond it: `with faults.gathered():`."""
        return self

    def __enter__(self) -> None:
        # A generator made a context manager takes three times as long: there is one a file.
        return

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: object
    ) -> bool:
        if not isinstance(error, ArtifactError):
            return False
        for fault in error.faults:
            self._found.setdefault(str(fault), fault)
        return True

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
