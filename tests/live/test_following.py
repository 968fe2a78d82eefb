"""Following the store: what is asked for and when, and what stays when the store is away."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from live_sets import AT_ONCE, SOON, activate, keep_set, live_store, operator, order
from sqlalchemy import Engine, update
from stores import wait_until

from cds_service.access.approvals import sign_approval
from cds_service.database.engine import writing
from cds_service.database.tables import ACTIVATION
from cds_service.errors import SettingError
from cds_service.live.activations import (
    Kind,
    add_activation,
    cancel_activation,
    find_plan,
)
from cds_service.live.approvals_store import save_approval
from cds_service.live.attempt import Attempt, Ending, Problem, Standing
from cds_service.live.candidate import Candidate, PolicySet, Source
from cds_service.live.following import Follower, Hands
from cds_service.live.permits import Permits
from cds_service.live.serving import Instance, find_served, list_served
from cds_service.live.store_clock import StoreClock
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.snapshot import digest

EVERY = 0.05  # seconds
BEGAN = datetime(2026, 11, 20, tzinfo=UTC)
NOTHING = PolicySet(Library({}, {}))
ADA, BOB = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
FREE = Permits(needed=0)
TWO = Permits(needed=2, operators=(operator("ada", ADA), operator("bob", BOB)))


@dataclass
class Reloads:
    """What a reloader is for a follower: it is asked, and serves what it is told to."""

    asked: list[Candidate] = field(default_factory=list)
    attempts: list[Future[Attempt]] = field(default_factory=list)
    present: Standing = field(default_factory=lambda: Standing(digest="sha256:0", since=BEGAN))

    def request(self, candidate: Candidate) -> Future[Attempt]:
        """Note what is asked for; the attempt ends at once."""
        attempt: Future[Attempt] = Future()
        ending = Ending.WAITING if candidate.starts else Ending.CHANGED
        attempt.set_result(Attempt(ending=ending, at=BEGAN, source=candidate.source))
        self.asked.append(candidate)
        self.attempts.append(attempt)
        return attempt

    def standing(self) -> Standing:
        """What is in service."""
        return self.present


@contextmanager
def following(
    engine: Engine, reloads: Reloads, permits: Permits = FREE, served: int = 0
) -> Iterator[Follower]:
    """A follower that looks when it is told to."""
    hands = Hands(
        engine=engine,
        instance=Instance(id="i-1", host="host-1", process=7),
        permits=permits,
        clock=StoreClock(),
        request=reloads.request,
        standing=reloads.standing,
        directories=lambda: NOTHING,
    )
    with closing(Follower(hands, served, EVERY)) as follower:
        yield follower


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A store of this release."""
    with live_store(database_url) as opened:
        yield opened


def test_nothing_is_asked_for_before_the_first_activation(engine: Engine) -> None:
    """The directories are in service already."""
    reloads = Reloads()
    with following(engine, reloads) as follower:
        follower.look()
        follower.look()

    assert reloads.asked == []


def test_a_set_is_asked_for_ahead_of_its_instant_and_once(engine: Engine, tmp_path: Path) -> None:
    """It is read from the store, and what has begun is not asked for again."""
    reloads, name = Reloads(), keep_set(engine, tmp_path)
    coming = activate(engine, name, timedelta(seconds=2))
    with following(engine, reloads) as follower:
        follower.look()
        while find_plan(engine).current is None:
            follower.look()
        follower.look()

    (candidate,) = reloads.asked
    assert candidate.starts == coming.starts
    assert (candidate.source, candidate.is_ordered) == (Source.ACTIVATION, True)
    assert digest(candidate.read().library) == name


def test_what_has_begun_before_anybody_looked_is_asked_for_now(engine: Engine) -> None:
    """Such as when the store was away; a restart that began with it asks for nothing."""
    begun = activate(engine)
    late, restarted = Reloads(), Reloads()
    with following(engine, late) as follower:
        follower.look()
    with following(engine, restarted, served=begun.number) as follower:
        follower.look()

    assert [candidate.starts for candidate in late.asked] == [begun.starts]
    assert restarted.asked == []


def test_what_is_far_ahead_is_not_made_ready_yet(engine: Engine) -> None:
    """Two sets in memory for a month would be one too many."""
    add_activation(engine, order(), lead=AT_ONCE, at=datetime(2099, 1, 1, tzinfo=UTC))
    reloads = Reloads()
    with following(engine, reloads) as follower:
        follower.look()

    assert reloads.asked == []


def test_a_later_order_takes_the_place_of_what_waits(engine: Engine) -> None:
    """And once it has begun, what was planned is made ready again."""
    reloads = Reloads()
    at = find_plan(engine).now + timedelta(minutes=5)
    planned = add_activation(engine, order("sha256:a"), lead=AT_ONCE, at=at)
    with following(engine, reloads) as follower:
        follower.look()
        hurried = activate(engine, "sha256:b", AT_ONCE)
        follower.look()
        follower.look()

    assert [candidate.starts for candidate in reloads.asked] == [
        planned.starts,
        hurried.starts,
        planned.starts,
    ]


def test_a_cancelled_one_is_withdrawn(engine: Engine) -> None:
    """By asking again for what is in force, which takes its place: here the directories."""
    reloads = Reloads()
    coming = activate(engine, lead=SOON)
    with following(engine, reloads) as follower:
        follower.look()
        cancel_activation(engine, coming.number)
        follower.look()
        follower.look()

    withdrawn = reloads.asked[1]
    assert len(reloads.asked) == 2
    assert (withdrawn.source, withdrawn.starts, withdrawn.is_ordered) == (
        Source.DIRECTORIES,
        None,
        True,
    )


def test_the_next_is_not_asked_for_while_an_attempt_is_under_way(engine: Engine) -> None:
    """What is in force comes first: a process that starts proves it before what is planned."""
    reloads = Reloads()
    activate(engine, "sha256:a")
    at = find_plan(engine).now + timedelta(minutes=5)
    add_activation(engine, order("sha256:b"), lead=AT_ONCE, at=at)
    under_way: Future[Attempt] = Future()

    def request(candidate: Candidate) -> Future[Attempt]:
        reloads.request(candidate)
        return under_way

    with following(engine, reloads) as follower:
        follower._hands = replace(follower._hands, request=request)
        follower.look()
        follower.look()
        before = len(reloads.asked)
        under_way.set_result(reloads.attempts[0].result())
        follower.look()

    assert (before, len(reloads.asked)) == (1, 2)


def test_the_return_to_the_directories_reads_what_changed_meanwhile(engine: Engine) -> None:
    """They are read ahead for the common instant, and once more when it has come."""
    reloads = Reloads()
    activate(engine)
    with following(engine, reloads, served=1) as follower:
        activate(engine, "", timedelta(seconds=1), Kind.FOLLOW)
        follower.look()
        while find_plan(engine).coming:
            follower.look()
        follower.look()

    ordered, again = reloads.asked
    assert (ordered.source, ordered.is_ordered) == (Source.DIRECTORIES, True)
    assert (again.source, again.is_ordered, again.starts) == (Source.DIRECTORIES, False, None)


def test_an_activation_is_followed_once_two_have_approved_it(engine: Engine) -> None:
    """Until then it is as if nobody had asked for it, but everybody can read why."""
    reloads = Reloads()
    begun = activate(engine, "sha256:a")
    with following(engine, reloads, TWO) as follower:
        follower.look()
        before, problem = list(reloads.asked), follower.problem
        for name, key in (("ada", ADA), ("bob", BOB)):
            approval = sign_approval(key, digest="sha256:a", approver=name, starts=None)
            save_approval(engine, approval, begun.at)
            follower.look()

    assert before == []
    assert "activation 1: set a has 0 of 2 approvals" in problem
    assert "crd policy approve" in problem
    assert len(reloads.asked) == 1
    assert follower.problem == ""


def test_the_signatures_of_one_operator_are_one_approval(engine: Engine) -> None:
    """A database's owner who signs for both has but one key that is registered."""
    reloads = Reloads()
    begun = activate(engine, "sha256:a")
    for name in ("ada", "bob"):
        approval = sign_approval(ADA, digest="sha256:a", approver=name, starts=None)
        save_approval(engine, approval, begun.at)
    with following(engine, reloads, TWO) as follower:
        follower.look()

    assert reloads.asked == []
    assert "1 of 2 approvals (ada)" in follower.problem


def test_more_approvals_than_operators_can_give_stop_the_start() -> None:
    """Nothing could ever go live."""
    with pytest.raises(SettingError, match="there are 1") as caught:
        Permits(needed=2, operators=(operator("ada", ADA), operator("cleo")))

    assert caught.value.key == "approvals"


def test_what_is_served_is_written_with_signs_of_life(engine: Engine) -> None:
    """A row a set; of one that could not be taken up, the problem; the end at a stop."""
    reloads = Reloads()
    with following(engine, reloads) as follower:
        follower.look()
        failed = Attempt(
            ending=Ending.REFUSED,
            at=BEGAN,
            source=Source.ACTIVATION,
            problems=(Problem(words="it is too new"),),
        )
        reloads.present = replace(reloads.present, last=failed)
        follower.look()
        (there,) = find_served(engine, find_plan(engine).now)
        reloads.present = Standing(digest="sha256:1", since=BEGAN + SOON, source=Source.ACTIVATION)
        follower.look()
    later, former = list_served(engine, 9)

    assert (there.instance.host, there.serving.problem) == ("host-1", "it is too new")
    assert (former.serving.digest, former.ended) == ("sha256:0", BEGAN + SOON)
    assert (later.serving.digest, later.serving.source) == ("sha256:1", "activation")
    assert later.ended is not None
    assert find_served(engine, find_plan(engine).now) == ()


def test_a_wrong_clock_of_this_machine_does_not_matter() -> None:
    """The store's time counts on from when it was told, half a round trip ago."""
    seconds = iter((100.0, 102.0, 111.0))
    clock = StoreClock(lambda: next(seconds))
    clock.set(BEGAN, asked=101.0)

    assert clock() == BEGAN + timedelta(seconds=9.5)


def test_a_store_that_is_away_changes_nothing_and_is_followed_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it goes and one when it is back, however often it is looked at."""
    file = tmp_path / "crd.sqlite3"
    reloads = Reloads()
    caplog.set_level("INFO", "cds_service.live")

    def events() -> list[str]:
        return [record.__dict__.get("event", "") for record in caplog.records]

    with live_store(f"sqlite:///{file}") as engine, following(engine, reloads) as follower:
        follower.start()
        wait_until(lambda: bool(list_served(engine, 1)))
        file.rename(tmp_path / "away")
        engine.dispose()
        wait_until(lambda: "activations-away" in events())
        time.sleep(5 * EVERY)
        (tmp_path / "away").rename(file)
        wait_until(lambda: "activations-back" in events())
        asked_before = list(reloads.asked)
        activate(engine)
        wait_until(lambda: bool(reloads.asked))

    assert asked_before == []
    assert events() == ["activations-away", "activations-back"]
    assert reloads.asked[0].source is Source.ACTIVATION


def test_what_no_release_of_ours_wrote_ends_nothing(tmp_path: Path) -> None:
    """Whoever owns the database can write there what they like; it is followed again afterwards."""
    reloads = Reloads()
    with (
        live_store(f"sqlite:///{tmp_path / 'crd.sqlite3'}") as engine,
        following(engine, reloads) as follower,
    ):
        made_up = activate(engine).number
        kind_of = update(ACTIVATION).where(ACTIVATION.c.number == made_up)
        with writing(engine) as connection:
            connection.execute(kind_of.values(kind="made-up"))
        follower.start()
        wait_until(lambda: "is not sound" in follower.problem)
        assert reloads.asked == []
        with writing(engine) as connection:
            connection.execute(kind_of.values(kind=Kind.ACTIVATE.value))
        wait_until(lambda: bool(reloads.asked))
        wait_until(lambda: not follower.problem)
