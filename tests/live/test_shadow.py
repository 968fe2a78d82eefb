"""The shadow: a coming set answers what has been answered, and only the differences are kept."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from fakes import fake_recorder
from hook_requests import bundle, coverage, order_sign, patient, service_request
from replaying import evaluator, payload_of, record_call, with_token
from scripted_ehr import ScriptedEhr
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    policy,
    rule,
    small_index,
)

from cds_service.audit.record import AuditRecord, Kind
from cds_service.authoring.effects import Effect
from cds_service.authoring.replay import Evaluate
from cds_service.errors import AuditError
from cds_service.live.shadow import (
    NOT_COMPARED,
    PASSED_OVER,
    Compared,
    Shadow,
    Shadowing,
    compare_call,
    verdict_of,
)
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]
SERVING = fake_recorder().library
ASKS_FOR_HISTORY = "%history.exists()"
HISTORY = {
    "id": "history",
    "type": "Condition",
    "codeFilter": [
        {
            "path": "code",
            "code": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I48.91"}],
        }
    ],
}


@pytest.fixture
def refusing(tmp_path: Path) -> PolicyIndex:
    """The set in service: it refuses."""
    return small_index(tmp_path / "refusing", policy(rule(determination=NOT_COVERED)))


@pytest.fixture
def paying(tmp_path: Path) -> PolicyIndex:
    """A set to come that pays for the same."""
    determination = COVERED_WITHOUT_AUTHORIZATION
    return small_index(tmp_path / "paying", policy(rule(determination=determination)))


def call() -> JsonObject:
    """A call about a member of acme."""
    return order_sign(
        service_request("0001T"),
        version="2.2",
        prefetch={"patient": patient(), "coverage": bundle(coverage("acme", None))},
    )


def between(serving: PolicyIndex, coming: PolicyIndex | Evaluate) -> Shadowing:
    """The two sets."""
    by_coming = evaluator(coming) if isinstance(coming, PolicyIndex) else coming
    return Shadowing(
        serving=SERVING, by_serving=evaluator(serving), coming="sha256:1", by_coming=by_coming
    )


def test_a_set_that_pays_for_what_is_refused_is_looser(
    refusing: PolicyIndex, paying: PolicyIndex
) -> None:
    """With the order's codes, the payer, and the rules that speak: no patient's data."""
    record = payload_of(record_call(refusing, call()))
    (effect,) = compare_call(record, between(refusing, paying))

    assert effect.effect is Effect.LOOSER
    assert (effect.before, effect.after) == ("not-covered", "covered, no-auth")
    assert effect.codes == ("http://www.ama-assn.org/go/cpt|0001T",)
    assert effect.payer == "acme"
    assert effect.rules_before[0].endswith("#rule-1")


def test_the_same_set_has_no_effect(refusing: PolicyIndex) -> None:
    """Ids of our making differ, and nothing else."""
    record = payload_of(record_call(refusing, call()))

    assert verdict_of(compare_call(record, between(refusing, refusing))) is Effect.SAME


def test_what_the_ehr_was_not_asked_is_not_guessed(refusing: PolicyIndex, tmp_path: Path) -> None:
    """A set that reads the patient's history cannot be compared where that was not read."""
    order_input = {
        "type": "ServiceRequest",
        "codeFilter": [
            {
                "path": "code",
                "code": [{"system": "http://www.ama-assn.org/go/cpt", "code": "0001T"}],
            }
        ],
    }
    asking = small_index(
        tmp_path / "asking",
        policy(
            rule(
                conditions=["%order.exists()", ASKS_FOR_HISTORY],
                determination=AUTHORIZATION_NEEDED,
                input=[order_input, HISTORY],
            )
        ),
    )
    record = payload_of(record_call(refusing, with_token(call()), ehr=ScriptedEhr()))

    with pytest.raises(AuditError, match="would ask the EHR"):
        compare_call(record, between(refusing, asking))


def test_a_call_answered_by_a_former_set_is_not_compared(
    refusing: PolicyIndex, paying: PolicyIndex
) -> None:
    """What differs then is not the coming set's doing."""
    record = payload_of(record_call(refusing, call())) | {"library": "sha256:former"}

    with pytest.raises(AuditError, match="another set"):
        compare_call(record, between(refusing, paying))


class Seen:
    """Where a shadow's findings go."""

    def __init__(self) -> None:
        self.kept: list[Compared] = []
        self.counts: Counter[str] = Counter()

    def count(self, verdict: str) -> None:
        self.counts[verdict] += 1


@pytest.fixture
def seen() -> Seen:
    return Seen()


def observe(
    seen: Seen, shadowing: Shadowing | None, *records: AuditRecord, expected: int
) -> Mapping[str, int]:
    """The counts once so many of these records have been compared."""
    shadow = Shadow(shadowing=lambda: shadowing, keep=seen.kept.append, count=seen.count)
    for record in records:
        shadow.observe(record)
    due = monotonic() + 30
    while seen.counts.total() < expected and monotonic() < due:
        sleep(0.01)
    shadow.close()
    return seen.counts


def test_differences_are_kept_and_all_calls_counted(
    seen: Seen, refusing: PolicyIndex, paying: PolicyIndex
) -> None:
    """By the id of the call, which an operator finds the dossier by."""
    record = record_call(refusing, call())

    assert observe(seen, between(refusing, paying), record, record, expected=2) == {"looser": 2}
    assert [found.record for found in seen.kept] == [record.id, record.id]
    assert seen.kept[0].coming == "sha256:1"


def test_without_a_set_to_come_nothing_is_compared(seen: Seen, refusing: PolicyIndex) -> None:
    """And nothing is counted."""
    assert observe(seen, None, record_call(refusing, call()), expected=0) == {}


def test_only_answers_are_compared(seen: Seen, refusing: PolicyIndex, paying: PolicyIndex) -> None:
    """A reading of the store is no call."""
    made = record_call(refusing, call())
    reading = fake_recorder().access("1", made.at, Kind.READING, who="ada", what={})

    assert observe(seen, between(refusing, paying), reading, expected=0) == {}


def test_a_fault_in_the_coming_set_ends_no_more_than_the_comparison(
    seen: Seen, refusing: PolicyIndex
) -> None:
    """The next call is compared again."""

    def breaks(_call: object) -> Any:
        raise ZeroDivisionError

    record = record_call(refusing, call())

    assert observe(seen, between(refusing, breaks), record, record, expected=2) == {NOT_COMPARED: 2}


def test_a_call_that_ends_while_the_shadow_closes_is_only_not_compared(
    seen: Seen, refusing: PolicyIndex, paying: PolicyIndex
) -> None:
    """Its answer is recorded and leaves: that it cannot be compared any more is no fault."""
    both = between(refusing, paying)

    def closing_meanwhile() -> Shadowing:
        shadow.close()
        return both

    shadow = Shadow(shadowing=closing_meanwhile, keep=seen.kept.append, count=seen.count)
    for _ in range(2):
        shadow.observe(record_call(refusing, call()))

    assert (seen.kept, seen.counts) == ([], Counter())


def test_what_cannot_be_kept_is_counted_once(
    seen: Seen, refusing: PolicyIndex, paying: PolicyIndex
) -> None:
    """As a call that was not compared: nobody could look at the difference."""

    def away(_compared: Compared) -> None:
        raise OSError

    shadowing = between(refusing, paying)
    shadow = Shadow(shadowing=lambda: shadowing, keep=away, count=seen.count)
    shadow.observe(record_call(refusing, call()))
    due = monotonic() + 30
    while not seen.counts and monotonic() < due:
        sleep(0.01)
    shadow.close()

    assert seen.counts == {NOT_COMPARED: 1}


@pytest.fixture
def gate() -> Iterator[Event]:
    """What a comparison waits for."""
    opened = Event()
    yield opened
    opened.set()


def test_a_shadow_that_cannot_follow_passes_calls_over(
    seen: Seen, refusing: PolicyIndex, gate: Event
) -> None:
    """No call waits for it, and what it holds is bounded."""
    answer = evaluator(refusing)

    def slowly(recorded: Any) -> Any:
        gate.wait(30)
        return answer(recorded)

    shadowing = between(refusing, slowly)
    shadow = Shadow(shadowing=lambda: shadowing, keep=seen.kept.append, count=seen.count)
    record = record_call(refusing, call())
    for _ in range(300):
        shadow.observe(record)

    assert seen.counts[PASSED_OVER] == 300 - 256
    gate.set()
    shadow.close()
