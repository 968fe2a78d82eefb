"""Going live in several workers: whichever is asked, all serve what was asked for."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from live.served_sets import Served, serving_set
from sqlalchemy import Engine
from two_sets import AUTUMN, SPRING, write_set

from cds_service.audit.libraries import keep_library
from cds_service.database.engine import open_engine
from cds_service.live.activations import Kind, Order, add_activation, find_plan
from cds_service.live.serving import find_served
from cds_service.live.shadow_store import read_effects, set_shadow
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.snapshot import digest, pack

pytestmark = pytest.mark.long

IN_TWO = ("--workers", "2", "--no-watch")
PATIENCE = 60.0
ASKED = 20  # calls on new connections, so that more than one worker is asked


def workers_of(served: Served) -> Sequence[psutil.Process]:
    """The workers of a service."""
    children = psutil.Process(served.run.pid).children()
    return [worker for generation in children for worker in generation.children()]


def seasons(served: Served) -> set[str]:
    """By which sets a number of calls are answered."""
    return {served.season() for _ in range(ASKED)}


@contextmanager
def stored(served: Served) -> Iterator[Engine]:
    """The store of a service as another program opens it."""
    engine = open_engine(f"sqlite:///{served.database}")
    try:
        yield engine
    finally:
        engine.dispose()


def await_sets(served: Served, digests: int, processes: int) -> None:
    """Return once so many living processes serve so many sets, as the store has it."""
    until = time.monotonic() + PATIENCE
    with stored(served) as engine:
        while time.monotonic() < until:
            alive = {worker.pid for worker in workers_of(served)}
            found = [
                row
                for row in find_served(engine, find_plan(engine).now)
                if row.instance.process in alive
            ]
            sets = {row.serving.digest for row in found}
            if (len(sets), len(found)) == (digests, processes):
                return
            time.sleep(0.1)
        raise AssertionError("the store never showed it")


def await_season(served: Served, season: str) -> None:
    """Return once each of a number of calls is answered by this set."""
    until = time.monotonic() + PATIENCE
    while seasons(served) != {season}:
        assert time.monotonic() < until


def test_a_hang_up_changes_the_set_in_all_workers(tmp_path: Path) -> None:
    """`systemctl reload` reaches the supervisor alone."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, *IN_TWO) as served:
        before = seasons(served)
        write_set(library, AUTUMN)
        served.hang_up()
        await_season(served, AUTUMN)
        await_sets(served, digests=1, processes=2)
        changed = served.events().count("changed")

    assert before == {SPRING}
    assert changed == 2


def test_what_an_operator_asks_of_one_worker_reaches_all(tmp_path: Path) -> None:
    """POST /admin/reload is answered by one of them."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, *IN_TWO) as served:
        write_set(library, AUTUMN)
        status, reloaded = served.reload()
        await_season(served, AUTUMN)
        await_sets(served, digests=1, processes=2)

    assert status == 200
    assert reloaded["changed"] is True


def test_a_new_worker_begins_with_the_set_that_the_others_serve(tmp_path: Path) -> None:
    """Also where the directories hold another by then, which nobody has asked for."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, *IN_TWO) as served:
        write_set(library, AUTUMN)
        served.hang_up()
        await_season(served, AUTUMN)
        await_sets(served, digests=1, processes=2)
        write_set(library, SPRING)
        for worker in workers_of(served):
            worker.kill()
            worker.wait(PATIENCE)
        await_sets(served, digests=1, processes=2)
        after = seasons(served)

    assert after == {AUTUMN}


def keep(engine: Engine, directory: Path) -> str:
    """The digest of the set in a directory, kept in the store."""
    library = read_library([directory])
    keep_library(engine, digest(library), pack(library))
    return digest(library)


def test_all_workers_follow_an_activation(tmp_path: Path) -> None:
    """Each looks in the store by itself."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, *IN_TWO) as served, stored(served) as engine:
        named = keep(engine, write_set(tmp_path / "autumn", AUTUMN))
        activate = Order(kind=Kind.ACTIVATE, digest=named, who="maria")
        add_activation(engine, activate, lead=timedelta(seconds=1))
        await_season(served, AUTUMN)
        await_sets(served, digests=1, processes=2)


def test_a_set_answers_silently_in_all_workers(tmp_path: Path) -> None:
    """What differs is counted over all of them."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, *IN_TWO) as served, stored(served) as engine:
        coming = keep(engine, write_set(tmp_path / "autumn", AUTUMN))
        set_shadow(engine, coming, "maria")
        await_events(served, "shadow-changed", 2)
        before = seasons(served)
        until = time.monotonic() + PATIENCE
        while sum(kind.count for kind in read_effects(engine, coming)) < ASKED:
            assert time.monotonic() < until
            time.sleep(0.1)
        counted = sum(kind.count for kind in read_effects(engine, coming))

    assert before == {SPRING}
    assert counted == ASKED


def test_every_line_of_the_one_log_is_whole(tmp_path: Path) -> None:
    """Several processes write it at the same time."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, *IN_TWO) as served:
        for _ in range(ASKED):
            served.season()
        served.run.send_signal(signal.SIGUSR2)
        await_events(served, "renewal", 2)
        lines = (tmp_path / "log").read_text().splitlines()

    assert len(served.log) >= len(lines)
    assert sum(line.get("event") == "call" for line in served.log) == ASKED


def await_events(served: Served, event: str, count: int) -> None:
    """Return once the log has so many of these."""
    until = time.monotonic() + PATIENCE
    while sum(line.get("event") == event for line in served.log) < count:
        assert time.monotonic() < until
        time.sleep(0.1)
