"""A server that counts its own function calls, of Python and of C, in all of its threads.

Run as a process: `python counted.py COUNTS_FILE service ARGUMENT …` or `… floor ARGUMENT …`; on
SIGPROF it writes the calls so far to the file. It is several times slower than the server itself.
"""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from benchmarking import floor

from cds_service.cli.main import main as crd


class CallCounter:
    """Counts by thread, so that no two threads write to one number."""

    def __init__(self, file: Path) -> None:
        self._file, self._counts = file, dict[int, int]()

    def start(self) -> None:
        """Count in this thread, and in all that are started from now on."""
        signal.signal(signal.SIGPROF, self._write)
        threading.setprofile(self._count)
        sys.setprofile(self._count)

    def _count(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            thread = threading.get_ident()
            self._counts[thread] = self._counts.get(thread, 0) + 1

    def _write(self, _number: int, _frame: FrameType | None) -> None:
        written = self._file.with_suffix(".new")
        written.write_text(str(sum(list(self._counts.values()))), encoding="ascii")
        written.replace(self._file)


def main() -> None:
    """Serve as the program named does, and count."""
    _, counts, program, *arguments = sys.argv
    sys.argv = [program, *arguments]
    CallCounter(Path(counts)).start()
    if program == "floor":
        floor.main()
    else:
        crd(arguments)


if __name__ == "__main__":
    main()
