"""CRD page Conformance Expectations: what is read of a Coverage and of its member is used."""

from pathlib import Path

import pytest
from complete_resources import coding_of, complete_orders, index_of, member, refusing, rule_for
from every_hook import MEMBERS, PRIMARY, JsonObject, annotations, ask, asked_about, call, covered
from every_part import DEMANDING, rule_of
from hook_requests import patient
from small_library import applicability, insurance_plan, part

from cds_service.errors import PayerNotHandled
from cds_service.fhir.resource import encode
from cds_service.members.authorizations import open_authorizations
from cds_service.policy.run.index import PolicyIndex

MEDICARE = {"coding": [{"system": "https://nahdo.org/sopt", "code": "111"}]}
PLAN_CLASS = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "plan"}]
}
NUMBERED = [{"type": {"coding": [{"code": "MB"}]}, "value": "M-2"}]
CHILD = {"coding": [{"code": "child"}]}


@pytest.fixture(scope="module")
def of_the_plan() -> PolicyIndex:
    """A policy for one plan, which covers."""
    identifier = {"system": "https://coverage-policies.invalid/fhir/NamingSystem/plan-id"}
    plan = insurance_plan("ppo", "512", identifier=[{**identifier, "value": "P-1"}])
    covering = rule_of([part("covered", "covered"), part("pa-needed", "no-auth")])
    return index_of([covering], plan, lines=["InsurancePlan/ppo"])


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("hook", PRIMARY)
@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, "covered"),
        ({"status": "cancelled"}, "not-covered"),
        ({"period": {"end": "2025-12-31"}}, "not-covered"),
        ({"period": {"start": "2030-01-01"}}, "not-covered"),
        ({"class": None}, "covered"),
        ({"class": None, "type": MEDICARE}, "indeterminate"),
        ({"class": None, "type": None}, "conditional"),
        ({"class": [{"type": PLAN_CLASS, "value": "P-1"}], "type": None}, "covered"),
        ({"class": [{"type": PLAN_CLASS, "value": "P-2"}], "type": None}, "conditional"),
    ],
    ids=str,
)
def test_the_elements_of_a_coverage_are_used(
    of_the_plan: PolicyIndex, hook: str, elements: JsonObject, expected: str
) -> None:
    """Status and period tell whether it is active, type and class which plan it is."""
    request = call(hook, asked_about(hook, "0001T"), member=member(**elements))

    assert covered(ask(request, index=of_the_plan)) == [expected]


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("hook", PRIMARY)
def test_the_payer_of_a_coverage_is_used(hook: str) -> None:
    """By the identifier of its Organization; another's member is no member here."""
    *_, organization = resources = member()
    organization["identifier"][0]["value"] = "another"

    with pytest.raises(PayerNotHandled):
        ask(call(hook, asked_about(hook, "0001T"), member=resources), index=refusing())


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(
    ("elements", "pa_needed"),
    [
        ({}, "satisfied"),
        ({"identifier": NUMBERED}, "auth-needed"),
        ({"identifier": None, "subscriberId": "M-1", "dependent": None}, "satisfied"),
        ({"identifier": None, "subscriberId": "M-1", "dependent": "2"}, "auth-needed"),
        (
            {"identifier": None, "subscriberId": "M-1", "dependent": None, "relationship": CHILD},
            "auth-needed",
        ),
    ],
    ids=str,
)
def test_what_tells_one_member_from_another_is_used(
    tmp_path: Path, elements: JsonObject, pa_needed: str
) -> None:
    """An authorization is found by the member's own number, or the subscriber's if he is it."""
    code = coding_of("ServiceRequest")
    period = {"start": "2026-01-01", "end": "2026-12-31"}
    grant = {"payer": "acme", "member": "M-1", "code": code, "period": period, "number": "PA-1"}
    file = tmp_path / "authorizations.json"
    file.write_bytes(encode([grant]))
    order = complete_orders()["ServiceRequest"]
    response = ask(
        call("order-sign", order, member=member(**elements)),
        index=index_of([rule_of(DEMANDING)]),
        authorizations=open_authorizations(str(file), ["acme"]),
    )
    (parts,) = annotations(response)

    assert parts["pa-needed"] == [pa_needed]


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("hook", PRIMARY)
def test_the_members_state_is_used(hook: str) -> None:
    """Patient.address tells a Californian HMO from one elsewhere."""
    californian, insured = MEMBERS["california"]
    at_home = ask(call(hook, member=[californian, insured]))
    away = ask(call(hook, member=[patient("NV"), insured]))

    assert [covered(at_home), covered(away)] == [["conditional"], ["not-covered"]]


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(
    ("born", "expected"), [("1950-01-01", "not-covered"), ("2020-01-01", "indeterminate")]
)
def test_the_members_date_of_birth_is_used(born: str, expected: str) -> None:
    """A rule that asks for the age decides by it."""
    grown_up = rule_for("ServiceRequest", condition=[applicability("%age >= 18")])
    whose, *others = member()
    request = call(
        "order-sign",
        complete_orders()["ServiceRequest"],
        member=[{**whose, "birthDate": born}, *others],
    )

    assert covered(ask(request, index=index_of([grown_up]))) == [expected]
