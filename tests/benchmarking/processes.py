"""A server's processes from outside: the one that was started, and all that it has started."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_PROC = Path("/proc")
_SWITCHES = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What processes have spent: seconds of processor time, and context switches."""

    cpu: float = 0.0
    switches: int = 0

    def since(self, before: "Spent") -> "Spent":
        """What was spent after `before`."""
        return Spent(cpu=self.cpu - before.cpu, switches=self.switches - before.switches)


@dataclass(frozen=True, slots=True)
class Tree:
    """A process and its descendants, as they are when they are asked for."""

    root: psutil.Process

    def spent(self) -> Spent:
        """What they have spent so far, in all threads; switches of the living ones alone."""
        cpu, switches = 0.0, 0
        for process in self._living():
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                times = process.cpu_times()
                # What a process that has ended had spent is its parent's to tell.
                cpu += times.user + times.system + times.children_user + times.children_system
                switches += _switches(process.pid)
        return Spent(cpu=cpu, switches=switches)

    def memory(self) -> int:
        """Bytes resident, what several of them share counted once (PSS)."""
        held = 0
        for process in self._living():
            with suppress(psutil.NoSuchProcess):
                held += process.memory_full_info().pss
        return held

    def count(self) -> int:
        """How many there are."""
        return len(self._living())

    def _living(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self.root, *self.root.children(recursive=True)]
        return []


def _switches(pid: int) -> int:
    return sum(sum(_counts(thread)) for thread in (_PROC / str(pid) / "task").iterdir())


def _counts(thread: Path) -> Iterator[int]:
    """Both counts of a thread; none if it ends while it is read."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in (thread / "status").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name in _SWITCHES:
                yield int(value)


def busy() -> float:
    """Seconds of processor time that all processes of this machine have used."""
    times = psutil.cpu_times()
    return float(
        sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
    )
