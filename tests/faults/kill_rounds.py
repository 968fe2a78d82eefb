"""Kills: two workers on one store, killed at random points under load, again and again (C1)."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from faults.callers import Heard, calling
from faults.ledger import Findings, await_ledger
from faults.workers import Worker, stopped_in_the_end

_CALLERS = 4  # on each worker
_SHORTEST, _LONGEST = 0.02, 0.8  # seconds of load before the kill

Show = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Killed:
    """What came of all rounds."""

    rounds: int = 0
    told: set[str] = field(default_factory=set)
    statuses: dict[int, int] = field(default_factory=dict)

    def add(self, heard: Heard) -> None:
        """One more round."""
        self.rounds += 1
        self.told |= heard.assertions
        for status, calls in heard.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + calls


def kill_in_rounds(
    directory: Path, url: str, rounds: int, show: Show, seed: int
) -> tuple[Killed, Findings]:
    """Two workers on the store at `url`, killed in so many rounds; what they answered, and kept."""
    chance = random.Random(seed)  # noqa: S311  # where to kill, no secret
    workers = [Worker(directory=directory, arguments=("--database", url)) for _ in range(2)]
    killed = Killed()
    with stopped_in_the_end(workers):
        for worker in workers:
            worker.start()
        for number in range(1, rounds + 1):
            with calling(workers, _CALLERS) as heard:
                time.sleep(chance.uniform(_SHORTEST, _LONGEST))
                for victim in chance.sample(workers, chance.choice((1, 2, 2))):
                    victim.kill()
            killed.add(heard)
            for worker in workers:
                if not worker.is_running:
                    worker.start()
            if number % 10 == 0:
                show(f"{number} of {rounds} rounds, {len(killed.told)} answers, {killed.statuses}")
        findings = await_ledger(url, killed.told, lambda: None)
        for worker in workers:
            worker.stop()
    return killed, findings
