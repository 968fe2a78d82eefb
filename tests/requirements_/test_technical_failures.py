"""CRD page Response Types, Coverage Information: what technical failures leave undetermined.

The EHR is a real socket and the service asks it as ever; only the answers are made to fail.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from coverage_information_rules import TEMP, order_violations
from crowds import alternate
from every_hook import (
    HOOK_NAMES,
    PRIMARY,
    SECONDARY,
    VERSIONS,
    JsonObject,
    annotations,
    appointment,
    ask,
    asked_about,
    call,
    minimal_orders,
    reference,
    repetitions,
    updates,
    with_token,
)
from fake_ehr import Behaviour, FakeEhr, bundle, resource, status
from fake_ehr import respond as respond_with
from fakes import fake_pipeline
from hook_requests import coverage, patient
from outbound import faults
from small_library import COVERED_WITHOUT_AUTHORIZATION, policy, rule, small_index

from cds_service.ehr.client import RequestsEhr
from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

PATIENCE, HURRY = 5.0, 0.2  # seconds that the service waits for an EHR, and for one that is mute
FAILURES: Mapping[str, Behaviour] = {
    "a timeout": faults.silent,
    "401": status(401),
    "500": status(500),
}
ERROR: JsonObject = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
OTHER_DISEASE: JsonObject = {
    "resourceType": "Condition",
    "id": "1",
    "subject": {"reference": "Patient/member-1"},
    "code": {"coding": [{"system": ICD_10_CM, "code": "J45.909"}]},
}
OTHER_FAILURES: Mapping[str, Behaviour] = {
    **{str(code): status(code) for code in (302, 400, 403, 429, 503)},
    "a page in HTML": respond_with(b"<html>Log in</html>", Content_Type="text/html"),
    "another resource": resource("Patient", id="member-1"),
    "an error among the data": bundle(ERROR),
    "a second page that fails": lambda asked: (
        bundle(OTHER_DISEASE, next_page="/fhir/more")
        if asked.path.endswith("member-1")
        else status(500)
    )(asked),
    "a closed connection": lambda asked: asked.hang_up(),
}
HISTORY, DIAGNOSIS, AGE, BROKEN, PLAIN = "0001T", "0002T", "0003T", "0004T", "0005T"
MEMBER = (patient(), coverage("acme", None))
UNREAD_PAYER = (patient(), coverage(payor=[{"reference": "Organization/payer"}]))
DRUG = {
    name: value
    for name, value in minimal_orders()["MedicationRequest"].items()
    if name != "medicationCodeableConcept"
}
PRESCRIPTION: JsonObject = {**DRUG, "medicationReference": {"reference": "Medication/drug"}}


def condition_on(code: str, expression: str, **elements: Any) -> JsonObject:
    """A rule that covers a service without authorization if something holds."""
    return rule(
        f"rule-{code.lower()}",
        codes=[code],
        conditions=[expression],
        determination=COVERED_WITHOUT_AUTHORIZATION,
        **elements,
    )


def covering_all_drugs() -> JsonObject:
    """A rule for every drug there is."""
    covered = COVERED_WITHOUT_AUTHORIZATION
    return rule("drugs", codes=(), kind="MedicationRequest", determination=covered)


def with_history() -> JsonObject:
    """What the rule on history asks for: its order, and the patient's Conditions of one code."""
    of_order = {"path": "code", "code": [{"system": CPT, "code": HISTORY}]}
    of_conditions = {"path": "code", "code": [{"system": ICD_10_CM, "code": "I48.91"}]}
    return {
        "input": [
            {"type": "ServiceRequest", "codeFilter": [of_order]},
            {"id": "af", "type": "Condition", "codeFilter": [of_conditions]},
        ]
    }


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """Policies that cover, each if something holds that has to be read; and one for every drug."""
    resolved = "%order.reasonReference.resolve().ofType(Condition).code.text = 'x'"
    rules = [
        condition_on(HISTORY, "%af.exists()", **with_history()),
        condition_on(DIAGNOSIS, resolved),
        condition_on(AGE, "%age >= 65"),
        # An expression that fails on an order of several codes.
        condition_on(BROKEN, "%codes.code.lower() = 'x'"),
        condition_on(PLAIN, "%order.exists()"),
        covering_all_drugs(),
    ]
    directory = tmp_path_factory.mktemp("library")
    return small_index(directory, policy(*rules, hooks=HOOK_NAMES))


@pytest.fixture(scope="module")
def client() -> Iterator[RequestsEhr]:
    """What asks EHRs over HTTP."""
    ehr = RequestsEhr()
    yield ehr
    ehr.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call of a hook about a service, and what has to be read from the EHR to decide on it."""

    request: JsonObject
    query: str


def unread(lacking: str, hook: str, version: str) -> Asked:
    """A call in which this one thing was not sent."""
    diagnosed: JsonObject = {"reasonReference": [{"reference": "Condition/1"}]}
    match lacking:
        case "payer":
            request = call(hook, version=version, member=UNREAD_PAYER)
            query = "Organization/payer"
        case "history":
            about = asked_about(hook, HISTORY)
            request = call(hook, about, version=version, member=MEMBER)
            query = "Condition?patient=member-1"
        case "diagnosis":
            about = asked_about(hook, DIAGNOSIS, **diagnosed)
            request = call(hook, about, version=version, member=MEMBER)
            query = "Condition/1"
        case "age":
            request = call(hook, asked_about(hook, AGE), version=version, member=MEMBER[1:])
            query = "Patient/member-1"
        case _:
            request, query = unread_code(hook, version)
    return Asked(request=with_token(request), query=query)


def unread_code(hook: str, version: str) -> tuple[JsonObject, str]:
    """A call about a prescription whose drug was not sent, or an appointment for such."""
    if hook != "appointment-book":
        return call(hook, PRESCRIPTION, version=version, member=MEMBER), "Medication/drug"
    booked = appointment(PLAIN, basedOn=[alternate(reference(PRESCRIPTION))])
    return call(hook, booked, version=version, member=MEMBER), reference(PRESCRIPTION)


def respond(
    asked: Asked, failure: Behaviour, index: PolicyIndex, client: RequestsEhr
) -> JsonObject:
    """The response where the EHR fails so; the thing was really asked for."""
    with FakeEhr(failure) as ehr:
        request = {**asked.request, "fhirServer": ehr.base}
        pipeline = fake_pipeline(index, hook=request["hook"], ehr=client)
        seconds = HURRY if failure is faults.silent else PATIENCE
        body = replace(pipeline, ehr_seconds=seconds).respond(encode(request))
        assert asked.query in ehr.queries
    response: JsonObject = decode(body)
    return response


def problems(response: JsonObject, version: str) -> list[str]:
    """What in a response does not say that its one order is undetermined for technical reasons."""
    (resource,) = updates(response)
    (parts,) = repetitions(resource)
    (reason,) = parts["reason"]
    technical = [{"system": TEMP, "code": "technical"}]
    expected = {
        # The words of 2.2 came with it: before, `conditional` and why, in words.
        "2.2": (["indeterminate"], None, None, technical),
        "2.1": (["conditional"], None, ["OTH"], None),
        "2.0": (["conditional"], ["conditional"], ["OTH"], None),
    }[version]
    stated = (
        parts["covered"],
        parts.get("pa-needed"),
        parts.get("info-needed"),
        reason.get("coding"),
    )
    found = [] if stated == expected else [f"states {stated}"]
    if "could not be " not in reason["text"]:
        found.append(f"has no details in {reason['text']!r}")
    return [*found, *order_violations(resource, version)]


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
@pytest.mark.parametrize("lacking", ["payer", "history", "diagnosis", "age", "code"])
@pytest.mark.parametrize("failure", FAILURES)
def test_what_an_ehr_fails_to_give_leaves_it_undetermined_and_says_so(
    failure: str, lacking: str, hook: str, version: str, index: PolicyIndex, client: RequestsEhr
) -> None:
    """Whatever it is that could not be read, and however the EHR fails: a 200 that says it."""
    response = respond(unread(lacking, hook, version), FAILURES[failure], index, client)

    assert problems(response, version) == []


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("failure", OTHER_FAILURES.values(), ids=OTHER_FAILURES)
def test_no_failure_of_an_ehr_is_taken_to_mean_that_there_is_nothing(
    failure: Behaviour, index: PolicyIndex, client: RequestsEhr
) -> None:
    """A history that is refused, is no history, or is half of one."""
    response = respond(unread("history", "order-sign", "2.2"), failure, index, client)

    assert problems(response, "2.2") == []


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
@pytest.mark.parametrize("lacking", ["payer", "history", "diagnosis", "age"])
def test_a_secondary_hook_says_so_too_where_it_evaluates_a_policy(
    lacking: str, hook: str, version: str, index: PolicyIndex, client: RequestsEhr
) -> None:
    """And where it cannot tell whose policies to evaluate."""
    response = respond(unread(lacking, hook, version), status(500), index, client)

    assert problems(response, version) == []


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_condition_that_fails_leaves_it_undetermined_and_says_so(
    hook: str, version: str, index: PolicyIndex
) -> None:
    """The fault is the policy's: of two codes it takes the one."""
    two = {"coding": [{"system": CPT, "code": code} for code in (BROKEN, "0099T")]}
    elements = {"Appointment": {"serviceType": [two]}, "Encounter": {"type": [two]}}
    plain = asked_about(hook)
    about = {**plain, **elements.get(plain["resourceType"], {"code": two})}
    response = ask(call(hook, about, version=version, member=MEMBER), index=index)

    assert problems(response, version) == []


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_the_client_could_not_get_itself_is_a_technical_failure_too(
    hook: str, version: str, index: PolicyIndex
) -> None:
    """It sent an OperationOutcome in place of the history, and nobody else can be asked."""
    request = call(hook, asked_about(hook, HISTORY), version=version, member=MEMBER)
    request["prefetch"]["historyCondition"] = {"resourceType": "OperationOutcome", "issue": []}

    assert problems(ask(request, index=index), version) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
@pytest.mark.parametrize("lacking", ["history", "diagnosis", "age"])
def test_what_nobody_may_be_asked_for_is_no_technical_failure(
    lacking: str, hook: str, version: str, index: PolicyIndex
) -> None:
    """Without a token nothing has failed: the order is conditional, on what was not sent."""
    asked = unread(lacking, hook, version)
    request = {name: value for name, value in asked.request.items() if name != "fhirAuthorization"}
    (parts,) = annotations(ask(request, index=index))

    assert (parts["covered"], parts["info-needed"]) == (["conditional"], ["OTH"])
    assert "technical" not in str(parts["reason"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["order-select"])
def test_a_secondary_hook_is_silent_where_it_could_not_tell_what_is_ordered(
    hook: str, version: str, client: RequestsEhr, tmp_path: Path
) -> None:
    """No policy is known to address the order, and a secondary hook need not answer."""
    index = small_index(tmp_path, policy(rule(codes=[PLAIN]), hooks=HOOK_NAMES))

    assert respond(unread("code", hook, version), status(500), index, client) == {"cards": []}
