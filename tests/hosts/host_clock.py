"""The wall clock of one host, which can be set while the host runs (clock.c).

libfaketime is not used: it has Python's `time.sleep` fail, and its timed waits hang, as soon as it
changes the clock of a program that runs.
"""

import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


@dataclass(frozen=True, slots=True)
class HostClock:
    """A clock by a file and a library in a directory."""

    directory: Path

    def make(self) -> None:
        """Compile the library; the clock is right at first."""
        self.set(0)
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library)]
        subprocess.run([*command, str(_SOURCE), "-ldl"], check=True)

    def set(self, ahead: int) -> None:
        """So many seconds ahead from now on; less than 0: behind."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("l", ahead))

    def environment(self) -> Mapping[str, str]:
        """What a program that goes by this clock is started with."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_OFFSET_FILE": str(self._offset)}

    @property
    def _offset(self) -> Path:
        return self.directory / "ahead"

    @property
    def _library(self) -> Path:
        return self.directory / "clock.so"
