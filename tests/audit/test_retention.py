"""Retention: what is older than its class is kept is purged, held ones aside; proofs hold on."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes import NOON, builtin_index
from hook_requests import bundle, coverage, order_sign, patient
from signed_logs import SIGNER, write_answers
from sqlalchemy import Engine, func, select
from stored_calls import AUDIT_KEY, Calls, desk_of, new_store, seal

from cds_service.audit import purging
from cds_service.audit.holds import holds_on, list_holds, put_hold, release_hold
from cds_service.audit.mentions import Mention, mention
from cds_service.audit.numbering import number_leaves
from cds_service.audit.purge_note import purge_of
from cds_service.audit.purging import Due, find_due, purge_due
from cds_service.audit.record import Kind
from cds_service.audit.retention import parse_retention
from cds_service.audit.verification import VerificationRequest, verify_log
from cds_service.database.engine import reading
from cds_service.database.tables import LEAF, MENTION, RECORD
from cds_service.errors import AuditError, SettingError
from cds_service.policy.run.index import PolicyIndex

LATER = NOON + timedelta(days=100)


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty store, in a database of each kind."""
    store = new_store(database_url)
    yield store
    store.dispose()


def about(member: str) -> dict[str, Any]:
    """A call about a member."""
    insured = coverage(subscriberId=member)
    prefetch = {"patient": patient(), "coverage": bundle(insured)}
    return order_sign(version="2.2", prefetch=prefetch)


@pytest.fixture
def calls(engine: Engine, index: PolicyIndex) -> Calls:
    """Calls that are kept in the store."""
    return Calls(engine, index)


def counts(engine: Engine) -> tuple[int, int, int]:
    """How many records, mentions and leaves there are."""
    with reading(engine) as connection:
        record, mentions, leaf = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (RECORD, MENTION, LEAF)
        )
    return record, mentions, leaf


def due(engine: Engine, *rules: str, now: datetime = LATER) -> tuple[Due, ...]:
    """What is due by rules."""
    return find_due(engine, parse_retention(rules).values(), now)


def purge(engine: Engine, *rules: str, now: datetime = LATER) -> int:
    """Purge what is due, as the command does; how many records went."""
    desk, done = desk_of(engine), 0
    for of_class in due(engine, *rules, now=now):

        def note(identities: Sequence[str], rule: str = of_class.period.rule) -> None:
            what = {"command": "audit purge", "rule": rule, **purge_of(identities, SIGNER)}
            desk.note(Kind.CHANGE, what)

        done += sum(purge_due(engine, of_class, note))
    return done


def test_what_is_due_is_counted_by_class_and_nothing_is_deleted(
    engine: Engine, calls: Calls
) -> None:
    """With the oldest and the newest of it."""
    card = calls.call(about("M-1"))["cards"][0]
    calls.call(about("M-2"), at=NOON + timedelta(days=1))
    calls.call(about("M-3"), at=LATER)
    calls.feedback(card, "accepted")
    seal(engine)
    before = counts(engine)

    answers, feedback = due(engine, "answer=30d", "feedback=1y")

    shown = (answers.count, answers.oldest, answers.newest, answers.held)
    assert shown == (2, NOON, NOON + timedelta(days=1), 0)
    assert (feedback.count, feedback.oldest, feedback.newest) == (0, None, None)
    assert counts(engine) == before


def test_a_purge_deletes_records_and_mentions_and_leaves_the_leaves(
    engine: Engine, calls: Calls
) -> None:
    """The store is verified as before, for a record names each that went."""
    gone = [calls.call(about(f"M-{number}"))["id"] for number in range(3)]
    kept = calls.call(about("M-4"), at=LATER)
    seal(engine)
    records, _, leaves = counts(engine)

    assert purge(engine, "answer=30d") == 3
    seal(engine)
    (change,) = desk_of(engine).reader.find(kind="change")
    request = VerificationRequest(
        verifiers=[SIGNER.verifier], audit_key=AUDIT_KEY, copied=None, now=NOON
    )
    verified = verify_log(engine, request, lambda _done, _size: None)
    assert counts(engine)[0] == records - 3 + 1
    assert counts(engine)[2] == leaves + 1
    assert b'"purged"' in change.payload
    assert all(identity.encode() in change.payload for identity in gone)
    assert [stored.id for stored in desk_of(engine).reader.find(kind="answer")] == [kept["id"]]
    of_records = [found for found in verified.findings if found.number is not None]
    assert (of_records, verified.purged) == ([], 3)  # the policies of the fake are kept nowhere


def test_a_purge_goes_in_batches_each_named_before_it_is_deleted(
    engine: Engine, calls: Calls
) -> None:
    """So memory and transactions are bounded, and a purge that is cut off has named too much."""
    for number in range(5):
        calls.call(about(f"M-{number}"))
    seal(engine)
    (of_class,) = due(engine, "answer=30d")
    named: list[tuple[int, int]] = []

    def note(identities: Sequence[str]) -> None:
        named.append((len(identities), counts(engine)[0]))

    assert list(purge_due(engine, of_class, note, batch=2)) == [2, 2, 1]
    assert named == [(2, 5), (2, 3), (1, 1)]


def test_what_cannot_be_noted_is_not_deleted(engine: Engine, calls: Calls) -> None:
    """Or the store would seem tampered with."""
    calls.call(about("M-1"))
    seal(engine)
    (of_class,) = due(engine, "answer=30d")

    def note(_identities: Sequence[str]) -> None:
        raise AuditError("cannot be noted")

    with pytest.raises(AuditError, match="cannot be noted"):
        list(purge_due(engine, of_class, note))
    assert counts(engine)[0] == 1


def test_what_has_no_number_yet_is_left_to_the_next_purge(engine: Engine, calls: Calls) -> None:
    """A leaf without record that no checkpoint covers would prove nothing."""
    calls.call(about("M-1"))

    assert purge(engine, "answer=30d") == 0
    seal(engine)
    assert purge(engine, "answer=30d") == 1


def test_a_hold_on_a_member_keeps_answers_and_the_feedback_on_them(
    engine: Engine, calls: Calls
) -> None:
    """And readings of them; other members' go."""
    held, free = calls.call(about("M-1")), calls.call(about("M-2"))
    for record in (held, free):
        calls.feedback(record["cards"][0], "accepted")
    desk_of(engine, "ada").dossier("audit show", held["decisions"][0]["assertion"])
    seal(engine)
    put_hold(engine, mention("member", "M-1", AUDIT_KEY), "a suit", NOON)
    rules = ("answer=30d", "feedback=30d", "reading=30d")

    assert [(of.count, of.held) for of in due(engine, *rules)] == [(1, 1), (1, 1), (0, 1)]
    assert purge(engine, *rules) == 2
    left = desk_of(engine).reader.find()
    assert sorted(stored.kind for stored in left if stored.kind != "change") == [
        "answer",
        "feedback",
        "reading",
    ]
    release_hold(engine, mention("member", "M-1", AUDIT_KEY))
    assert [(of.count, of.held) for of in due(engine, *rules)] == [(1, 0), (1, 0), (1, 0)]


def test_a_hold_that_comes_while_a_batch_is_purged_holds(engine: Engine, calls: Calls) -> None:
    """It was named as purged then, and stays."""
    calls.call(about("M-1"))
    seal(engine)
    (of_class,) = due(engine, "answer=30d")

    def note(_identities: Sequence[str]) -> None:
        put_hold(engine, mention("member", "M-1", AUDIT_KEY), "a suit", NOON)

    assert list(purge_due(engine, of_class, note)) == [0]
    records, mentions, _ = counts(engine)
    assert (records, mentions > 0) == (1, True)


def test_a_hold_does_not_make_a_purge_slow(engine: Engine) -> None:
    """What is held is looked for once, not for each record: the work grows as the store does."""
    write_answers(engine, range(4000))
    put_hold(engine, Mention("order", "ServiceRequest/record-000007"), "dispute", NOON)
    put_hold(engine, Mention("assertion", "a-record-000009"), "dispute", NOON)
    sequencer = number_leaves(engine, SIGNER, None, NOON)
    begun = time.monotonic()
    (of_class,) = due(engine, "answer=30d", now=LATER + timedelta(days=100))

    assert sequencer == 1000  # one round
    assert (of_class.count, of_class.held) == (998, 2)
    assert time.monotonic() - begun < 8  # it was 25 seconds


def test_holds_are_listed_replaced_and_released(engine: Engine) -> None:
    """One hold for one thing; what is not held cannot be released."""
    member, order = mention("member", "M-1", AUDIT_KEY), Mention("order", "ServiceRequest/1")
    put_hold(engine, member, "first", NOON)
    put_hold(engine, order, "other", LATER)
    put_hold(engine, member, "second", NOON)

    assert [(hold.name, hold.reason) for hold in list_holds(engine)] == [
        ("member", "second"),
        ("order", "other"),
    ]
    assert [hold.name for hold in holds_on(engine, [order])] == ["order"]
    release_hold(engine, member)
    with pytest.raises(AuditError, match="there is no hold on this member"):
        release_hold(engine, member)


@pytest.mark.parametrize(
    ("rule", "now", "start"),
    [
        ("answer=10y", "2036-02-29", "2026-02-28"),
        ("answer=1m", "2026-03-31", "2026-02-28"),
        ("answer=14m", "2026-01-15", "2024-11-15"),
        ("reading=30d", "2026-03-01", "2026-01-30"),
        ("feedback=99999y", "2026-01-01", "0001-01-01"),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_last_one_of_its_month(
    rule: str, now: str, start: str
) -> None:
    """A leap day is no reason to purge a day early."""
    (period,) = parse_retention([rule]).values()
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert period.start(at).date().isoformat() == start


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (["answer"], "`answer` is not like answer=10y"),
        (["answer=0d"], "`answer=0d` is not like"),
        (["answer=10 y"], "is not like"),
        (["answer=-1y"], "is not like"),
        (["answer=1.5y"], "is not like"),
        (["answer=10Y"], "is not like"),
        (["answers=1y"], "`answers=1y`: no class `answers`; there are answer, feedback, reading"),
        (["change=1y"], "records of changes are kept for ever"),
        (["answer=1y", "answer=2y"], "`answer=2y`: the class `answer` is named twice"),
    ],
)
def test_a_rule_that_is_not_plain_is_refused(rules: list[str], problem: str) -> None:
    """What is purged is gone: nothing is guessed."""
    with pytest.raises(SettingError, match="--retention") as refused:
        parse_retention(rules)

    assert problem in str(refused.value)


def test_no_rule_keeps_all_for_ever() -> None:
    """The default."""
    assert parse_retention([]) == {}
    assert purging.BATCH <= 1000
