"""A server that freezes, as by SIGSTOP, or a pool whose server is gone, holds up no thread."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from databases import fresh_database
from gate import Gate, gate_before
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from stores import token_use

from cds_service.audit.journal import Journal
from cds_service.audit.rows import make_use
from cds_service.audit.standing import Standing
from cds_service.audit.store import DatabaseLog
from cds_service.audit.upkeep import Store, Upkeep
from cds_service.audit.writer import Writer
from cds_service.database.engine import open_engine
from cds_service.database.leases import StoreLeases
from cds_service.database.migrations import migrate
from cds_service.database.store_time import ask_time
from cds_service.database.time_limit import TimeLimit, keep

pytestmark = pytest.mark.postgresql

LIMIT = 1.0  # seconds of work with the database
SOON = 12.0  # seconds: the limit, a new connection, and a slow machine


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Iterator[tuple[Gate, Engine]]:
    """A gate before a server, and a database behind it that holds connections already."""
    with (
        fresh_database(request.config.getoption("--postgresql")) as url,
        gate_before(url) as (door, through),
    ):
        engine = open_engine(through)
        migrate(engine)
        yield door, engine
        engine.dispose()


def seconds_of(work: Callable[[], object]) -> float:
    """How long work takes; it fails if that is very long."""
    begun = time.monotonic()
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(2 * SOON)
    assert not thread.is_alive(), "it waits without bound"
    return time.monotonic() - begun


def test_an_exchange_of_leases_ends_though_the_server_is_frozen(gate: tuple[Gate, Engine]) -> None:
    """Whatever it waits for, the beginning of its transaction too."""
    door, engine = gate
    leases = StoreLeases(engine, "process")
    assert leases.exchange([])
    door.freeze()

    assert seconds_of(lambda: leases.exchange([])) < SOON
    assert seconds_of(leases.close) < SOON


def test_upkeep_stops_though_the_server_is_frozen(
    gate: tuple[Gate, Engine], tmp_path: Path
) -> None:
    """The look under way ends, and so does a stop that waits for it."""
    door, engine = gate
    minutes = count(step=61)  # at each look it is time again to forget tokens
    with ExitStack() as closed_last:
        limit = closed_last.enter_context(closing(TimeLimit(LIMIT)))
        journal, standing = Journal(tmp_path / "journal", 1 << 20), Standing()
        writer = Writer(engine, journal, standing, limit)
        closed_last.callback(writer.release)
        writer.commit([make_use(token_use("a"))])
        store = Store(engine=engine, journal=journal, standing=standing, writer=writer, limit=limit)
        upkeep = Upkeep(store, tick=0.02, clock=lambda: float(next(minutes)))
        time.sleep(0.5)
        door.freeze()
        time.sleep(0.5)

        assert seconds_of(upkeep.close) < SOON


def test_whatever_a_service_reads_of_a_frozen_server_ends(
    gate: tuple[Gate, Engine], tmp_path: Path
) -> None:
    """A thread that answers, or that stops, is not lost; the connection that writes is kept."""
    door, engine = gate
    log = DatabaseLog(engine, Journal(tmp_path / "journal", 1 << 20))
    log.write_use(token_use("a"))
    assert ask_time(engine)
    door.freeze()
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(_fails, lambda: ask_time(engine)) for _ in range(4)]
        seconds = seconds_of(lambda: [answer.result() for answer in asked])
    stopped = seconds_of(log.close)

    assert [answer.result() for answer in asked] == [True] * 4
    assert seconds < 2 * SOON
    assert stopped < 2 * SOON


def _fails(work: Callable[[], object]) -> bool:
    try:
        work()
    except SQLAlchemyError:
        return True
    return False


def test_a_connection_that_is_kept_is_not_cut_for_being_idle(gate: tuple[Gate, Engine]) -> None:
    """Others are, once they have been away for too long; those given back in time are not."""
    _, engine = gate
    with closing(TimeLimit(0.3)) as limit:
        limit.watch(engine)
        with engine.connect() as kept, engine.connect() as other:
            keep(kept)
            time.sleep(1.0)
            kept.exec_driver_sql("SELECT 1")
            assert _fails(lambda: other.exec_driver_sql("SELECT 1"))
            other.invalidate()
        for _ in range(4):
            ask_time(engine)
            time.sleep(0.2)
