"""A store that is hindered under load: what callers hear before, meanwhile, after (C3 to C5)."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from faults.callers import Heard, calling
from faults.hindrances import Hindrance
from faults.ledger import CopyWatch, Findings, await_drained, settle
from faults.site import Site
from faults.workers import Worker, stopped_in_the_end

_CALLERS = 4  # on each worker

Show = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Phase:
    """A stretch of a run: statuses of the calls that ended in it, and what was to be seen."""

    name: str
    statuses: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    most_journaled: int = 0
    not_ready: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a store is hindered: `workers` serve it, for so many seconds in each phase."""

    hindrance: Hindrance
    workers: Sequence[Worker]
    before: float = 5.0
    meanwhile: float = 30.0
    after: float = 10.0


def hinder(site: Site, plan: Plan, show: Show) -> tuple[Heard, Sequence[Phase], Findings]:
    """Workers under load on a store while it is hindered; what was heard, and what is kept."""
    heard, watch = Heard(), CopyWatch(site)
    run = _Run(site=site, workers=plan.workers, heard=heard, show=show)
    with stopped_in_the_end(plan.workers):
        for worker in plan.workers:
            worker.start()
        with calling(plan.workers, _CALLERS, heard):
            run.pass_phase("before", plan.before)
            with plan.hindrance(site, plan.workers):
                run.pass_phase("meanwhile", plan.meanwhile)
            run.pass_phase("after", plan.after)
            run.await_ready()
            run.pass_phase("once ready", 1.0)
        await_drained(site, heard)
        watch.look()
        for worker in plan.workers:
            worker.stop()
    return heard, run.phases, settle(site, heard, watch)


@dataclass(slots=True, kw_only=True)
class _Run:
    site: Site
    workers: Sequence[Worker]
    heard: Heard
    show: Show
    phases: list[Phase] = field(default_factory=list)

    def pass_phase(self, name: str, seconds: float) -> None:
        """Let time pass, and look at the workers every now and then."""
        phase = Phase(name=name)
        before = self._begin()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(min(0.2, seconds))
            phase.most_journaled = max(phase.most_journaled, self.site.journaled())
            for worker in self.workers:
                phase.not_ready += [why for why in worker.not_ready() if why not in phase.not_ready]
        with self.heard.door:
            phase.statuses = self.heard.statuses - before
            phase.longest = self.heard.longest
        self.phases.append(phase)
        self.show(f"{name}: {dict(phase.statuses)}, not ready: {phase.not_ready or 'never'}")

    def _begin(self) -> Counter[int]:
        with self.heard.door:
            self.heard.longest = 0.0
            return self.heard.statuses.copy()

    def await_ready(self) -> None:
        """Until every worker may be sent calls again, as long as it may reasonably take."""
        until = time.monotonic() + 30
        while any(worker.not_ready() for worker in self.workers) and time.monotonic() < until:
            time.sleep(0.1)
