"""Needs: an EHR is asked for what a rule that may apply still lacks, and for nothing else."""

from pathlib import Path
from typing import Any

import pytest
from fakes import fake_pipeline
from hook_requests import coverage, order_sign, patient, service_request
from scripted_ehr import ScriptedEhr
from small_library import applicability, policy, rule, small_index

from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

MEMBER = {"reference": "Patient/member-1"}
COVERED = ({"url": "covered", "valueCode": "covered"},)
HISTORY: list[JsonObject] = [
    {
        "type": "ServiceRequest",
        "codeFilter": [{"path": "code", "code": [{"system": CPT, "code": "0001T"}]}],
    },
    {
        "id": "af",
        "type": "Condition",
        "codeFilter": [{"path": "code", "code": [{"system": ICD_10_CM, "code": "I48.91"}]}],
    },
]
AF = {
    "resourceType": "Condition",
    "id": "1",
    "subject": MEMBER,
    "code": {"coding": [{"system": ICD_10_CM, "code": "I48.91"}]},
}
ACCESS: JsonObject = {
    "fhirServer": "http://127.0.0.1:1/fhir",
    "fhirAuthorization": {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "us",
    },
}
PREFETCH = {"patient": patient(), "coverage": coverage("acme", None)}


def ask(
    directory: Path,
    *rules: JsonObject,
    ehr: ScriptedEhr,
    order: JsonObject | None = None,
    prefetch: JsonObject | None = None,
) -> str:
    """What one order is answered, by a pipeline that may query."""
    index = small_index(directory, policy(*rules))
    request = order_sign(
        order or service_request("0001T"), prefetch={**PREFETCH, **(prefetch or {})}, **ACCESS
    )
    decisions = fake_pipeline(index, ehr=ehr).evaluate(encode(request)).decisions
    (determination,) = decisions.answers[0].determinations
    return determination.covered.value


def history_rule(*conditions: str, **elements: Any) -> JsonObject:
    return rule(
        conditions=(*conditions, "%af.exists()"), determination=COVERED, input=HISTORY, **elements
    )


def test_a_history_is_one_search_by_patient(tmp_path: Path) -> None:
    """A server that searched by code would not find what is coded otherwise."""
    ehr = ScriptedEhr([AF])

    assert ask(tmp_path, history_rule(), ehr=ehr) == "covered"
    assert ehr.queries == ["Condition?patient=member-1"]


def test_nothing_is_asked_where_no_rule_may_apply(tmp_path: Path) -> None:
    """Another code: the rule is no candidate."""
    ehr = ScriptedEhr([AF])
    ask(tmp_path, history_rule(), ehr=ehr, order=service_request("0002T"))

    assert ehr.queries == []


@pytest.mark.parametrize("silent", ["%plan.exists()", "%order.intent = 'plan'"])
def test_nothing_is_asked_for_a_rule_that_is_silent_already(tmp_path: Path, silent: str) -> None:
    """What a condition would read after one that is false does not matter any more."""
    ehr = ScriptedEhr([AF])
    ask(tmp_path, history_rule(silent), ehr=ehr)

    assert ehr.queries == []


def test_two_rules_that_need_the_same_ask_once(tmp_path: Path) -> None:
    """The natural pair."""
    written = policy(
        rule("has", conditions=("%af.exists()",), determination=COVERED),
        rule("has-not", conditions=("%af.empty()",)),
    )
    written["action"][0]["input"] = HISTORY[1:]
    ehr = ScriptedEhr([])
    index = small_index(tmp_path, written)
    request = order_sign(service_request("0001T"), prefetch=PREFETCH, **ACCESS)
    decisions = fake_pipeline(index, ehr=ehr).evaluate(encode(request)).decisions

    assert ehr.queries == ["Condition?patient=member-1"]
    assert [found.covered.value for found in decisions.answers[0].determinations] == ["not-covered"]


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": AF}]},
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": AF}],
            "link": [{"relation": "self", "url": "Condition?patient=member-1&_count=100"}],
        },
    ],
)
def test_what_was_prefetched_whole_is_not_asked_for(tmp_path: Path, sent: JsonObject) -> None:
    """Under the key and by the query that discovery gives."""
    ehr = ScriptedEhr([])

    assert ask(tmp_path, history_rule(), ehr=ehr, prefetch={"historyCondition": sent}) == "covered"
    assert ehr.queries == []


def test_a_prefetched_history_that_is_empty_is_none(tmp_path: Path) -> None:
    """The client has looked: CDS Hooks has `null` for that."""
    ehr = ScriptedEhr([AF])

    answered = ask(tmp_path, history_rule(), ehr=ehr, prefetch={"historyCondition": None})
    assert (answered, ehr.queries) == ("indeterminate", [])


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Bundle", "link": [{"relation": "next", "url": "x"}]},
        {
            "resourceType": "Bundle",
            "link": [{"relation": "self", "url": "Condition?patient=1&clinical-status=active"}],
        },
        {"resourceType": "OperationOutcome"},
        {"resourceType": "Condition", "id": "other", "subject": MEMBER},
        "timeout",
        17,
        [{"resourceType": "Bundle"}, None],
    ],
    ids=["a page of it", "narrowed", "an error", "one resource", "words", "a number", "a gap"],
)
def test_what_was_prefetched_in_part_is_asked_for(tmp_path: Path, sent: Any) -> None:
    """Less than was asked for is not all that there is, nor is what is no resource at all."""
    ehr = ScriptedEhr([AF])

    assert ask(tmp_path, history_rule(), ehr=ehr, prefetch={"historyCondition": sent}) == "covered"
    assert ehr.queries == ["Condition?patient=member-1"]


def test_observations_are_searched_by_code(tmp_path: Path) -> None:
    """A patient has thousands, and servers refuse to give them all."""
    loinc = {"system": "http://loinc.org", "code": "4548-4"}
    inputs = [
        HISTORY[0],
        {"id": "a1c", "type": "Observation", "codeFilter": [{"path": "code", "code": [loinc]}]},
    ]
    ehr = ScriptedEhr([])
    ask(tmp_path, rule(conditions=("%a1c.exists()",), input=inputs), ehr=ehr)

    assert ehr.queries == ["Observation?patient=member-1&code=http://loinc.org|4548-4"]


def test_references_are_followed_to_the_end(tmp_path: Path) -> None:
    """Each round brings what the next reference leads to."""
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "organization": {"reference": "Organization/o"},
    }
    clinic = {"resourceType": "Organization", "id": "o", "name": "Clinic"}
    ehr = ScriptedEhr([role, clinic])
    resolving = (
        "%order.performer.resolve().ofType(PractitionerRole).organization.resolve()"
        ".ofType(Organization).name = 'Clinic'"
    )
    order = service_request("0001T", performer=[{"reference": "PractitionerRole/r"}])

    answered = ask(
        tmp_path, rule(conditions=(resolving,), determination=COVERED), ehr=ehr, order=order
    )
    assert answered == "covered"
    assert ehr.queries == ["PractitionerRole/r", "Organization/o"]


def test_what_the_ehr_cannot_give_leaves_the_order_undetermined(tmp_path: Path) -> None:
    """The patient neither has it nor has it not (CRD resp-43)."""
    ehr = ScriptedEhr([AF], fails=lambda query: query == "Condition?patient=member-1")

    assert ask(tmp_path, history_rule(), ehr=ehr) == "indeterminate"


def test_all_queries_of_a_call_share_one_deadline(tmp_path: Path) -> None:
    """Whatever is asked later has only what is left of the time."""
    ehr = ScriptedEhr([AF, patient(), coverage("acme", None)])
    index = small_index(tmp_path, policy(history_rule()))
    request = order_sign(service_request("0001T"), prefetch={}, **ACCESS)
    fake_pipeline(index, ehr=ehr).evaluate(encode(request))

    assert len(ehr.deadlines) > 1
    assert len(set(ehr.deadlines)) == 1
    assert len({access.expires for access in ehr.accesses}) == 1


def test_discovery_asks_for_the_history_that_the_loaded_policies_read(tmp_path: Path) -> None:
    """And for no other; on the hooks that those policies answer."""
    index = small_index(tmp_path, policy(history_rule(), hooks=("order-sign",)))

    assert index.history_prefetch("order-sign") == (
        ("historyCondition", "Condition?patient={{context.patientId}}"),
    )
    assert index.history_prefetch("order-select") == ()


def test_a_condition_of_the_outer_action_holds_for_every_rule(tmp_path: Path) -> None:
    """An unconditioned outer action is what made another engine answer `covered`."""
    written = policy(rule(determination=COVERED))
    written["action"][0]["condition"] = [applicability("%order.intent = 'plan'")]
    index = small_index(tmp_path, written)
    request = order_sign(service_request("0001T"), prefetch=PREFETCH)
    decisions = fake_pipeline(index).evaluate(encode(request)).decisions

    assert [found.covered.value for found in decisions.answers[0].determinations] == [
        "indeterminate"
    ]
