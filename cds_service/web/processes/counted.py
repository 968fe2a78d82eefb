"""What workers count together: files in one directory, one for each place of a worker.

Beside them are those of the processes above, which count the ones that they have lost.
"""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from cds_service.web.snapshots import Snapshot, Snapshots
from cds_service.web.tally import Tally

WORKER, GENERATION = "worker", "generation"  # kinds of processes that may be lost
_MADE = "crd-metrics-"  # what its name begins with
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # what is written there every moment wears no disk
_LONG = 86400.0  # seconds


def make_directory(in_memory: Path = _IN_MEMORY) -> Path | None:
    """A new directory, of this user alone; None where none can be made.

    What services have left there that were killed with all their processes is cleared away.
    """
    for directory in in_memory.glob(f"{_MADE}*"):
        if _is_left(directory):
            remove_directory(directory)
    for place in (in_memory, None):
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=_MADE, dir=place))
    return None


def _is_left(directory: Path) -> bool:
    """Whether nobody has written there for a day: whoever lives does so every moment."""
    with suppress(OSError):
        return directory.stat().st_mtime < time.time() - _LONG
    return False


def remove_directory(directory: Path | None) -> None:
    """Remove it with all that is in it."""
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


class Losses:
    """Counts processes of this kind that were lost, for the metrics of all workers."""

    def __init__(self, snapshots: Snapshots, kind: str) -> None:
        self._snapshots, self._kind, self._tally = snapshots, kind, Tally()
        self._tally.add(snapshots.before())

    def count(self) -> None:
        """Count one more. What cannot be written now is written with the next."""
        self._tally.count("crd_processes_lost_total", (self._kind,))
        with suppress(OSError):
            self._snapshots.write(
                Snapshot(
                    process=os.getpid(),
                    written=time.monotonic(),
                    counts=self._tally.counts(),
                    gauges={},
                )
            )
