"""Snapshots: what each process of a host counts and reads, in a file that all its siblings read.

A file is written anew beside the old one and then takes its name, so nobody ever reads half of it,
and a full disk is an error that can be caught. A process goes on with the file of the one that had
its place, so what a dead one has counted stays.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cds_service.web.tally import Counts, Values

_SUFFIX = ".counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a process has counted; `gauges` as it read them last, empty if it reads none.

    `written` is in seconds of the clock that all processes of a host share.
    """

    process: int
    written: float
    counts: Counts
    gauges: Values

    @property
    def is_of_the_living(self) -> bool:
        """Whether the process that wrote it still runs."""
        try:
            os.kill(self.process, 0)
        except (ProcessLookupError, PermissionError):  # gone; or its number is another user's now
            return False
        return True


class Snapshots:
    """Those in a directory; this process writes the one named `name`.

    Without a directory, because none could be made, nothing can be written and nobody is seen.
    """

    def __init__(self, directory: Path | None, name: str) -> None:
        self._directory, self._name = directory, name

    def before(self) -> Counts:
        """What those had counted that had this place before."""
        if self._directory is None:
            return Counts()
        found = _read(self._directory / f"{self._name}{_SUFFIX}")
        return found.counts if found else Counts()

    def write(self, snapshot: Snapshot) -> None:
        """Show this to the others.

        Raises:
            OSError: it cannot be written; the last one stays.
        """
        if self._directory is None:
            raise FileNotFoundError("no directory for metrics could be made")
        coming = self._directory / f"{self._name}.coming"
        coming.write_bytes(msgspec.msgpack.encode(snapshot))
        coming.replace(self._directory / f"{self._name}{_SUFFIX}")

    def others(self) -> Iterator[Snapshot]:
        """What all others have written last."""
        if self._directory is None:
            return
        for file in sorted(self._directory.glob(f"*{_SUFFIX}")):
            if file.stem != self._name and (snapshot := _read(file)):
                yield snapshot


def _read(file: Path) -> Snapshot | None:
    """What is in a file; nothing if it is gone, or of a program that writes otherwise."""
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=Snapshot)
    except (OSError, msgspec.MsgspecError):
        return None
