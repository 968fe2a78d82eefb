"""Pools of threads: who is woken, who waits, and how they end."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Event

import pytest

from cds_service.web.pools import Pool
from cds_service.web.request_reader import RequestReader

SOON = 10.0  # seconds: far more than it takes


@dataclass(slots=True)
class FakeTask:
    """Does some work, and remembers by which thread, or that it was dropped."""

    work: Callable[[], object] = bool
    requests: list[RequestReader] = field(default_factory=list)
    thread: str = ""
    done: Event = field(default_factory=Event)
    cancelled: Event = field(default_factory=Event)

    def service(self) -> None:
        self.thread = threading.current_thread().name
        try:
            self.work()
        finally:
            self.done.set()

    def cancel(self) -> None:
        self.cancelled.set()


def served(pool: Pool, task: FakeTask) -> FakeTask:
    """The task, once it is done and its thread waits again."""
    pool.add_task(task)
    assert task.done.wait(SOON)
    time.sleep(0.01)
    return task


def close(pool: Pool) -> None:
    """End its threads, as soon as they are done."""
    pool.shutdown(time.monotonic() + SOON)


def test_one_caller_after_the_other_keeps_few_threads_warm() -> None:
    """Of eight threads not all take turns: the last one is woken again."""
    pool = Pool("call", 8, stuck=SOON)
    threads = {served(pool, FakeTask()).thread for _ in range(16)}
    close(pool)

    assert len(threads) < 8


def test_what_comes_while_all_are_busy_is_served_in_its_order() -> None:
    """None is forgotten, and none overtakes."""
    pool, go, seen = Pool("call", 1, stuck=SOON), Event(), list[int]()
    pool.add_task(FakeTask(work=lambda: go.wait(SOON)))
    waiting = [FakeTask(work=partial(seen.append, number)) for number in range(5)]
    for task in waiting:
        pool.add_task(task)
    go.set()
    assert all(task.done.wait(SOON) for task in waiting)
    close(pool)

    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_task_that_fails_takes_no_thread_with_it() -> None:
    """The one thread there is serves the next."""
    pool = Pool("call", 1, stuck=SOON)
    served(pool, FakeTask(work=partial(int, "none")))

    assert served(pool, FakeTask()).thread == "call-0"
    close(pool)


def test_a_pool_is_stuck_once_what_waits_is_taken_by_no_thread() -> None:
    """Busy threads alone are not: nobody waits for them."""
    pool, go = Pool("call", 1, stuck=0.05), Event()
    busy, waiting = FakeTask(work=lambda: go.wait(SOON)), FakeTask()
    pool.add_task(busy)
    time.sleep(0.1)
    is_stuck_busy = pool.is_stuck()
    pool.add_task(waiting)
    is_stuck_at_once = pool.is_stuck()
    time.sleep(0.1)
    is_stuck_later = pool.is_stuck()
    go.set()
    assert waiting.done.wait(SOON)

    assert (is_stuck_busy, is_stuck_at_once, is_stuck_later) == (False, False, True)
    assert not pool.is_stuck()
    close(pool)


def test_a_stop_ends_idle_threads_and_drops_what_waits() -> None:
    """It waits for nobody longer than it is told to."""
    pool, go = Pool("ending", 2, stuck=SOON), Event()
    busy = [FakeTask(work=lambda: go.wait(SOON)) for _ in range(2)]
    waiting = FakeTask()
    for task in (*busy, waiting):
        pool.add_task(task)
    pool.shutdown(time.monotonic() + 0.05)

    assert waiting.cancelled.is_set()
    assert not waiting.done.is_set()
    go.set()
    assert all(task.done.wait(SOON) for task in busy)
    close(pool)
    left = [thread for thread in threading.enumerate() if thread.name.startswith("ending")]
    for thread in left:
        thread.join(SOON)
    assert not any(thread.is_alive() for thread in left)
