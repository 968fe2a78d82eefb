"""Following the store: a thread that looks about once a second which set all are to serve.

What is asked for goes to the reloader some time before its instant, so that it is proved and at
hand when all swap. While the store is away, what is in service stays.
"""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.database.causes import find_cause
from cds_service.database.engine import write_on
from cds_service.database.store_time import read_time
from cds_service.database.time_limit import TimeLimit
from cds_service.live.activations import Activation, Plan, read_plan
from cds_service.live.attempt import Attempt, Standing
from cds_service.live.candidate import Candidate, PolicySet, Source
from cds_service.live.kept_sets import read_kept
from cds_service.live.permits import Permits
from cds_service.live.serving import SEEN_EVERY, Instance, Serving, write_end, write_serving
from cds_service.live.store_clock import StoreClock

_LOG = logging.getLogger("cds_service.live")
_EVERY = 1.0  # seconds between two looks
_AHEAD = timedelta(minutes=10)  # that a set is made ready before its instant
_WORK_SECONDS = 2.0  # the most one look takes before its connection is cut
_STOP_SECONDS = 5.0  # the most a stop waits for the look under way


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What the thread works with: whom it asks for a set, and where the directories are read."""

    engine: Engine
    instance: Instance
    permits: Permits
    clock: StoreClock
    request: Callable[[Candidate], Future[Attempt]]
    standing: Callable[[], Standing]
    directories: Callable[[], PolicySet]


class Follower:
    """The thread, from `start` to `close`; `served` is the number of the activation served first.

    A process that was started with its directories has served activation 0. `problem` is why the
    latest activation is not followed, empty if it is.
    """

    def __init__(self, hands: Hands, served: int, every: float = _EVERY) -> None:
        self._hands, self._every = hands, every
        self._begun = self._asked = served
        self._attempt: Future[Attempt] | None = None
        self.problem = self._away = ""
        self._written: tuple[Serving, float] | None = None
        self._limit = TimeLimit(_WORK_SECONDS)
        self._closed = Event()
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="policy-following", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no more, and write that this process has stopped, if the store is there."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        if self._written:
            with suppress(SQLAlchemyError), self._connected() as connection, write_on(connection):
                write_end(connection, self._hands.instance, read_time(connection))
        self._limit.close()

    def _run(self) -> None:
        while True:
            try:
                self.look()
                self._note_away("")
            except SQLAlchemyError as error:
                self._note_away(find_cause(error).words)
            except ValueError:  # a row that no release of ours has written
                self._note_problem("what the store holds of activations or approvals is not sound")
            if self._closed.wait(self._every):
                return

    def look(self) -> None:
        """Read what is to be served, ask for it, and write what is served.

        Raises:
            SQLAlchemyError: the store is away.
        """
        with self._connected() as connection:
            with connection.begin():
                plan = self._read(connection)
            self._follow(plan)
            self._tell(connection, plan.now)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._hands.engine.connect() as connection, self._limit.on(connection):
            yield connection

    def _read(self, connection: Connection) -> Plan:
        """The plan, as far as it is approved."""
        asked = time.monotonic()
        now = read_time(connection)
        self._hands.clock.set(now, asked)
        plan = read_plan(connection, now)
        digests = {found.order.digest for found in plan.activations}
        approvals = self._hands.permits.read(connection, digests)
        latest = plan.current
        refusal = self._hands.permits.refusal(latest, approvals) if latest else ""
        self._note_refusal(latest, refusal)
        return self._hands.permits.permitted(plan, approvals)

    def _follow(self, plan: Plan) -> None:
        """Ask for what is in force if it never was asked for, else for what comes next."""
        current = plan.current
        number = current.number if current else 0
        coming = _next(plan)
        if number != self._begun:
            if number != self._asked:
                self._ask(current)
            elif current and not current.order.digest:
                # Read a while ago, and changes since then were not followed.
                self._hands.request(self._directories(starts=None, is_ordered=False))
            self._begun = self._asked = number
        elif self._attempt and not self._attempt.done():
            return
        elif coming and coming.number != self._asked:
            self._ask(coming)
        elif not coming and self._asked != self._begun:  # cancelled before it began
            self._ask(current)

    def _ask(self, activation: Activation | None) -> None:
        self._asked = activation.number if activation else 0
        self._attempt = self._hands.request(self._candidate(activation))

    def _candidate(self, activation: Activation | None) -> Candidate:
        if activation is None:
            return self._directories(starts=None, is_ordered=True)
        digest = activation.order.digest
        if not digest:
            return self._directories(starts=activation.starts, is_ordered=True)
        return Candidate(
            read=lambda: read_kept(self._hands.engine, digest),
            source=Source.ACTIVATION,
            starts=activation.starts,
            is_ordered=True,
        )

    def _directories(self, *, starts: datetime | None, is_ordered: bool) -> Candidate:
        return Candidate(
            read=self._hands.directories,
            source=Source.DIRECTORIES,
            starts=starts,
            is_ordered=is_ordered,
        )

    def _tell(self, connection: Connection, now: datetime) -> None:
        """Write what is served, if that has changed or a sign of life is due."""
        serving = self._serving()
        if self._is_due(serving):
            with write_on(connection):
                write_serving(connection, self._hands.instance, serving, now)
            self._written = serving, time.monotonic()

    def _serving(self) -> Serving:
        standing = self._hands.standing()
        return Serving(
            digest=standing.digest,
            source=standing.source.value,
            since=standing.since,
            problem=standing.cause or self.problem,
            approvals=self._hands.permits.needed,
        )

    def _is_due(self, serving: Serving) -> bool:
        if self._written is None or self._written[0] != serving:
            return True
        return time.monotonic() - self._written[1] >= SEEN_EVERY

    def _note_refusal(self, latest: Activation | None, refusal: str) -> None:
        """A line where the latest activation is not approved, once."""
        self._note_problem(f"activation {latest.number}: {refusal}" if latest and refusal else "")

    def _note_problem(self, problem: str) -> None:
        if problem and problem != self.problem:
            extra = {"event": "activation-refused", "cause": problem}
            _LOG.error("an activation is not followed: %s", problem, extra=extra)
        self.problem = problem

    def _note_away(self, words: str) -> None:
        """A line when the store goes away, and one when it is back."""
        if words and not self._away:
            extra = {"event": "activations-away", "cause": words}
            _LOG.warning(
                "activations cannot be read, so the policies in service stay: %s",
                words,
                extra=extra,
            )
        if self._away and not words:
            _LOG.info("activations are read again", extra={"event": "activations-back"})
        self._away = words


def _next(plan: Plan) -> Activation | None:
    """What comes next, once it is time to make it ready."""
    coming = next(iter(plan.coming), None)
    return coming if coming and coming.starts - plan.now <= _AHEAD else None
