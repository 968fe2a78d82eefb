"""A generation as its supervisor sees it."""

import os
import signal
import time
from dataclasses import dataclass, field
from subprocess import Popen

from cds_service.web.processes.link import Link


@dataclass(slots=True, kw_only=True, eq=False)
class Child:
    """A living generation."""

    process: Popen[bytes]
    link: Link
    since: float = field(default_factory=time.monotonic)

    @property
    def lived(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.since

    def leave_the_start(self) -> None:
        """End what still reads policies, and hears no word; one that hears it stops in order."""
        self.process.terminate()

    def kill(self) -> None:
        """End it and its workers at once: they are a process group of their own."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
