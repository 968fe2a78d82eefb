"""CRD page Conformance Expectations: what data may be relied on, and what its absence means."""

from collections.abc import Iterator
from typing import Any

import pytest
from coverage_information_rules import URL as COVERAGE_INFORMATION
from every_answer import every_answer
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    ORDER_HOOKS,
    PRIMARY,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    covered,
    facts,
    minimal_orders,
    status_of,
    updatable_orders,
    updates,
)
from hook_requests import MEDICARE_HMO, coverage, patient, service_request
from hypothesis import given, settings
from hypothesis import strategies as st

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
MB = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}
# Elements that the profiles neither make mandatory nor mark must-support.
BEYOND: dict[str, JsonObject] = {
    "ServiceRequest": {
        "priority": "stat",
        "specimen": [{"reference": "Specimen/1"}],
        "bodySite": [{"text": "liver"}],
        "patientInstruction": "come early",
        "insurance": [{"reference": "Coverage/another"}],
    },
    "Coverage": {
        "costToBeneficiary": [{"valueMoney": {"value": 10}}],
        "subrogation": False,
        "contract": [],
    },
    "Patient": {"maritalStatus": {"text": "unknown"}, "photo": [], "generalPractitioner": []},
}
OPTIONAL: dict[str, JsonObject] = {
    "ServiceRequest": {
        "identifier": [{"value": "1"}],
        "category": [{"text": "procedure"}],
        "occurrenceDateTime": "2026-12-01",
        "performerType": {"text": "surgeon"},
        "performer": [{"reference": "Practitioner/performer"}],
        "locationReference": [{"reference": "Location/1"}],
        "reasonCode": [{"text": "a tumour"}],
        "quantityQuantity": {"value": 1},
    },
    "Appointment": {
        "identifier": [{"value": "1"}],
        "serviceCategory": [{"text": "procedure"}],
        "specialty": [{"text": "surgery"}],
        "appointmentType": {"text": "routine"},
        "requestedPeriod": [{"start": "2026-12-01", "end": "2026-12-02"}],
    },
    "Encounter": {
        "identifier": [{"value": "1"}],
        "period": {"start": "2026-11-20"},
        "participant": [{"individual": {"reference": "Practitioner/1"}}],
        "reasonCode": [{"text": "a tumour"}],
        "location": [{"location": {"reference": "Location/1"}}],
        "serviceProvider": {"reference": "Organization/1"},
    },
}
OPTIONAL_OF_COVERAGE: JsonObject = {
    "identifier": [{"type": MB, "value": "1"}],
    "subscriberId": "1",
    "period": {"start": "2024-01-01"},
    "class": [{"type": {"coding": [{"code": "group"}]}, "value": "g"}],
    "type": {"coding": [MEDICARE_HMO]},
    "policyHolder": {"reference": "Patient/member-1"},
    "subscriber": {"reference": "Patient/member-1"},
    "dependent": "0",
    "order": 1,
    "network": "n",
}
OPTIONAL_OF_PATIENT: JsonObject = {
    "birthDate": "1950-01-01",
    "telecom": [{"value": "1"}],
    "address": [{"state": "WI"}],
}


def as_in_us_core(version: str) -> tuple[JsonObject, JsonObject, JsonObject]:
    """Patient, Coverage and order of a US Core version; 3.1.1 has no profiles for the last two."""
    old = version == "3.1.1"
    payor = coverage()["payor"] * (2 if old else 1)
    identifier = (
        [] if old else [{"type": MB, "system": "https://ids.example.invalid", "value": "1"}]
    )
    meta = {} if old else profiled("coverage", version)
    of_coverage = coverage(payor=payor, identifier=identifier, meta=meta)
    if old:
        del of_coverage["relationship"]
    order = {**service_request(), "meta": {} if old else profiled("servicerequest", version)}
    return patient(meta=profiled("patient", version)), of_coverage, order


def profiled(name: str, version: str) -> JsonObject:
    """Metadata that claims a US Core profile."""
    return {"profile": [f"{US_CORE}/us-core-{name}|{version}"]}


@pytest.mark.crd("conf-2")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("us_core", ["3.1.1", "6.1.0", "7.0.0"])
def test_data_of_each_us_core_version_leads_to_the_same_answer(us_core: str, version: str) -> None:
    """The shape of the Coverage and the profiles that are claimed change nothing."""
    *member, order = as_in_us_core(us_core)

    assert covered(ask(call("order-sign", order, member=member, version=version))) == [
        "not-covered"
    ]


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("hook", PRIMARY)
@pytest.mark.parametrize(
    ("member", "order"),
    [
        (MEMBERS["medicare"], {"start": "2020-01-01", "occurrenceDateTime": "2020-01-01"}),
        ((patient(), coverage(status="cancelled")), {}),
        ((patient(), coverage(period={"end": "2025-01-01"})), {}),
        (
            (
                patient(),
                coverage(type={"coding": [{"system": "https://nahdo.org/sopt", "code": "2"}]}),
            ),
            {},
        ),
        (MEMBERS["commercial"], {}),
    ],
    ids=[
        "date of service",
        "Coverage.status",
        "Coverage.period",
        "Coverage.type",
        "Coverage.payor",
    ],
)
def test_what_the_profiles_mark_must_support_is_used(
    hook: str, member: Any, order: JsonObject
) -> None:
    """Each of these elements leads to another answer for the same code."""
    usual = facts(ask(call(hook)))

    assert facts(ask(call(hook, asked_about(hook, **order), member=member))) != usual


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("hook", PRIMARY)
def test_the_members_state_is_used(hook: str) -> None:
    """Patient.address tells a Californian HMO from one elsewhere."""
    californian, insured = MEMBERS["california"]
    at_home = ask(call(hook, member=[californian, insured]))
    away = ask(call(hook, member=[patient("NV"), insured]))

    assert [covered(at_home), covered(away)] == [["conditional"], ["not-covered"]]


@pytest.mark.crd("conf-5")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_every_part_there_is_a_value_for_is_written(hook: str, version: str) -> None:
    """The fullest determination fills every must-support part that it has a value for."""
    (parts,) = annotations(ask(call(hook, version=version, member=MEMBERS["california"])))

    assert set(parts) == {
        "coverage",
        "covered",
        "info-needed",
        "billingCode",
        "reason",
        "detail",
        "date",
        "coverage-assertion-id",
        "contact",
    }


@pytest.mark.crd("conf-7", "conf-8", "hook-22")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_orders_with_what_is_mandatory_and_no_more_are_answered(hook: str, version: str) -> None:
    """Minimal orders of every kind, a Coverage and a Patient are enough."""
    orders = minimal_orders()
    response = ask(call(hook, *orders.values(), version=version))
    answered = updatable_orders(version) if hook in PRIMARY else ["ServiceRequest"]

    assert [order["resourceType"] for order in updates(response)] == list(answered)
    assert [order["id"] for order in updates(response)] == [orders[kind]["id"] for kind in answered]


@pytest.mark.crd("conf-7", "conf-8", "hook-22")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_data_beyond_the_profiles_changes_nothing(hook: str, version: str) -> None:
    """Elements that are neither mandatory nor must-support change no determination."""
    member, insured = MEMBERS["medicare"]
    more = [{**member, **BEYOND["Patient"]}, {**insured, **BEYOND["Coverage"]}]
    about = asked_about(hook)
    rich = {**about, **BEYOND.get(about["resourceType"], {})}
    unheard_of = {"resourceType": "Basic", "id": "1", "code": {"text": "not of any profile"}}

    assert facts(ask(call(hook, rich, member=more, sent=[unheard_of], version=version))) == facts(
        ask(call(hook, version=version))
    )


@pytest.mark.crd("conf-12", "hook-22")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@settings(max_examples=30, deadline=None)
@given(
    order=st.sets(st.integers(0, 7)),
    insured=st.sets(st.sampled_from(sorted(OPTIONAL_OF_COVERAGE))),
    person=st.sets(st.sampled_from(sorted(OPTIONAL_OF_PATIENT))),
)
def test_what_may_be_omitted_is_never_missed(
    hook: str, order: set[int], insured: set[str], person: set[str]
) -> None:
    """The call is answered, whichever optional elements are missing."""
    optional = OPTIONAL[asked_about(hook)["resourceType"]]
    about = asked_about(
        hook, **{name: optional[name] for at, name in enumerate(optional) if at in order}
    )
    whose = patient(**{"address": [], **{name: OPTIONAL_OF_PATIENT[name] for name in person}})
    by_whom = coverage(plan_type=None, **{name: OPTIONAL_OF_COVERAGE[name] for name in insured})
    request = call(hook, about, member=[whose, by_whom])

    assert status_of(request) == 200
    assert hook not in PRIMARY or len(annotations(ask(request))) == 1


def extension_urls(value: Any) -> Iterator[str]:
    """The URL of every extension in a JSON value, parts of extensions apart."""
    if isinstance(value, dict):
        yield from (
            extension["url"]
            for extension in value.get("extension", ())
            if isinstance(extension, dict) and ":" in extension["url"]
        )
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from extension_urls(inner)


@pytest.mark.crd("conf-13")
def test_everything_said_stands_in_elements_of_the_guide() -> None:
    """A response adds no extensions but those of the guide."""
    for answered in every_answer():
        added = set(extension_urls(answered.response)) - set(extension_urls(answered.request))
        on_cards = {name for card in answered.cards for name in card.get("extension", {})}

        assert added <= {COVERAGE_INFORMATION}
        assert on_cards <= {"davinci-crd.associated-resource"}
        assert "extension" not in answered.response
