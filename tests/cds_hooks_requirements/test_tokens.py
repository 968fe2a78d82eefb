"""CDS Hooks, FHIR Resource Access: how a token is used, for how long, and that it passes."""

import time
from collections.abc import Iterator

import pytest
from every_hook import HOOK_NAMES, TOKEN, call, covered
from fake_ehr import FakeEhr, bundle, resource, status
from hook_requests import coverage
from scripted_ehr import ScriptedEhr
from wire import ABSENT, Wire, authorized, open_wire, whole_ehr

from cds_service.ehr.client import RequestsEhr

EXPIRY_IF_UNKNOWN = 30  # seconds (CRD found-22)


@pytest.fixture(scope="module")
def ehr() -> ScriptedEhr:
    """An EHR that holds all that a call of any hook needs."""
    return whole_ehr()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, ehr: ScriptedEhr) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library", ehr=ehr)


@pytest.fixture(scope="module")
def over_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The service over HTTP, which queries over HTTP too."""
    client = RequestsEhr()
    yield open_wire(tmp_path_factory.mktemp("wire") / "library", ehr=client)
    client.close()


@pytest.mark.cds_hooks("authorization-3")
@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [
        (7, 7),
        (300, 300),
        ("60", 60),
        (0, 0),
        (None, EXPIRY_IF_UNKNOWN),
        ("soon", EXPIRY_IF_UNKNOWN),
        (-1, 0),
        (ABSENT, EXPIRY_IF_UNKNOWN),
    ],
)
def test_a_token_is_good_for_as_long_as_it_tells(
    wire: Wire, ehr: ScriptedEhr, lifetime: object, seconds: int
) -> None:
    """From when the call came; where it does not tell, for half a minute."""
    ehr.accesses.clear()
    before = time.monotonic()
    wire.send(authorized("order-sign", expires_in=lifetime))

    assert ehr.accesses
    for access in ehr.accesses:
        assert before + seconds <= access.expires <= time.monotonic() + seconds


@pytest.mark.cds_hooks("authorization-3")
def test_a_token_that_is_not_good_any_more_is_not_used(over_http: Wire) -> None:
    """No request leaves with it; with a second more there is an answer."""
    with FakeEhr(bundle(coverage())) as ehr:
        request = {**authorized("order-sign", expires_in=0), "fhirServer": ehr.base}
        assert over_http.send(request).status_code == 412
        assert ehr.calls == []
        request["fhirAuthorization"]["expires_in"] = 60
        assert over_http.send(request).status_code == 200
        assert ehr.calls != []


@pytest.mark.cds_hooks("authorization-4")
@pytest.mark.parametrize("code", [401, 403])
def test_what_the_scopes_do_not_grant_counts_as_not_to_be_read(over_http: Wire, code: int) -> None:
    """The server refuses it: where the Coverage is granted alone, there is an answer on it."""
    with FakeEhr(status(code)) as ehr:
        request = {**authorized("order-sign"), "fhirServer": ehr.base}
        assert over_http.send(request).status_code == 412
        ehr.on("Coverage?patient=member-1&status=active", bundle(coverage()))
        assert covered(over_http.answer(request)) == ["not-covered"]
        assert "Patient/member-1" in ehr.queries


@pytest.mark.cds_hooks("authorization-6")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_token_passes_with_its_call(wire: Wire, ehr: ScriptedEhr, hook: str) -> None:
    """It is in no record and no answer, and no later call queries with it."""
    response = wire.send(authorized(hook))
    record = wire.log.records[-1]
    ehr.accesses.clear()
    later = wire.send({**call(hook), "prefetch": {}})
    another = wire.send(authorized(hook, access_token="another"))  # noqa: S106

    assert TOKEN not in response.text
    assert TOKEN.encode() not in record.request + record.response + record.decisions
    assert (response.status_code, later.status_code, another.status_code) == (200, 412, 200)
    assert {access.token for access in ehr.accesses} == {"another"}


@pytest.mark.cds_hooks("authorization-6")
def test_a_token_is_not_kept_of_a_call_that_is_refused(wire: Wire) -> None:
    """Wherever in an authorization it stands."""
    for changed in ({"token_type": "MAC"}, {"id_token": TOKEN}, {"refresh_token": TOKEN}):
        wire.send({**authorized("order-sign", **changed), "hookInstance": "none"})
        record = wire.log.records[-1]
        assert TOKEN.encode() not in record.request + record.response


@pytest.mark.cds_hooks("authorization-7")
def test_every_request_to_the_ehr_presents_the_token(over_http: Wire) -> None:
    """The first, those that follow from it, and those for further pages."""
    by_reference = coverage(payor=[{"reference": "Organization/payer"}])
    identifier = coverage()["payor"][0]["identifier"]
    with FakeEhr(status(404)) as ehr:
        ehr.on("Coverage?patient=member-1&status=active", bundle(next_page="pages/2"))
        ehr.on("pages/2", bundle(by_reference))
        ehr.on("Organization/payer", resource("Organization", id="payer", identifier=[identifier]))
        ehr.on("Patient/member-1", resource("Patient", id="member-1"))
        request = {**authorized("order-sign"), "fhirServer": ehr.base}
        answer = over_http.answer(request)

    assert covered(answer) == ["not-covered"]
    assert {"pages/2", "Organization/payer"} < set(ehr.queries)
    assert {called.headers.get("authorization") for called in ehr.calls} == {f"Bearer {TOKEN}"}
