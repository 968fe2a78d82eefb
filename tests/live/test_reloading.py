"""The thread that has sets tried: in order, once for all who noticed, and again."""

import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import closing, contextmanager
from threading import Event

import pytest
from live.staging import ACTIVATION, DIRECTORIES, Scene, candidate, failing, set_of
from stores import wait_until

from cds_service.errors import NotThereYet, SetRefused
from cds_service.live.attempt import Attempt, Ending, Standing
from cds_service.live.candidate import Candidate, PolicySet
from cds_service.live.reloading import Reloader

PATIENCE = 10.0


@contextmanager
def reloading(scene: Scene, noted: list[Attempt] | None = None) -> Iterator[Reloader[str]]:
    """The thread at work on a scene."""
    attempts: list[Attempt] = [] if noted is None else noted

    def note(attempt: Attempt, _standing: Standing) -> None:
        attempts.append(attempt)

    with closing(Reloader(scene.stage, note, again=0.05)) as reloader:
        reloader.start()
        yield reloader


def ended(future: Future[Attempt]) -> Ending:
    """How the attempt ended that was asked for."""
    return future.result(PATIENCE).ending


def held(begun: Event, hold: Event, title: str) -> Candidate:
    """A set whose reading, once it has begun, takes as long as it is held."""

    def read() -> PolicySet:
        begun.set()
        hold.wait(PATIENCE)
        return set_of(title)

    return Candidate(read=read, source=DIRECTORIES)


def test_sets_are_tried_in_the_order_they_were_asked_for() -> None:
    """The last one asked for is in service in the end."""
    scene = Scene()
    with reloading(scene) as reloader:
        orders = [
            reloader.request(candidate(title, source=ACTIVATION, is_ordered=True))
            for title in ("second", "third", "fourth")
        ]
        assert [ended(order) for order in orders] == [Ending.CHANGED] * 3

    assert scene.serves("fourth")


def test_directories_are_read_once_for_all_who_noticed_meanwhile() -> None:
    """A hundred signals are one read, which begins after the last of them."""
    scene, begun, hold, noted = Scene(), Event(), Event(), list[Attempt]()
    with reloading(scene, noted) as reloader:
        first = reloader.request(held(begun, hold, "second"))
        begun.wait(PATIENCE)
        others = [reloader.request(candidate("third")) for _ in range(100)]
        hold.set()

        assert [ended(first), *map(ended, others)] == [Ending.CHANGED] * 101

    assert len(noted) == 2
    assert scene.serves("third")


def test_what_cannot_be_kept_now_is_tried_again_and_goes_live_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With one line when it began and one when it has ended."""
    scene, noted = Scene(errors={"keep": NotThereYet("the database is away")}), list[Attempt]()
    with caplog.at_level(logging.INFO), reloading(scene, noted) as reloader:
        assert ended(reloader.request(candidate("second"))) is Ending.POSTPONED
        wait_until(lambda: len(noted) > 3)
        assert reloader.standing().cause == "the database is away"
        del scene.errors["keep"]
        wait_until(lambda: scene.serves("second"))
        wait_until(lambda: noted[-1].ending is Ending.CHANGED)

    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_what_is_refused_is_not_tried_again_by_itself() -> None:
    """Only a change can mend it."""
    scene, noted = Scene(errors={"prove": SetRefused("a case fails")}), list[Attempt]()
    with reloading(scene, noted) as reloader:
        assert ended(reloader.request(candidate("second"))) is Ending.REFUSED
        Event().wait(0.3)

    assert len(noted) == 1


def test_a_set_in_place_of_another_ends_the_tries_of_that() -> None:
    """Else the older could come in service after the newer."""
    scene = Scene(errors={"keep": NotThereYet("the database is away")})
    with reloading(scene) as reloader:
        assert ended(reloader.request(candidate("second"))) is Ending.POSTPONED
        del scene.errors["keep"]
        assert ended(reloader.request(candidate("third"))) is Ending.CHANGED
        Event().wait(0.3)

    assert scene.serves("third")


def test_a_fault_of_the_program_ends_the_attempt_and_not_the_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever waits is answered, the old set stays, and the next set goes live."""
    scene = Scene()
    with reloading(scene) as reloader:
        attempt = reloader.request(failing(ZeroDivisionError("secret"))).result(PATIENCE)
        assert ended(reloader.request(candidate("second"))) is Ending.CHANGED

    assert attempt.cause == "a fault of the program: ZeroDivisionError"
    assert any(record.exc_info for record in caplog.records)


def test_a_set_goes_live_at_its_instant_by_the_clock_of_the_stage() -> None:
    """That of the store, which all hosts share."""
    scene, noted = Scene(), list[Attempt]()
    with reloading(scene, noted) as reloader:
        order = candidate("second", after=60, source=ACTIVATION, is_ordered=True)
        assert ended(reloader.request(order)) is Ending.WAITING
        scene.seconds = 60
        wait_until(lambda: scene.serves("second"))
        wait_until(lambda: len(noted) == 2)

    assert noted[-1].ending is Ending.CHANGED


def test_whoever_waits_when_the_service_stops_is_not_left_waiting() -> None:
    """The attempt under way ends; the others are cancelled, also those asked for later."""
    scene, begun, hold = Scene(), Event(), Event()
    with reloading(scene) as reloader:
        first = reloader.request(held(begun, hold, "second"))
        begun.wait(PATIENCE)
        second = reloader.request(candidate("third", source=ACTIVATION, is_ordered=True))
        reloader.stop()
        third = reloader.request(candidate("third"))
        hold.set()

        assert ended(first) is Ending.CHANGED
    for future in (second, third):
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
    assert scene.serves("second")
