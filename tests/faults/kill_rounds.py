"""Kills: two workers on one store, killed at random points under load, again and again (C1).

Every other round they are killed while they move their journals into the store: it was locked for a
moment, so that they had to keep answers there.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from faults.callers import Heard, calling
from faults.hindrances import locked
from faults.ledger import CopyWatch, Findings, await_drained, settle
from faults.site import Site
from faults.workers import Worker, stopped_in_the_end
from sqlalchemy import func, select

from cds_service.database.engine import reading
from cds_service.database.tables import LEAF

_CALLERS = 4  # on each worker
_SHORTEST, _LONGEST = 0.02, 0.8  # seconds of load before the kill
_LOCKED = 1.6  # seconds; a worker gives the lock up after one, and goes to its journal
_DRAINING = 0.05  # seconds after the first row moved within which a worker is killed
_LOOK_EVERY = 0.002  # seconds
_PATIENCE = 8.0  # seconds for the first row to be moved

Show = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Killed:
    """What came of all rounds; of `draining` ones, `left` left a journal behind."""

    rounds: int = 0
    draining: int = 0
    left: int = 0
    kills: int = 0
    heard: Heard = field(default_factory=Heard)


def kill_in_rounds(site: Site, rounds: int, show: Show, seed: int) -> tuple[Killed, Findings]:
    """Two workers on the store of a site, killed in so many rounds; what was answered and kept."""
    killed, watch = Killed(), CopyWatch(site)
    workers = [site.worker() for _ in range(2)]
    run = _Run(site=site, workers=workers, chance=random.Random(seed), killed=killed)  # noqa: S311
    with stopped_in_the_end(workers):
        for worker in workers:
            worker.start()
        for number in range(1, rounds + 1):
            run.kill(while_draining=number % 2 == 0)
            watch.look()
            if number % 10 == 0:
                calls = dict(sorted(killed.heard.statuses.items()))
                show(f"{number} of {rounds} rounds, {killed.left} with a journal left, {calls}")
        await_drained(site, killed.heard)
        for worker in workers:
            worker.stop()
    return killed, settle(site, killed.heard, watch)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    site: Site
    workers: Sequence[Worker]
    chance: random.Random  # where to kill, no secret
    killed: Killed

    def kill(self, *, while_draining: bool) -> None:
        """One round: load, a kill, and whoever was killed starts again."""
        with calling(self.workers, _CALLERS, self.killed.heard):
            time.sleep(self.chance.uniform(_SHORTEST, _LONGEST))
            if while_draining:
                self._await_draining()
            victims = self.chance.sample(self.workers, self.chance.choice((1, 2, 2)))
            for victim in victims:
                victim.kill()
        self.killed.rounds += 1
        self.killed.kills += len(victims)
        if while_draining:
            self.killed.draining += 1
            self.killed.left += bool(self.site.journaled())
        for victim in victims:
            victim.launch()
        for victim in victims:
            victim.await_start()

    def _await_draining(self) -> None:
        with self.site.read() as engine:
            with locked(self.site):
                time.sleep(_LOCKED)
                journaled = self.site.journaled()
            counted = select(func.count()).select_from(LEAF)
            until, before = time.monotonic() + _PATIENCE, -1
            while journaled and time.monotonic() < until:
                with reading(engine) as connection:
                    rows = connection.execute(counted).scalar_one()
                if before not in (-1, rows):
                    break
                before = rows
                time.sleep(_LOOK_EVERY)
        time.sleep(self.chance.uniform(0, _DRAINING))
