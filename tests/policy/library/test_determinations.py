"""Determinations as policies state them: every part of coverage-information, down to the order."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from coverage_information_rules import PARTS, URL, VERSIONS, order_violations, read_parts
from fakes import fake_pipeline
from hook_requests import bundle, coverage, order_sign, patient, service_request
from small_library import instruction, part, policy, reason, rule, small_index

from cds_service.crd.codes import (
    COVERAGE_DETAIL,
    Covered,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import Determination
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

WITH_AUTHORIZATION = {"url": "doc-with-authorization", "valueBoolean": True}
FORM = {"url": "questionnaire", "valueCanonical": "https://forms.example.invalid/Questionnaire/1|1"}
DESK = {"name": "Desk", "telecom": [{"system": "fax", "value": "555-0100"}]}
BASED_ON = {
    "url": "dependency",
    "valueExpression": {"language": "text/fhirpath", "expression": "%order.basedOn"},
}


def detail(code: str, **value: Any) -> JsonObject:
    """A detail with a value of any type."""
    coding = {"coding": [{"system": COVERAGE_DETAIL, "code": code}]}
    inside = [
        part("category", "cat-limitation"),
        {"url": "code", "valueCodeableConcept": coding},
        {"url": "value", **value},
        {"url": "qualification", "valueString": f"qualifies {code}"},
    ]
    return {"url": "detail", "extension": inside}


EVERY_PART: tuple[JsonObject, ...] = (
    part("covered", "covered"),
    part("pa-needed", "conditional"),
    part("doc-needed", "clinical"),
    part("doc-needed", "patient"),
    part("doc-purpose", "OTH"),
    part("doc-purpose", "withclaim"),
    WITH_AUTHORIZATION,
    part("info-needed", "performer"),
    part("info-needed", "location"),
    reason("because"),
    detail("allowed-quantity", valueQuantity={"value": 3, "unit": "visits"}),
    detail("allowed-period", valuePeriod={"start": "2026-01-01", "end": "2026-12-31"}),
    detail("concurrent-review", valueBoolean=False),
    detail("policy-link", valueUrl="https://payer.example.invalid/policy"),
    instruction("Call us."),
    {"url": "dependency", "valueReference": {"reference": "ServiceRequest/stated"}},
    BASED_ON,
    FORM,
    {"url": "contact", "valueContactDetail": DESK},
    {"url": "expiry-date", "valueDate": "2027-06-30"},
)


def index_of(directory: Path, *parts: JsonObject, **elements: Any) -> PolicyIndex:
    """The index over one policy whose one rule determines this."""
    return small_index(directory, policy(rule(determination=parts), **elements))


def stated(directory: Path, *parts: JsonObject, **elements: Any) -> Determination:
    """What a rule of these parts determines, as compiled."""
    return index_of(directory, *parts, **elements).rules[0].determination


def answered(index: PolicyIndex, version: str = "2.2", **elements: Any) -> JsonObject:
    """An order of the first invented code, as it comes back."""
    sent = {"patient": patient(), "coverage": bundle(coverage("acme", None))}
    order = service_request("0001T", **{"occurrenceDateTime": "2026-12-01", **elements})
    request = order_sign(order, version=version, prefetch=sent)
    response = decode(fake_pipeline(index).respond(encode(request)))
    found: JsonObject = response["systemActions"][0]["resource"]
    return found


def information(index: PolicyIndex, version: str = "2.2", **elements: Any) -> dict[str, list[Any]]:
    """The parts of the coverage information on that order."""
    extensions = answered(index, version, **elements)["extension"]
    (written,) = [extension for extension in extensions if extension["url"] == URL]
    return read_parts(written)


def test_a_policy_can_state_every_part(tmp_path: Path) -> None:
    """All that a policy's author can know, in the guide's own codes and types."""
    determination = stated(tmp_path, *EVERY_PART)

    assert determination.covered is Covered.COVERED
    assert determination.pa_needed is PaNeeded.CONDITIONAL
    assert determination.doc_needed == {DocNeeded.CLINICAL, DocNeeded.PATIENT}
    assert determination.doc_purpose == {DocPurpose.WITH_PA, DocPurpose.WITH_CLAIM}
    assert determination.info_needed == {InfoNeeded.PERFORMER, InfoNeeded.LOCATION}
    assert [given.text for given in determination.reasons] == ["because"]
    assert [given.value_type for given in determination.details] == [
        "valueQuantity",
        "valuePeriod",
        "valueBoolean",
        "valueUrl",
        "valueString",
    ]
    assert determination.dependencies == (Dependency(reference="ServiceRequest/stated"),)
    assert determination.questionnaires == (FORM["valueCanonical"],)
    assert [contact.name for contact in determination.contacts] == ["Desk"]
    assert determination.expiry_date == date(2027, 6, 30)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_part_arrives_on_the_order_in_the_shape_of_its_version(
    tmp_path: Path, version: str
) -> None:
    """Sound in each version, and nothing is lost but what an older one does not define."""
    index = index_of(tmp_path, *EVERY_PART)
    order = answered(index, version, basedOn=[{"reference": "ServiceRequest/before"}])
    written = {inner["url"] for extension in order["extension"] for inner in extension["extension"]}

    assert order_violations(order, version) == []
    assert written == set(PARTS[version]) - {"satisfied-pa-id", "response"}


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("covered", ["covered", "not-covered", "conditional", "indeterminate"]),
        ("pa-needed", ["no-auth", "auth-needed", "performpa", "conditional", "indeterminate"]),
        ("doc-needed", ["clinical", "admin", "patient", "conditional", "indeterminate"]),
        ("doc-purpose", ["withclaim", "withorder", "retain-doc", "OTH"]),
        (
            "info-needed",
            ["performer", "location", "timeframe", "contract-window", "detail-code", "OTH"],
        ),
    ],
)
def test_every_code_of_each_set_can_be_stated(tmp_path: Path, name: str, codes: list[str]) -> None:
    """But for `satisfied` and `withpa`, of which the messages say why not."""
    for number, code in enumerate(codes):
        depends = "conditional" in (code, *(["conditional"] if name == "info-needed" else []))
        around = [reason("because")]
        if name != "covered":
            around.append(part("covered", "conditional" if name == "info-needed" else "covered"))
        if depends and name != "info-needed":
            around.append(part("info-needed", "performer"))

        assert stated(tmp_path / str(number), *around, part(name, code))


@pytest.mark.parametrize(
    ("version", "purposes"), [("2.0", ["withpa"]), ("2.1", ["OTH"]), ("2.2", ["OTH"])]
)
def test_documents_with_the_authorization_are_withpa_for_2_0_alone(
    tmp_path: Path, version: str, purposes: list[str]
) -> None:
    """For 2.1 and 2.2, whose crd-ci-q4 rejects it, the reason says so beside `OTH`."""
    index = index_of(
        tmp_path,
        part("covered", "covered"),
        part("pa-needed", "auth-needed"),
        part("doc-needed", "clinical"),
        part("doc-purpose", "OTH"),
        WITH_AUTHORIZATION,
        reason("Send the chart with the authorization request."),
    )

    assert information(index, version)["doc-purpose"] == purposes


def test_documents_are_not_with_the_authorization_unless_the_policy_means_it(
    tmp_path: Path,
) -> None:
    """`OTH` alone is some other purpose, for 2.0 too."""
    index = index_of(
        tmp_path,
        part("covered", "covered"),
        part("pa-needed", "auth-needed"),
        part("doc-purpose", "OTH"),
        {**WITH_AUTHORIZATION, "valueBoolean": False},
        reason("because"),
    )

    assert information(index, "2.0")["doc-purpose"] == ["OTH"]


@pytest.mark.parametrize(
    ("based_on", "expected"),
    [
        (
            [{"reference": "ServiceRequest/a"}, {"reference": "CarePlan/b"}],
            [{"reference": "ServiceRequest/a"}],
        ),
        (
            [{"identifier": {"system": "https://s.example.invalid", "value": "7"}}],
            [{"identifier": {"system": "https://s.example.invalid", "value": "7"}}],
        ),
        ([{"reference": "ServiceRequest/a"}] * 2, [{"reference": "ServiceRequest/a"}]),
        ([{"reference": "CarePlan/b"}], []),
        ([], []),
    ],
)
def test_a_dependency_is_read_from_each_order(
    tmp_path: Path, based_on: list[JsonObject], expected: list[JsonObject]
) -> None:
    """Orders it is based on, each once; what is no order is none."""
    index = index_of(tmp_path, part("covered", "covered"), BASED_ON)

    assert information(index, basedOn=based_on).get("dependency", []) == expected


def test_a_dependency_that_refers_to_nothing_leaves_the_order_undetermined(tmp_path: Path) -> None:
    """What it depends on is not lost without a word: the answer is not given."""
    index = index_of(tmp_path, part("covered", "covered"), BASED_ON)
    written = information(index, basedOn=[{"type": "ServiceRequest"}])

    assert written["covered"] == ["indeterminate"]
    assert "%order.basedOn" in written["reason"][0]["text"]


@pytest.mark.parametrize(
    ("policy_ends", "stated_day", "written"),
    [
        ("2027-12-31", "2027-06-30", "2027-06-30"),
        ("2027-01-31", "2027-06-30", "2027-01-31"),
        ("", "2027-06-30", "2027-06-30"),
        ("2027-01-31", "", "2027-01-31"),
    ],
)
def test_the_earlier_of_the_stated_day_and_the_policys_end_is_written(
    tmp_path: Path, policy_ends: str, stated_day: str, written: str
) -> None:
    """An answer never outlasts its policy."""
    period = {"start": "2020-01-01", **({"end": policy_ends} if policy_ends else {})}
    expiry = [{"url": "expiry-date", "valueDate": stated_day}] if stated_day else []
    index = index_of(tmp_path, part("covered", "covered"), *expiry, effectivePeriod=period)

    assert information(index)["expiry-date"] == [written]


@pytest.mark.parametrize(
    ("day", "covered"),
    [
        ("2027-06-30", "covered"),
        ("2027-07-01", "conditional"),
        ("2027-06", "covered"),
        ("2027", "conditional"),
    ],
)
def test_beyond_its_day_a_determination_promises_nothing(
    tmp_path: Path, day: str, covered: str
) -> None:
    """A service that is or may be later is not covered yet: its date is needed."""
    index = index_of(
        tmp_path,
        part("covered", "covered"),
        part("pa-needed", "no-auth"),
        {"url": "expiry-date", "valueDate": "2027-06-30"},
    )
    written = information(index, occurrenceDateTime=day)

    assert written["covered"] == [covered]
    assert written.get("info-needed", []) == (["timeframe"] if covered == "conditional" else [])


def test_a_refusal_is_not_loosened_beyond_its_day(tmp_path: Path) -> None:
    """`conditional` would be news that is too good."""
    index = index_of(
        tmp_path,
        part("covered", "not-covered"),
        reason("because"),
        {"url": "expiry-date", "valueDate": "2026-06-30"},
    )

    assert information(index)["covered"] == ["not-covered"]
