"""Inputs: a rule is given what it asks for, or its conditions are unknown; never something less."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hook_requests import coverage, patient, service_request
from small_library import policy, rule, small_index

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.codes import TECHNICAL
from cds_service.crd.decision.determination import Determination
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.lookups import Lookup, Lookups
from cds_service.crd.request.order import day_of_service, read_order
from cds_service.errors import ArtifactError
from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.policy.payers import resolve_membership
from cds_service.policy.run.adjudication import determine

JsonObject = dict[str, Any]

MEMBER = {"reference": "Patient/member-1"}
ORDER_INPUT = {
    "type": "ServiceRequest",
    "codeFilter": [{"path": "code", "code": [{"system": CPT, "code": "0001T"}]}],
}
AF = {"path": "code", "code": [{"system": ICD_10_CM, "code": "I48.91"}]}
ALL_READ = dict.fromkeys(
    [
        "Condition",
        "Device",
        "DiagnosticReport",
        "Immunization",
        "MedicationRequest",
        "Procedure",
        "ServiceRequest",
    ],
    Lookup.FOUND,
)


def condition(code: str = "I48.91", system: str = ICD_10_CM, **elements: Any) -> JsonObject:
    return {
        "resourceType": "Condition",
        "id": f"c-{code}",
        "subject": MEMBER,
        "code": {"coding": [{"system": system, "code": code}]},
        **elements,
    }


def covered(
    directory: Path,
    asked: JsonObject,
    *resources: JsonObject,
    lookups: Lookups | None = None,
    order: JsonObject | None = None,
    expression: str = "%found.exists()",
) -> str:
    """What a rule with one more input and this condition comes to: `covered` if it applies."""
    return determined(
        directory, asked, *resources, lookups=lookups, order=order, expression=expression
    ).covered.value


def determined(
    directory: Path,
    asked: JsonObject,
    *resources: JsonObject,
    lookups: Lookups | None = None,
    order: JsonObject | None = None,
    expression: str = "%found.exists()",
) -> Determination:
    """The whole of it."""
    index = small_index(
        directory,
        policy(
            rule(
                conditions=(expression,),
                determination=({"url": "covered", "valueCode": "covered"},),
                input=[ORDER_INPUT, {"id": "found", **asked}],
            )
        ),
    )
    member = coverage("acme", None)
    chart = index_chart(
        [Found(resource) for resource in (patient(), member, *resources)],
        patient_id="member-1",
        lookups=lookups if lookups is not None else Lookups(histories=ALL_READ),
    )
    read = read_order(order or service_request("0001T", occurrenceDateTime="2026-06-15"))
    answer = determine(
        read,
        resolve_membership(member, chart, index.payers),
        day_of_service(read, date(2026, 6, 1)),
        index=index,
        hook=HOOKS["order-sign"],
        chart=chart,
    )
    (determination,) = answer.determinations
    return determination


APPLIES, SILENT, OPEN = "covered", "indeterminate", "conditional"


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([condition()], APPLIES),
        ([], SILENT),
        ([condition("I10")], SILENT),
        ([condition("49436004", "http://snomed.info/sct")], OPEN),
        ([condition("49436004", "http://snomed.info/sct"), condition()], APPLIES),
        (
            [{"resourceType": "Condition", "id": "c", "subject": MEMBER, "code": {"text": "AF"}}],
            OPEN,
        ),
        ([{"resourceType": "Condition", "id": "c", "subject": MEMBER}], OPEN),
        ([condition(verificationStatus={"coding": [{"system": "s", "code": "refuted"}]})], SILENT),
        (
            [
                condition(
                    verificationStatus={"coding": [{"system": "s", "code": "entered-in-error"}]}
                )
            ],
            SILENT,
        ),
        ([condition(subject={"reference": "Patient/other"})], SILENT),
    ],
    ids=[
        "coded",
        "none",
        "another code",
        "another system",
        "both",
        "words only",
        "no code",
        "refuted",
        "in error",
        "another patient's",
    ],
)
def test_a_condition_of_the_patient_is_found_by_its_code(
    tmp_path: Path, resources: Iterable[JsonObject], expected: str
) -> None:
    """What is coded in another system, or not at all, may be one: that is unknown."""
    asked = {"type": "Condition", "codeFilter": [AF]}

    assert covered(tmp_path, asked, *resources) == expected


def test_a_history_that_was_not_to_be_had_is_unknown(tmp_path: Path) -> None:
    """Neither `exists()` nor `empty()` holds, whatever else is at hand."""
    asked = {"type": "Condition", "codeFilter": [AF]}
    lookups = Lookups()

    assert covered(tmp_path / "a", asked, lookups=lookups) == OPEN
    assert covered(tmp_path / "b", asked, lookups=lookups, expression="%found.empty()") == OPEN
    assert covered(tmp_path / "c", asked, condition(), lookups=lookups) == APPLIES


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("expression", ["%found.exists()", "%found.empty()"])
@pytest.mark.parametrize(
    "lookups",
    [
        Lookups({"Condition?patient=member-1": Lookup.FAILED}),
        Lookups(histories={"Condition": Lookup.FAILED}),
    ],
    ids=["asked by us", "by the client"],
)
def test_a_history_that_could_not_be_read_is_a_technical_failure(
    tmp_path: Path, lookups: Lookups, expression: str
) -> None:
    """Neither holds; that it failed is said, and not that information is missing."""
    asked = {"type": "Condition", "codeFilter": [AF]}
    undecided = determined(tmp_path, asked, lookups=lookups, expression=expression)
    (given,) = undecided.reasons

    assert (undecided.covered.value, given.coding) == ("indeterminate", TECHNICAL)
    assert "the Condition history could not be read" in given.text


def test_what_is_known_of_a_history_that_could_not_be_read_is_enough(tmp_path: Path) -> None:
    """The condition asks for one, and one is at hand."""
    asked = {"type": "Condition", "codeFilter": [AF]}
    lookups = Lookups({"Condition?patient=member-1": Lookup.FAILED})

    assert covered(tmp_path, asked, condition(), lookups=lookups) == APPLIES


@pytest.mark.parametrize(
    ("onset", "expected"),
    [
        ("2026-01-10", APPLIES),
        ("2025-06-14", SILENT),
        ("2025-06-15", APPLIES),
        ("2026-06-16", SILENT),
        ("2025", OPEN),
        ("2025-06", OPEN),
        ("soon", OPEN),
        (None, OPEN),
    ],
)
def test_a_duration_is_counted_back_from_the_date_of_service(
    tmp_path: Path, onset: str | None, expected: str
) -> None:
    """A date that may lie inside or outside is unknown, and so is none."""
    asked = {
        "type": "Condition",
        "dateFilter": [
            {"path": "onset", "valueDuration": {"value": 12, "code": "mo", "unit": "months"}}
        ],
    }
    stated = {"onsetDateTime": onset} if onset else {}

    assert covered(tmp_path, asked, condition(**stated)) == expected


def test_a_period_is_taken_as_it_is(tmp_path: Path) -> None:
    """Both of its days belong to it."""
    asked = {
        "type": "Procedure",
        "dateFilter": [
            {"path": "performed", "valuePeriod": {"start": "2025-01-01", "end": "2025-12-31"}}
        ],
    }
    procedure = {"resourceType": "Procedure", "id": "p", "subject": MEMBER, "status": "completed"}
    inside = {**procedure, "performedPeriod": {"start": "2025-03-01", "end": "2025-03-02"}}
    across = {**procedure, "performedPeriod": {"start": "2025-12-31", "end": "2026-01-02"}}

    assert covered(tmp_path / "a", asked, inside) == APPLIES
    assert covered(tmp_path / "b", asked, across) == OPEN


def test_a_vague_date_of_service_leaves_a_duration_open(tmp_path: Path) -> None:
    """Nobody can count back from a month."""
    asked = {
        "type": "Condition",
        "dateFilter": [{"path": "onset", "valueDuration": {"value": 1, "code": "a"}}],
    }
    order = service_request("0001T", occurrenceDateTime="2026-06")

    assert covered(tmp_path, asked, condition(onsetDateTime="2026-01-01"), order=order) == OPEN


def medication_request(**elements: Any) -> JsonObject:
    return {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "completed",
        "intent": "order",
        "subject": MEMBER,
        **elements,
    }


METFORMIN = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6809"}]}
DRUG = {
    "type": "MedicationRequest",
    "codeFilter": [{"path": "medication", "code": METFORMIN["coding"]}],
}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([medication_request(medicationCodeableConcept=METFORMIN)], APPLIES),
        (
            [
                medication_request(medicationReference={"reference": "Medication/1"}),
                {"resourceType": "Medication", "id": "1", "code": METFORMIN},
            ],
            APPLIES,
        ),
        ([medication_request(medicationReference={"reference": "Medication/1"})], OPEN),
        ([medication_request(status="draft", medicationCodeableConcept=METFORMIN)], SILENT),
    ],
    ids=["coded", "by reference", "reference not read", "a draft is no history"],
)
def test_a_drug_is_found_by_its_code_or_its_medications(
    tmp_path: Path, resources: Iterable[JsonObject], expected: str
) -> None:
    """A Medication that cannot be read may be any."""
    assert covered(tmp_path, DRUG, *resources) == expected


@pytest.mark.crd("resp-43")
def test_a_drug_whose_medication_could_not_be_read_is_a_technical_failure(tmp_path: Path) -> None:
    """That it failed is said, and not only that the drug is not coded."""
    earlier = medication_request(medicationReference={"reference": "Medication/1"})
    lookups = Lookups({"Medication/1": Lookup.FAILED}, histories=ALL_READ)
    undecided = determined(tmp_path, DRUG, earlier, lookups=lookups)
    (given,) = undecided.reasons

    assert (undecided.covered.value, given.coding) == ("indeterminate", TECHNICAL)
    assert "a Medication that is referred to could not be read" in given.text


def test_the_order_itself_is_no_history_of_it(tmp_path: Path) -> None:
    """An EHR may hold the very draft that is about to be signed."""
    asked = {"type": "ServiceRequest"}
    order = service_request("0001T", status="active")
    other = service_request("0001T", id="older", status="active")

    assert covered(tmp_path / "a", asked, order, order=order) == SILENT
    assert covered(tmp_path / "b", asked, other, order=order) == APPLIES


ROLE: JsonObject = {
    "resourceType": "PractitionerRole",
    "id": "surgeon",
    "specialty": [
        {"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "207T00000X"}]}
    ],
}
SPECIALIST = {
    "type": "PractitionerRole",
    "codeFilter": [{"path": "specialty", "code": ROLE["specialty"][0]["coding"]}],
}


@pytest.mark.parametrize(
    ("order", "resources", "expected"),
    [
        ({"performer": [{"reference": "PractitionerRole/surgeon"}]}, [ROLE], APPLIES),
        ({"requester": {"reference": "PractitionerRole/surgeon"}}, [ROLE], APPLIES),
        ({"performer": [{"reference": "PractitionerRole/surgeon"}]}, [], OPEN),
        ({"requester": {"reference": "Practitioner/x"}}, [ROLE], OPEN),
        (
            {"performer": [{"reference": "PractitionerRole/surgeon"}]},
            [{**ROLE, "specialty": [{"text": "neurosurgery"}]}],
            OPEN,
        ),
    ],
    ids=["performer", "requester", "not read", "not named", "words only"],
)
def test_whom_the_order_names_is_found_by_specialty(
    tmp_path: Path, order: JsonObject, resources: Iterable[JsonObject], expected: str
) -> None:
    """Only those that the order refers to, not all at hand."""
    written = service_request("0001T", **order)

    assert covered(tmp_path, SPECIALIST, *resources, order=written) == expected


def test_the_place_of_service_is_the_orders_location(tmp_path: Path) -> None:
    """Location.type by codes, or the reference resolved."""
    place = {
        "resourceType": "Location",
        "id": "clinic",
        "type": [{"coding": [{"system": "https://pos.invalid", "code": "24"}]}],
    }
    order = service_request("0001T", locationReference=[{"reference": "Location/clinic"}])
    asked = {
        "type": "Location",
        "codeFilter": [{"path": "type", "code": [{"system": "https://pos.invalid", "code": "24"}]}],
    }

    assert covered(tmp_path, asked, place, order=order) == APPLIES


@pytest.mark.parametrize(
    ("asked", "where", "words"),
    [
        ({"type": "Claim"}, ".type", "`Claim` is not gathered here"),
        ({"type": "Condition", "id": "plan"}, ".id", "`%plan` is a variable already"),
        ({"type": "Condition", "id": ""}, ".id", "never empty"),
        ({"type": "Condition", "id": "a_b"}, ".id", "an input has an id"),
        ({"type": "Condition", "limit": 3}, ".limit", "would not be heeded"),
        ({"type": "Condition", "profile": ["http://x.invalid"]}, ".profile", "would not be heeded"),
        (
            {"type": "Condition", "codeFilter": [{"path": "colour", **{"code": AF["code"]}}]},
            ".codeFilter[0].path",
            "no element `colour`",
        ),
        (
            {"type": "Condition", "codeFilter": [{"path": "code"}]},
            ".codeFilter[0]",
            "lists no code",
        ),
        (
            {
                "type": "Condition",
                "codeFilter": [{"path": "code", "valueSet": "http://x.invalid|1"}],
            },
            ".codeFilter[0].valueSet",
            "not in the library",
        ),
        ({"type": "Condition", "dateFilter": [{"path": "onset"}]}, ".dateFilter[0]", "valuePeriod"),
        (
            {
                "type": "Condition",
                "dateFilter": [{"path": "onset", "valueDuration": {"value": 3, "code": "h"}}],
            },
            ".valueDuration",
            "years, months, weeks or days",
        ),
    ],
)
def test_what_would_not_be_heeded_is_refused(
    tmp_path: Path, asked: JsonObject, where: str, words: str
) -> None:
    """No input is accepted and then passed over; the error says where and why."""
    with pytest.raises(ArtifactError) as caught:
        covered(tmp_path, asked)

    assert where in caught.value.where
    assert words in caught.value.problem


def test_an_input_that_no_expression_reads_is_refused(tmp_path: Path) -> None:
    """It would be gathered for nothing, or was meant to be a condition."""
    with pytest.raises(ArtifactError, match="no expression of this rule reads `%found`"):
        covered(tmp_path, {"type": "Condition"}, expression="%order.exists()")


def test_an_input_may_have_a_dash_in_its_id(tmp_path: Path) -> None:
    """`%af-history` is that input, though FHIRPath's grammar would read a difference."""
    index = small_index(
        tmp_path,
        policy(
            rule(
                conditions=("%af-history.exists()", "%`af-history`.count() = 1"),
                input=[ORDER_INPUT, {"id": "af-history", "type": "Condition"}],
            )
        ),
    )

    (compiled,) = index.rules
    assert [wanted.id for wanted in compiled.inputs] == ["af-history"]


def shared(*rules: JsonObject, inputs: Iterable[Mapping[str, Any]]) -> JsonObject:
    written = policy(*rules)
    written["action"][0]["input"] = list(inputs)
    return written


def test_rules_share_the_inputs_of_the_action_around_them(tmp_path: Path) -> None:
    """Ids are unique in a resource, so what a pair of rules reads stands above both."""
    index = small_index(
        tmp_path,
        shared(
            rule("has", conditions=("%found.exists()",)),
            rule("has-not", conditions=("%found.empty()",)),
            inputs=[{"id": "found", "type": "Condition", "codeFilter": [AF]}],
        ),
    )

    assert [[wanted.id for wanted in compiled.inputs] for compiled in index.rules] == [
        ["found"],
        ["found"],
    ]


def test_the_outer_actions_own_order_holds_for_all_its_rules(tmp_path: Path) -> None:
    """A rule for a code that its outer action leaves out could never apply."""
    order = {"id": "order", **ORDER_INPUT}

    assert small_index(tmp_path / "a", shared(rule(), inputs=[order])).rules
    with pytest.raises(ArtifactError, match="leaves some of these codes out"):
        small_index(tmp_path / "b", shared(rule(codes=("0002T",)), inputs=[order]))
    with pytest.raises(ArtifactError, match="no expression below reads `%found`"):
        small_index(tmp_path / "c", shared(rule(), inputs=[{"id": "found", "type": "Condition"}]))
