"""Replays: a recorded call is answered again from its record alone, or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index
from hook_requests import bundle, coverage, order_sign, patient, service_request
from replaying import evaluator, payload_of, prefetched, record_call, with_token
from scripted_ehr import ScriptedEhr, always, never
from small_library import (
    AUTHORIZATION_NEEDED,
    NOT_COVERED,
    compile_directories,
    policy,
    reason,
    rule,
    small_index,
)

from cds_service.authoring.cases import Case, read_cases
from cds_service.authoring.differences import Difference
from cds_service.authoring.replay import Replay, Verdict, replay_as_it_is, replay_as_it_was
from cds_service.crd.decision.authorizations import Sought
from cds_service.crd.request.caller import Caller
from cds_service.fhir.resource import decode, encode
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/request.json"))


@pytest.fixture(scope="module")
def builtin() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def request_of(name: str) -> JsonObject:
    """The request of an example."""
    request: JsonObject = decode((EXAMPLES / name / "request.json").read_bytes())
    return request


def was(record: JsonObject, index: PolicyIndex) -> Replay:
    """A replay by the library of the time."""
    return replay_as_it_was(record, evaluator(index), program="0")


def changed(before: Replay) -> dict[str, tuple[str, str]]:
    """The differences of a replay by their paths."""
    return {found.path: (found.before, found.after) for found in before.differences}


def without_token(request: JsonObject) -> JsonObject:
    """A request whose authorization is without its token, as every one is in a record."""
    whole = with_token(request)
    return {**whole, "fhirAuthorization": {"token_type": "Bearer"}}


class OnFile:
    """An authorization for whatever is sought."""

    def find(self, sought: Sought) -> str:
        """One number for all."""
        return "" if "PA-1" in sought.taken else "PA-1"


@pytest.mark.parametrize("name", NAMES)
def test_each_example_is_answered_again_alike(name: str, builtin: PolicyIndex) -> None:
    """With all that it brings along, and ids of our making aside."""
    record = payload_of(record_call(builtin, request_of(name)))

    assert was(record, builtin) == Replay(verdict=Verdict.SAME)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fails", [False, True], ids=["replied", "failed"])
def test_each_example_that_has_to_ask_is_answered_again_alike(
    name: str, fails: bool, builtin: PolicyIndex
) -> None:
    """From the recorded queries alone, whether the EHR replied or did not."""
    request = with_token(request_of(name))
    ehr = ScriptedEhr(prefetched(request), fails=always if fails else never)
    record = payload_of(record_call(builtin, {**request, "prefetch": {}}, ehr=ehr))

    assert ehr.queries or record["status"] in (400, 422)
    assert b"a-token" not in encode(record)
    assert was(record, builtin) == Replay(verdict=Verdict.SAME)


CASES = read_cases(EXAMPLES / "policies")


@pytest.fixture(scope="module")
def invented() -> PolicyIndex:
    """The invented policies, which read histories and propose things, on top of ours."""
    return compile_directories(builtin_library(), EXAMPLES / "policies")


def call_of(case: Case) -> JsonObject:
    """A call about a policy's case; its EHR holds the case's chart."""
    held = case.member
    sent: JsonObject = {name: held[name] for name in ("patient", "coverage") if name in held}
    request = with_token(order_sign(case.order, version="2.2", prefetch=sent))
    return {**request, "context": {**request["context"], "patientId": "member"}}


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.file.parent.name}: {case.name}" for case in CASES]
)
def test_each_case_of_the_invented_policies_is_answered_again_alike(
    case: Case, invented: PolicyIndex
) -> None:
    """With what their rules read of a chart, and with resources that they propose."""
    record = payload_of(record_call(invented, call_of(case), ehr=ScriptedEhr(case.chart)))

    assert record["status"] == 200
    assert was(record, invented) == Replay(verdict=Verdict.SAME)


def test_the_invented_policies_ask_and_propose(invented: PolicyIndex) -> None:
    """Or their replays would show little."""
    records = [
        payload_of(record_call(invented, call_of(case), ehr=ScriptedEhr(case.chart)))
        for case in CASES
    ]

    assert sum(bool(record["resources"]) for record in records) > 3
    assert any(decision.get("proposed") for record in records for decision in record["decisions"])


def test_a_call_that_could_not_ask_is_answered_again_alike(builtin: PolicyIndex) -> None:
    """No record keeps whether a token came; that the call asked nothing tells."""
    request = without_token(order_sign(version="2.2", prefetch={}))
    record = payload_of(record_call(builtin, request, ehr=ScriptedEhr()))

    assert was(record, builtin).verdict is Verdict.SAME


def demanding(directory: Path, **elements: Any) -> PolicyIndex:
    """A policy that demands an authorization."""
    determination = [*AUTHORIZATION_NEEDED, reason()]
    return small_index(directory, policy(rule(determination=determination, **elements)))


def member(**elements: Any) -> JsonObject:
    """A call about a member of acme."""
    insured = coverage("acme", None, subscriberId="M-1", **elements)
    return order_sign(
        service_request("0001T", occurrenceDateTime="2026-11-20"),
        version="2.2",
        prefetch={"patient": patient(), "coverage": bundle(insured)},
    )


def test_an_authorization_on_file_is_taken_from_the_record(tmp_path: Path) -> None:
    """The register may have forgotten it since."""
    index = demanding(tmp_path)
    record = payload_of(record_call(index, member(), authorizations=OnFile()))

    assert record["decisions"][0]["determined"][0]["authorization"] == "PA-1"
    assert was(record, index) == Replay(verdict=Verdict.SAME)


def test_a_changed_policy_differs_and_the_paths_tell_how(tmp_path: Path) -> None:
    """With what stands there before and after."""
    before = small_index(tmp_path / "before", policy(rule(determination=NOT_COVERED)))
    after = demanding(tmp_path / "after")
    record = payload_of(record_call(before, member()))
    replay = replay_as_it_is(record, evaluator(after), was=evaluator(before), program="0")

    assert replay.verdict is Verdict.DIFFERS
    assert changed(replay)["$.decisions[0].determined[0].covered"] == (
        '"not-covered"',
        '"covered"',
    )
    assert replay.remarks == (
        "whether an authorization was on file for http://www.ama-assn.org/go/cpt|0001T on "
        "2026-11-20 was not looked up then; it is answered as if none was",
    )


def test_an_authorization_that_was_sought_in_vain_needs_no_remark(tmp_path: Path) -> None:
    """The record shows that there was none."""
    before = demanding(tmp_path / "before")
    after = demanding(tmp_path / "after", title="Another title")
    record = payload_of(record_call(before, member()))

    replay = replay_as_it_is(record, evaluator(after), was=evaluator(before), program="0")

    assert replay.remarks == ()


def asking_index(directory: Path, *, asks: bool) -> PolicyIndex:
    """A policy with a rule that has to read the patient's Conditions, or one that has not."""
    condition = ("%order.exists()", "%conditions.exists()")
    of_rule = rule(
        conditions=condition if asks else condition[:1],
        input=[
            {"type": "ServiceRequest", "codeFilter": rule()["input"][0]["codeFilter"]},
            *([{"id": "conditions", "type": "Condition"}] if asks else []),
        ],
    )
    return small_index(directory, policy(of_rule))


def test_a_query_that_was_never_made_is_no_ground_for_a_guess(tmp_path: Path) -> None:
    """The library as it is wants to know more than was asked then."""
    before = asking_index(tmp_path / "before", asks=False)
    after = asking_index(tmp_path / "after", asks=True)
    record = payload_of(record_call(before, with_token(member()), ehr=ScriptedEhr()))
    for kept in (evaluator(before), None):
        replay = replay_as_it_is(record, evaluator(after), was=kept, program="0")

        assert replay.verdict is Verdict.NOT_REPLAYABLE
        assert replay.reason == (
            "the EHR was not asked then for `Condition?patient=member-1`, "
            "and what it had to say is not known"
        )


def test_a_client_that_had_no_token_has_none_in_a_replay(tmp_path: Path) -> None:
    """The library of the time shows it, so that the library as it is can be compared."""
    before = asking_index(tmp_path / "before", asks=True)
    record = payload_of(record_call(before, without_token(member()), ehr=ScriptedEhr()))

    replay = replay_as_it_is(record, evaluator(before), was=evaluator(before), program="0")

    assert replay == Replay(verdict=Verdict.SAME)


def test_a_client_is_as_it_was_registered_then(builtin: PolicyIndex) -> None:
    """The version that is registered for it, and the payers that it may ask about."""
    caller = Caller(name="north", payers=frozenset({"anthem"}), default_version="2.2", is_test=True)
    allowed = Caller(name="north", default_version="2.2", is_test=True)
    for registered, status in ((caller, 403), (allowed, 200)):
        record = payload_of(record_call(builtin, order_sign(), caller=registered))

        assert record["status"] == status
        assert was(record, builtin) == Replay(verdict=Verdict.SAME)


def test_another_program_is_named_and_the_replay_still_shown(builtin: PolicyIndex) -> None:
    """What differs may be the program's doing."""
    record = payload_of(record_call(builtin, order_sign(version="2.2")))

    replay = replay_as_it_was(record, evaluator(builtin), program="0.2.0")

    assert replay.verdict is Verdict.SAME
    assert replay.remarks == ("answered by program 0, replayed by 0.2.0",)


NOT_REPLAYABLE: dict[str, tuple[Callable[[JsonObject], object], str]] = {
    "a reading": (
        lambda record: record.update(kind="reading"),
        "this is a record of kind `reading`, not of a call",
    ),
    "not recorded": (
        lambda record: record.update(status=503),
        "the call was refused with HTTP 503, which no policy decides",
    ),
    "no hook request": (
        lambda record: record.update(hookInstance="", request={"bytes": 2, "sha256": "ab"}),
        "the body was no hook request, and what is kept of it is not whole",
    ),
    "former": (
        lambda record: record.pop("queries"),
        "the record is of a former version, which did not keep what the EHR replied",
    ),
    "slow": (
        lambda record: record.update(durations={"match": 4.6}),
        "time may have run out in that call before every order was decided",
    ),
}


@pytest.mark.parametrize(("spoil", "why"), NOT_REPLAYABLE.values(), ids=NOT_REPLAYABLE)
def test_a_record_that_holds_too_little_is_not_replayable(
    spoil: Callable[[JsonObject], object], why: str, builtin: PolicyIndex
) -> None:
    """The reason is given, and nothing is answered."""
    record = payload_of(record_call(builtin, order_sign(version="2.2")))
    spoil(record)
    by_another = replay_as_it_is(record, evaluator(builtin), was=None, program="0")

    assert was(record, builtin) == Replay(verdict=Verdict.NOT_REPLAYABLE, reason=why)
    assert by_another == was(record, builtin)


def test_a_refusal_by_the_schema_is_refused_again_only_if_it_was_read(builtin: PolicyIndex) -> None:
    """A payer that is not hosted is; a body that is no request is not kept whole."""
    elsewhere = order_sign(
        version="2.2",
        prefetch={"patient": patient(), "coverage": bundle(coverage("somebody-else"))},
    )
    refused = payload_of(record_call(builtin, elsewhere))
    broken = payload_of(record_call(builtin, {"hook": "order-sign", "hookinstance": "1"}))

    assert (refused["status"], was(refused, builtin).verdict) == (400, Verdict.SAME)
    assert was(broken, builtin).verdict is Verdict.SAME
    broken["response"]["issue"][0]["diagnostics"] = "refused for what is not kept"
    assert was(broken, builtin).verdict is Verdict.NOT_REPLAYABLE


def test_several_orders_are_compared_one_by_one(tmp_path: Path) -> None:
    """An order that is answered alike is not among the differences."""
    old = policy(rule("first", codes=["0001T"]), rule("second", codes=["0002T"]))
    new = policy(
        rule("first", codes=["0001T"]),
        rule("second", codes=["0002T"], determination=[*AUTHORIZATION_NEEDED, reason()]),
    )
    orders = [service_request(code, id=code) for code in ("0001T", "0002T")]
    request = {**member(), "context": order_sign(*orders)["context"]}
    record = payload_of(record_call(small_index(tmp_path / "before", old), request))
    after = evaluator(small_index(tmp_path / "after", new))

    replay = replay_as_it_is(record, after, was=None, program="0")

    assert replay.verdict is Verdict.DIFFERS
    assert [path for path in changed(replay) if path.startswith("$.decisions[0]")] == []
    assert (
        Difference(
            path="$.decisions[1].determined[0].covered", before='"not-covered"', after='"covered"'
        )
        in replay.differences
    )
