"""The trial: what is done to three hosts under load, and what must hold all the while.

A host whose clock is wrong must answer nothing: its tokens would be judged, its orders dated and
its records stamped by a time that is not. So it gets the same calls as the others, through the
proxy and past it, and none may be answered; nor may any record have a time that it had not.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

from faults.callers import Heard as Nobody
from faults.ledger import CopyWatch, Findings
from faults.ledger import settle as settle_store
from hosts.client import DISCOVERY, SERVICE, Caller, Heard, Sent, send
from hosts.host import await_until
from hosts.site import HostSite
from sqlalchemy import func, select

from cds_service.database.engine import reading
from cds_service.database.tables import MENTION, RECORD

_CALLERS, _LIMITED = 6, 4  # at a time, of the client without and with a limit
_HOUR = 3600
_REPLAYED = 20  # requests that are sent again in one go
Show = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Phase:
    """A stretch of the trial: what its calls came to, of both clients."""

    name: str
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    limited: Counter[int] = field(default_factory=Counter)
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All that was found in the end; each text is something that must not be."""

    phases: Sequence[Phase]
    answers: int
    wrong: Sequence[str]
    lost: Sequence[str]
    doubled: Sequence[str]
    replays: Counter[int]
    replays_let_in: Sequence[str]
    answered_by_wrong_clock: Sequence[str]
    out_of_time: int
    over_limit: Sequence[str]
    store: Findings

    @property
    def tokens_refused(self) -> int:
        """Calls under load whose token was refused: each was new, and right."""
        return sum(phase.statuses[401] + phase.limited[401] for phase in self.phases)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found that must not be."""
        found = (
            *(self.wrong, self.lost, self.doubled, self.replays_let_in),
            *(self.answered_by_wrong_clock, self.over_limit),
        )
        times = self.out_of_time + self.tokens_refused
        return not any(found) and not times and self.store.is_sound


@dataclass(slots=True, kw_only=True)
class Trial:
    """A trial of a site; each phase lasts `seconds`, and `show` is called with each line."""

    site: HostSite
    seconds: float
    show: Show
    north: Heard = field(default_factory=Heard)
    south: Heard = field(default_factory=Heard)
    phases: list[Phase] = field(default_factory=list)
    replays: Counter[int] = field(default_factory=Counter)
    let_in: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    def run(self) -> Ledger:
        """Do all there is to do, and settle."""
        begun, watch = datetime.now(UTC), CopyWatch(self.site.store)
        with self._load():
            self._pass("all well")
            self._replay_elsewhere()
            self._kill_first()
            self._cut_second()
            self._replay_elsewhere()
            self._set_third(_HOUR)
            self._set_third(-_HOUR)
            self._pass("all well again")
        self._replay_elsewhere()
        watch.look()
        await_until(lambda: not self.site.journaled(), "a journal is left")
        for host in self.site.hosts:
            host.stop()
        return self._settle(begun, watch)

    @contextmanager
    def _load(self) -> Iterator[None]:
        stop, port = Event(), self.site.proxy
        callers = [
            *(Caller(self.site.north, port, self.north, stop) for _ in range(_CALLERS)),
            *(Caller(self.site.south, port, self.south, stop) for _ in range(_LIMITED)),
        ]
        for caller in callers:
            caller.start()
        try:
            yield
        finally:
            stop.set()
            for caller in callers:
                caller.join(60)

    def _pass(self, name: str, during: Callable[[], str] = str, *, cut_off: int = 0) -> None:
        """Let time pass; `during` is called in the middle of it, and tells what was seen.

        `cut_off` is how many of the three hosts may let through their part besides.
        """
        before = self.north.statuses.copy(), self.south.statuses.copy()
        begun = time.monotonic()
        time.sleep(self.seconds / 2)
        seen = during()
        time.sleep(self.seconds / 2)
        phase = Phase(
            name=name,
            seconds=time.monotonic() - begun,
            statuses=self.north.statuses - before[0],
            limited=self.south.statuses - before[1],
            seen=seen,
        )
        self.phases.append(phase)
        self._check_limit(phase, begun, cut_off)
        self.show(
            f"{name}: {dict(phase.statuses)}, with a limit {dict(phase.limited)}"
            + (f"; {seen}" if seen else "")
        )

    def _check_limit(self, phase: Phase, begun: float, cut_off: int) -> None:
        """A client with a limit is never over it, nor far below while all is well.

        Calls count by when they were sent: so long as one waited, it may belong to the second
        before.
        """
        rate, most = self.site.south.rate, _LIMITED
        passed = sum(begun <= at < begun + phase.seconds for at in self.south.passed)
        allowed = rate * (phase.seconds + 1) * (1 + cut_off / 3) + most + 6 * cut_off
        if passed > allowed:
            self.over.append(f"{phase.name}: {passed} calls let through, {allowed:.0f} allowed")
        is_starved = passed < rate * phase.seconds / 2 and phase.limited[429] > passed / 4
        if not cut_off and not phase.seen and is_starved:
            self.over.append(f"{phase.name}: {passed} calls let through, of {rate} a second")

    def _replay_elsewhere(self) -> None:
        """Send what was answered once more to each host that is well: it is refused everywhere."""
        recent = [sent for sent in self.north.sent if time.monotonic() - sent.at < 120]
        again = recent[:: max(1, len(recent) // _REPLAYED)]
        north = self.site.north
        seen = Sent(path=DISCOVERY, body=b"", token=north.token(DISCOVERY), at=0.0)
        unknown = f"{SERVICE}-of-nobody"
        refused = Sent(path=unknown, body=b"{}", token=north.token(unknown), at=0.0)
        first = [send(self.site.hosts[0].port, sent)[0] for sent in (seen, refused)]
        if first != [200, 404]:
            self.let_in.append(f"discovery and an unknown service answered {first}")
        for host in self.site.hosts:
            for sent in (*again, seen, refused):
                status, _ = send(host.port, sent)
                self.replays[status] += 1
                if status != 401:
                    self.let_in.append(f"{host.name} answered {status} to {sent.path} again")

    def _kill_first(self) -> None:
        first = self.site.hosts[0]

        def kill() -> str:
            first.kill()
            return "killed"

        self._pass("host 1 killed", kill)
        first.launch()
        self._pass("host 1 starts", lambda: "started")
        first.await_ready()

    def _cut_second(self) -> None:
        second = self.site.hosts[1]

        def cut() -> str:
            self.site.relay.cut()
            return "cut"

        self._pass("host 2 cut off", cut, cut_off=1)
        self._pass("still cut off", lambda: f"journal {self.site.journaled()} bytes", cut_off=1)
        self.site.relay.join()
        await_until(lambda: not self.site.journaled(), "the journal is not drained")
        second.await_ready()
        self._pass("host 2 joined again", lambda: "drained", cut_off=1)

    def _set_third(self, ahead: int) -> None:
        third = self.site.hosts[2]

        def set_clock() -> str:
            self.site.clock.set(ahead)
            self._call_past_proxy()
            return third.not_ready() or "ready"

        self._pass(f"host 3 {ahead:+d} seconds", set_clock)
        if "clock" not in self.phases[-1].seen:
            self.answered.append(f"{third.name} was ready with a clock {ahead} seconds off")
        self.site.clock.set(0)
        third.await_ready()

    def _call_past_proxy(self) -> None:
        """Call host 3 itself, with tokens that are right and that its own clock finds right."""
        third, north = self.site.hosts[2], self.site.north
        body = self.north.sent[-1].body
        for path in (SERVICE, DISCOVERY):
            status, _ = send(third.port, Sent(path=path, body=body, token=north.token(path), at=0))
            if status != 503:
                self.answered.append(f"{third.name} answered {status} to {path}")

    def _settle(self, begun: datetime, watch: CopyWatch) -> Ledger:
        store = settle_store(self.site.store, Nobody(), watch)
        assertions = self.north.assertions + self.south.assertions
        with self.site.store.read() as engine, reading(engine) as connection:
            named = select(MENTION.c.value).where(MENTION.c.name == "assertion")
            kept = Counter(connection.scalars(named))
            minute = timedelta(minutes=1)
            beyond = (RECORD.c.at < begun - minute) | (RECORD.c.at > datetime.now(UTC) + minute)
            out_of_time = connection.scalar(select(func.count()).select_from(RECORD).where(beyond))
        return Ledger(
            phases=self.phases,
            answers=len(self.north.sent) + len(self.south.sent),
            wrong=[*self.north.wrong, *self.south.wrong],
            lost=sorted(assertions.keys() - kept.keys()),
            doubled=sorted(name for name in assertions if kept[name] > 1 or assertions[name] > 1),
            replays=self.replays,
            replays_let_in=self.let_in,
            answered_by_wrong_clock=self.answered,
            out_of_time=out_of_time or 0,
            over_limit=self.over,
            store=store,
        )
