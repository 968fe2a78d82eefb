"""Places: of a generation, each for one worker, and who has them."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cds_service.web.processes.link import Link, Word
from cds_service.web.processes.pauses import Pauses


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """A living worker, seen from above.

    `reading` is how often it was told to read the policies again and has not done so yet;
    `is_behind` that others were while it could not hear it.
    """

    place: int
    process: int
    link: Link
    is_behind: bool
    since: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    is_listening: bool = False
    reading: int = 0

    def listen(self) -> None:
        """It listens, and hears words from now on."""
        self.is_listening = True
        if self.is_behind:
            self.is_behind = False
            self.read_again()

    def read_again(self) -> None:
        """Have it read the policies again, as soon as it can hear that."""
        if self.is_listening:
            self.reading += 1
            self.link.send(Word.READ_AGAIN)
        else:
            self.is_behind = True

    def has_read(self) -> None:
        """It has read them once, whatever came of it."""
        self.reading = max(0, self.reading - 1)


@dataclass(slots=True, eq=False)
class _Place:
    """A place that is to be filled, from the time `due` on, while nobody has it."""

    due: float = 0.0
    pauses: Pauses = field(default_factory=Pauses)


class Places:
    """So many places; they are proved once a worker has got ready."""

    def __init__(self, size: int) -> None:
        self.is_proved = False
        self._places = [_Place() for _ in range(size)]
        self._workers: dict[int, Worker] = {}

    @property
    def workers(self) -> Mapping[int, Worker]:
        """Who is there, by place."""
        return self._workers

    def empty(self) -> Iterator[int]:
        """Places that are to be filled; only the first, while no worker has ever got ready."""
        for place in range(len(self._places) if self.is_proved else 1):
            if place not in self._workers:
                yield place

    def due(self, place: int) -> float:
        """When a place is to be filled, in monotonic time."""
        return self._places[place].due

    def fill(self, place: int, process: int, link: Link) -> Worker:
        """A new worker; if others still read the policies it will have to do so too."""
        present = self._workers.values()
        is_behind = any(worker.reading or worker.is_behind for worker in present)
        worker = Worker(place=place, process=process, link=link, is_behind=is_behind)
        self._workers[place] = worker
        return worker

    def vacate(self, worker: Worker) -> float:
        """A worker has ended; the seconds until its place is due to be filled."""
        del self._workers[worker.place]
        return self._wait(worker.place, time.monotonic() - worker.since)

    def put_off(self, place: int) -> float:
        """A place could not be filled; the seconds until that is tried again."""
        # At once would be again and again.
        return self._wait(place, 0.0) or self._wait(place, 0.0)

    def are_all(self, holds: Callable[[Worker], bool]) -> bool:
        """Whether every place has a worker, of whom this holds."""
        workers = self._workers.values()
        return len(workers) == len(self._places) and all(map(holds, workers))

    def clear(self) -> None:
        """Let go of the links of all, in a process that is not above them."""
        for worker in self._workers.values():
            worker.link.close()
        self._workers.clear()

    def _wait(self, place: int, lived: float) -> float:
        pause = self._places[place].pauses.after(lived)
        self._places[place].due = time.monotonic() + pause
        return pause
