"""Read models are made at first use, once, and never by a start or by a call."""

from datetime import UTC, datetime
from functools import partial
from threading import Barrier, Lock, Thread

import pytest

from cds_service.app.read_models import Lazily, ReadModels
from cds_service.app.service import build_service
from cds_service.audit.log import NoLog
from cds_service.settings import Settings

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def make(made: list[int]) -> str:
    """A value, and a mark that it was made."""
    made.append(1)
    return "made"


def test_a_value_is_made_when_it_is_first_asked_for() -> None:
    """Not before, and not again."""
    made: list[int] = []
    value = Lazily(partial(make, made), Lock())

    assert made == []
    assert (value(), value()) == ("made", "made")
    assert made == [1]


def test_a_value_that_many_ask_for_at_once_is_made_once() -> None:
    """Whoever comes while it is made waits for it."""
    made: list[int] = []
    value = Lazily(partial(make, made), Lock())
    barrier, found = Barrier(8), list[str]()

    def ask() -> None:
        barrier.wait()
        found.append(value())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (made, found) == ([1], ["made"] * 8)


def test_what_could_not_be_made_is_tried_again() -> None:
    """A failure is not kept for a value."""
    tries: list[int] = []

    def fail_once() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise MemoryError
        return "made"

    value = Lazily(fail_once, Lock())
    with pytest.raises(MemoryError):
        value()

    assert value() == "made"


def test_the_models_are_of_the_service_and_its_beginning() -> None:
    """Each the same whenever it is looked at."""
    service = build_service(Settings(), ehr=None, log=NoLog())
    shown = ReadModels(service, NOW)

    assert shown.rest.digest == service.recorder.library
    assert shown.rest.since == shown.coverage_list.since == NOW
    assert shown.pages is shown.pages
    assert len(shown.pages.listed.policies) == len(service.index.policies)
    assert shown.operations.library is service.library
