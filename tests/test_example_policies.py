"""The invented policies of `examples/policies/`: what the rule language is for, run whole.

They are no part of the service: tests compile them on top of its own library.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from coverage_information_rules import URL, order_violations, read_parts
from ehr.asking import asking
from fake_ehr import Behaviour, Call, FakeEhr, bundle, resource, respond, status
from fakes import builtin_index, fake_pipeline
from hook_requests import COMMERCIAL_PPO, coverage, order_sign, patient, service_request
from hook_requests import bundle as prefetched
from response_types import card_problems, response_types
from small_library import compile_directories

from cds_service.authoring.case_runs import differences, run_case
from cds_service.authoring.cases import Case, read_cases
from cds_service.authoring.check import check_library
from cds_service.authoring.narrative.files import find_stale_narratives
from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.fhir.resource import JsonObject, decode, encode, follow, objects
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.run.index import PolicyIndex

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
POLICIES = Path(__file__).parents[1] / "examples" / "policies"
PAYERS = sorted(path for path in POLICIES.iterdir() if path.is_dir())
CASES = list(read_cases(POLICIES))
TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The index over the service's own library and all invented policies."""
    return compile_directories(builtin_library(), POLICIES)


# The policies themselves.


@pytest.mark.parametrize("directory", [*PAYERS, POLICIES], ids=lambda path: path.name)
def test_each_is_checked_without_findings(directory: Path) -> None:
    """One payer's alone, and all of them, on top of the service's own library."""
    report = check_library([builtin_library(), directory], TODAY)

    assert report.findings == ()
    assert report.policies > 2


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.file.parent.name}: {case.name}" for case in CASES]
)
def test_each_case_is_answered_as_its_payer_expects(case: Case, index: PolicyIndex) -> None:
    """A finding here names the case."""
    assert differences(case, run_case(case, index)) == []


def test_every_rule_speaks_in_some_case(index: PolicyIndex) -> None:
    """A rule that no case meets is a rule that nobody tried."""
    own = builtin_index()
    rules = {rule.citation.rule_id for rule in index.rules}
    expected = [case.expect["rule"] for case in CASES]
    alone = {rule for rule in expected if isinstance(rule, str)}

    assert alone == rules - {rule.citation.rule_id for rule in own.rules}
    assert None in expected


def test_the_service_has_none_of_them(index: PolicyIndex) -> None:
    """An invented payer must never answer anybody."""
    own = builtin_index()

    assert {payer.id for payer in own.payers.all} == {"anthem", "icare"}
    assert len(index.payers.all) == len(own.payers.all) + len(PAYERS)


def test_their_narratives_are_up_to_date() -> None:
    """`crd narrate examples/policies` writes them."""
    assert list(find_stale_narratives([POLICIES])) == []


def artifacts(kind: str = "") -> Iterator[JsonObject]:
    """The invented artifacts, all or of one type."""
    for key, artifact in read_library([POLICIES]).by_key.items():
        if kind in ("", key.type):
            yield artifact.resource


def rules_of(plan: JsonObject) -> tuple[JsonObject, ...]:
    """The actions of one policy that are rules."""
    return follow(plan, ("action", "action"))


def test_payers_and_addresses_are_plainly_invented() -> None:
    """Nobody can take them for somebody's."""
    names = [organization["name"] for organization in artifacts("Organization")]
    addresses = [artifact["url"] for artifact in artifacts() if "url" in artifact]

    assert [name for name in names if not name.startswith("Example ")] == []
    assert [
        url for url in addresses if not url.startswith("https://policies.example.invalid/")
    ] == []


def test_codes_of_cpt_stand_without_descriptors_and_beside_the_notice() -> None:
    """CPT is the AMA's."""
    for artifact in artifacts():
        codings = [found for found in walk(artifact) if found.get("system") == CPT]
        if codings:
            assert "American Medical Association" in artifact["copyright"], artifact["id"]
        concepts = [found for found in walk(artifact) if "code" in found and "display" in found]
        assert concepts == []


def walk(value: Any) -> Iterator[JsonObject]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
    inside = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for inner in inside:
            yield from walk(inner)


def test_no_engine_ends_with_an_action_that_nothing_conditions() -> None:
    """The codes are tested in the condition too, of the rule and of the action around it."""
    for plan in artifacts("PlanDefinition"):
        for outer in objects(plan["action"]):
            assert "memberOf(" in outer["condition"][0]["expression"]["expression"]
        for rule in rules_of(plan):
            value_set = rule["input"][0]["codeFilter"][0]["valueSet"]
            tested = rule["condition"][0]["expression"]["expression"]
            assert tested == f"%codes.where(memberOf('{value_set}')).exists()"


def test_titles_are_short_and_name_the_payer() -> None:
    """They are the first words of a card."""
    for plan in artifacts("PlanDefinition"):
        titles = [rule["title"] for rule in rules_of(plan)]
        assert max(map(len, titles)) <= 100


def test_the_disc_policy_lists_twelve_codes_of_three_systems(index: PolicyIndex) -> None:
    """Each of them in some case."""
    policy_rules = [rule for rule in index.rules if rule.policy.id == "lakeside-disc-20250101"]
    listed = {key for rule in policy_rules for key in rule.by_key}
    tried = {coding["code"] for case in CASES for coding in follow(case.order, ("code", "coding"))}

    assert len(listed) == 12
    assert len({key.system for key in listed}) == 3
    assert {key.code for key in listed} <= tried


def test_the_later_version_of_one_policy_needs_an_authorization(index: PolicyIndex) -> None:
    """Two artifacts of one URL; the first ends the day before the second begins."""
    versions = sorted(
        (policy for policy in index.policies if policy.id.startswith("northland-laac-")),
        key=lambda policy: policy.start,
    )

    assert len({policy.url for policy in versions}) == 1
    assert [str(policy.end) for policy in versions] == ["2024-12-31", "9999-12-31"]


def test_the_natural_pair_of_rules_is_two_rules() -> None:
    """There is no third to catch what is unknown."""
    plans = [plan for plan in artifacts("PlanDefinition") if plan["id"].startswith("northland-")]

    assert [len(rules_of(plan)) for plan in plans] == [2, 2]


# One policy, asked by an EHR: left atrial appendage closure, where the diagnosis may be anywhere.

AF = {"coding": [{"system": ICD_10_CM, "code": "I48.91"}]}
OTHER = {"coding": [{"system": ICD_10_CM, "code": "I10"}]}
IN_SNOMED = {"coding": [{"system": "http://snomed.info/sct", "code": "49436004"}]}
REFERENCE = {"reference": "Condition/af"}
QUERY = "Condition/af"
COVERED = {"covered": ["covered"], "pa-needed": ["auth-needed"]}
REFUSED = {"covered": ["not-covered"]}
LEFT_OPEN = {"covered": ["conditional"], "info-needed": ["OTH"]}
UNREAD = {"covered": ["indeterminate"]}
EHR_SECONDS = 0.3


def condition(concept: JsonObject, *, of: str = "member-1") -> JsonObject:
    """A Condition of a patient."""
    return {
        "resourceType": "Condition",
        "id": "af",
        "subject": {"reference": f"Patient/{of}"},
        "code": concept,
    }


def closure(**elements: Any) -> JsonObject:
    """An order of the procedure."""
    return service_request("33340", **{"occurrenceDateTime": "2026-12-01", **elements})


def asked_of(
    index: PolicyIndex, otherwise: Behaviour, order: JsonObject, **more: Any
) -> tuple[JsonObject, list[str]]:
    """What is stated of an order, and what the EHR was asked, when its Condition is read so."""
    member = {"coverage": prefetched(coverage("example-northland", None)), **more}
    response, queries = answered(index, {QUERY: otherwise}, order, **member)
    return stated(response), queries


def answered(
    index: PolicyIndex, behaviours: Mapping[str, Behaviour], order: JsonObject, **prefetch: Any
) -> tuple[JsonObject, list[str]]:
    """The response to a call, and what the EHR was asked."""
    with FakeEhr(status(404)) as ehr, asking() as asker:
        for query, behaviour in behaviours.items():
            ehr.on(query, behaviour)
        request = order_sign(
            order,
            version="2.2",
            prefetch={"patient": patient(birthDate="1970-01-01"), **prefetch},
            fhirServer=ehr.base,
            fhirAuthorization={
                "access_token": "invented",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "patient/*.read",
                "subject": "crd",
            },
        )
        pipeline = replace(fake_pipeline(index, ehr=asker.client), ehr_seconds=EHR_SECONDS)
        response: JsonObject = decode(pipeline.respond(encode(request)))
    check_sound(response)
    return response, ehr.queries


def check_sound(response: JsonObject) -> None:
    """The guide's rules, on the order and on the cards."""
    for action in response["systemActions"]:
        assert order_violations(action["resource"], "2.2") == []
    assert [problem for card in response["cards"] for problem in card_problems(card, "2.2")] == []


def stated(response: JsonObject) -> JsonObject:
    """The codes that the one coverage-information states."""
    (action,) = response["systemActions"]
    (repetition,) = [part for part in action["resource"]["extension"] if part["url"] == URL]
    parts = read_parts(repetition)
    return {name: parts[name] for name in ("covered", "pa-needed", "info-needed") if name in parts}


SOURCES: Sequence[tuple[str, JsonObject, JsonObject]] = (
    ("a reasonCode", closure(reasonCode=[AF]), {}),
    (
        "a contained Condition",
        closure(contained=[{**condition(AF), "id": "c"}], reasonReference=[{"reference": "#c"}]),
        {},
    ),
    (
        "a prefetched Condition",
        closure(reasonReference=[REFERENCE]),
        {"problems": prefetched(condition(AF))},
    ),
)


@pytest.mark.parametrize(
    ("order", "more"),
    [source[1:] for source in SOURCES],
    ids=[name for name, _, _ in SOURCES],
)
def test_what_came_with_the_call_is_enough(
    index: PolicyIndex, order: JsonObject, more: JsonObject
) -> None:
    """Covered with authorization, and nothing is asked (CRD found-28)."""
    assert asked_of(index, status(500), order, **more) == (COVERED, [])


REFERRING = closure(reasonReference=[REFERENCE])


@pytest.mark.parametrize(
    ("concept", "expected"),
    [(AF, COVERED), (OTHER, REFUSED), (IN_SNOMED, LEFT_OPEN), ({"text": "AF"}, LEFT_OPEN)],
    ids=["atrial fibrillation", "another diagnosis", "SNOMED CT only", "words only"],
)
def test_a_condition_is_read_from_the_ehr(
    index: PolicyIndex, concept: JsonObject, expected: JsonObject
) -> None:
    """By its id, once, and nothing else."""
    answers = respond(encode(condition(concept)))

    assert asked_of(index, answers, REFERRING) == (expected, [QUERY])


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (status(500), UNREAD),
        (status(401), UNREAD),
        (Call.wait_for_the_end, UNREAD),
        (status(404), LEFT_OPEN),
        (bundle(), UNREAD),
        (resource("Condition", id="other", code=AF), UNREAD),
    ],
    ids=["in trouble", "token refused", "slow", "gone", "another type", "another id"],
)
def test_an_ehr_that_cannot_answer_decides_nothing(
    index: PolicyIndex, behaviour: Behaviour, expected: JsonObject
) -> None:
    """Neither covered nor refused, and in time; that it failed is another reason than a gap."""
    answer, queries = asked_of(index, behaviour, REFERRING)

    assert answer == expected
    assert set(queries) == {QUERY}


def test_a_condition_of_another_patient_is_not_used(index: PolicyIndex) -> None:
    """Whatever the EHR gives for the id."""
    anothers = respond(encode(condition(AF, of="another")))

    assert asked_of(index, anothers, REFERRING) == (LEFT_OPEN, [QUERY])


def test_an_order_without_a_reason_is_left_open_and_nothing_is_asked(index: PolicyIndex) -> None:
    """What the patient has besides is not what the order is for."""
    answer = asked_of(index, status(500), closure(), problems=prefetched(condition(AF)))

    assert answer == (LEFT_OPEN, [])


@pytest.mark.parametrize(
    "order",
    [
        service_request("93799", reasonReference=[REFERENCE]),
        closure(occurrenceDateTime="2023-06-01", reasonReference=[REFERENCE]),
    ],
    ids=["a code of no policy", "before the first version"],
)
def test_nothing_is_asked_where_no_rule_needs_it(index: PolicyIndex, order: JsonObject) -> None:
    """The reference is there, but nobody would read what it leads to."""
    answer, queries = asked_of(index, resource("Condition"), order)

    assert answer == {"covered": ["indeterminate"]}
    assert queries == []


# What the other two policies need and propose.


def offered(response: JsonObject) -> list[str]:
    """The response types of the cards, each once."""
    return sorted({kind for card in response["cards"] for kind in response_types(card)})


INFLIXIMAB: JsonObject = {
    **service_request("191831", system=RXNORM),
    "resourceType": "MedicationRequest",
}
INFLIXIMAB["medicationCodeableConcept"] = INFLIXIMAB.pop("code")
HISTORY = "MedicationRequest?patient=member-1"
METHOTREXATE: JsonObject = {
    **INFLIXIMAB,
    "id": "before",
    "status": "completed",
    "authoredOn": "2026-05-02",
    "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "105585"}]},
}


@pytest.mark.crd("resp-39")
@pytest.mark.parametrize(
    ("behaviour", "expected", "types"),
    [
        (bundle(METHOTREXATE), COVERED, ["externalReference", "instructions"]),
        (bundle(), LEFT_OPEN, ["alternateRequest", "externalReference", "instructions"]),
        (
            bundle({**METHOTREXATE, "subject": {"reference": "Patient/another"}}),
            LEFT_OPEN,
            ["alternateRequest", "externalReference", "instructions"],
        ),
        (status(500), UNREAD, ["externalReference"]),
    ],
    ids=["the first step", "no history", "another patient's", "no answer"],
)
def test_step_therapy_is_told_by_one_query_for_the_history(
    index: PolicyIndex, behaviour: Behaviour, expected: JsonObject, types: list[str]
) -> None:
    """The first step is proposed where it is known that it was not taken, and there alone."""
    member = {"coverage": prefetched(coverage("example-midvale", None))}

    response, queries = answered(index, {HISTORY: behaviour}, INFLIXIMAB, **member)

    assert (stated(response), offered(response)) == (expected, types)
    assert set(queries) == {HISTORY}


def test_a_history_that_discovery_asked_for_is_not_asked_for_again(index: PolicyIndex) -> None:
    """All of the patient's orders came with the call, under our own key."""
    searched = {
        **prefetched(METHOTREXATE),
        "link": [{"relation": "self", "url": f"https://ehr.example.invalid/fhir/{HISTORY}"}],
    }
    member = {
        "coverage": prefetched(coverage("example-midvale", None)),
        "historyMedicationRequest": searched,
    }

    response, queries = answered(index, {}, INFLIXIMAB, **member)

    assert (stated(response), queries) == (COVERED, [])


REPORT: JsonObject = {
    "resourceType": "DiagnosticReport",
    "id": "scan",
    "status": "final",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]}
    ],
    "code": {"coding": [{"system": CPT, "code": "72141"}]},
    "subject": {"reference": "Patient/member-1"},
    "effectiveDateTime": "2026-07-01",
}
SURGEON: JsonObject = {
    "resourceType": "PractitionerRole",
    "id": "surgeon",
    "specialty": [
        {"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "207T00000X"}]}
    ],
}
REPORTS = "DiagnosticReport?patient=member-1"
DISC = service_request("22856", performer=[{"reference": "PractitionerRole/surgeon"}])


@pytest.mark.parametrize(
    ("reports", "expected", "types"),
    [
        (bundle(REPORT), COVERED, ["externalReference", "formCompletion", "instructions"]),
        (bundle(), LEFT_OPEN, ["additionalOrders", "externalReference", "instructions"]),
    ],
    ids=["imaging", "no imaging"],
)
def test_the_disc_policy_asks_for_imaging_and_surgeon_and_proposes_what_is_missing(
    index: PolicyIndex, reports: Behaviour, expected: JsonObject, types: list[str]
) -> None:
    """One query for each, of this patient and of this order."""
    behaviours = {REPORTS: reports, "PractitionerRole/surgeon": respond(encode(SURGEON))}
    member = {"coverage": prefetched(coverage("example-lakeside", COMMERCIAL_PPO))}

    response, queries = answered(index, behaviours, DISC, **member)

    assert (stated(response), offered(response)) == (expected, types)
    assert sorted(queries) == sorted(behaviours)
