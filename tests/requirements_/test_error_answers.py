"""CRD page Supported Hooks, section on errors: status and OperationOutcome, and calls without."""

from collections.abc import Iterator
from typing import Any

import pytest
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    TOKEN,
    VERSIONS,
    JsonObject,
    call,
    with_token,
)
from fakes import FakeLog
from flask.testing import FlaskClient
from hook_requests import COMMERCIAL_PPO, bundle, coverage, patient
from scripted_ehr import ScriptedEhr

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.fhir.resource import encode
from cds_service.settings import Settings

ANOTHER = coverage("anthem", COMMERCIAL_PPO, id="coverage-2")
WITHOUT_IDENTIFIER = coverage(payor=[{"display": "iCare"}])
OF_ANOTHER_SYSTEM = coverage(payor=[{"identifier": {"system": "urn:oid:1.2", "value": "icare"}}])
CONTEXTS = {
    "order-sign": "draftOrders",
    "order-select": "selections",
    "order-dispatch": "dispatchedOrders",
    "appointment-book": "appointments",
    "encounter-start": "encounterId",
    "encounter-discharge": "encounterId",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The service over HTTP."""
    file = tmp_path_factory.mktemp("log") / "log.sqlite3"
    settings = Settings(database_url=f"sqlite:///{file}")
    service = build_service(settings, ehr=None)
    yield open_site(service, settings).app.test_client()
    service.log.close()


def post(client: FlaskClient, hook: str, body: bytes) -> tuple[int, JsonObject]:
    """Status and body of the answer to a call of a hook; if it is an error, it is FHIR."""
    response = client.post(f"/cds-services/{hook}-crd", data=body)
    assert (response.mimetype == "application/fhir+json") is (response.status_code >= 400)
    return response.status_code, response.get_json(force=True)


def is_operation_outcome(body: JsonObject) -> bool:
    """Whether a body is an OperationOutcome with codes FHIR knows."""
    severities = {"fatal", "error", "warning", "information"}
    codes = {
        "invalid",
        "not-supported",
        "required",
        "not-found",
        "too-long",
        "transient",
        "exception",
        "processing",
    }
    issues = body.get("issue", [])
    known = all(issue["severity"] in severities and issue["code"] in codes for issue in issues)
    return body.get("resourceType") == "OperationOutcome" and bool(issues) and known


def broken(hook: str) -> dict[str, tuple[int, bytes]]:
    """Calls of a hook that are refused, each with the status it gets."""
    sound = call(hook)
    context = sound["context"]
    return {
        "not JSON": (400, b'{"hook":'),
        "not an object": (400, b"[]"),
        "no hook": (400, encode(without(sound, "hook"))),
        "another hook": (400, encode({**sound, "hook": "patient-view"})),
        "no hookInstance": (400, encode(without(sound, "hookInstance"))),
        "hookInstance no UUID": (400, encode({**sound, "hookInstance": "1"})),
        "no context": (400, encode(without(sound, "context"))),
        "no patient": (400, encode({**sound, "context": without(context, "patientId")})),
        "nothing it is about": (
            400,
            encode({**sound, "context": without(context, CONTEXTS[hook])}),
        ),
        "token without server": (400, encode(without(with_token(sound), "fhirServer"))),
        "version not spoken": (422, encode(call(hook, version="9.9"))),
        "payer not hosted": (400, encode(call(hook, member=MEMBERS["elsewhere"]))),
        "payer without identifier": (
            400,
            encode(call(hook, member=[patient(), WITHOUT_IDENTIFIER])),
        ),
        "several Coverages": (400, encode(call(hook, member=[*MEMBERS["medicare"], ANOTHER]))),
        "no Coverage": (400, encode(call(hook, member=[patient()]))),
        "Coverage not sent": (412, encode({**sound, "prefetch": {}})),
    }


def without(value: JsonObject, name: str) -> JsonObject:
    """The same object without one element."""
    return {key: inner for key, inner in value.items() if key != name}


@pytest.mark.crd("hook-9", "hook-10", "hook-13")
@pytest.mark.parametrize("fault", broken("order-sign"))
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_cannot_be_answered_gets_its_status_and_an_outcome(
    client: FlaskClient, hook: str, fault: str
) -> None:
    """400 for no hook call or none for our payers, 422 for what only CRD forbids; with an issue."""
    expected, body = broken(hook)[fault]
    status, outcome = post(client, hook, body)

    assert (status, is_operation_outcome(outcome)) == (expected, True)


@pytest.mark.crd("hook-9", "hook-10", "hook-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_is_sound_but_for_the_guide_is_a_422(
    client: FlaskClient, hook: str, version: str
) -> None:
    """A version that is not spoken, in every letter a sound hook call; the issue says where."""
    status, outcome = post(client, hook, encode(call(hook, version=f"{version}-ballot")))

    assert (status, is_operation_outcome(outcome)) == (422, True)
    assert outcome["issue"][0]["expression"] == ["extension.`davinci-crd.requestedVersion`"]


@pytest.mark.crd("hook-9", "hook-10", "hook-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("looked_for", [None, bundle()], ids=["null", "an empty Bundle"])
def test_an_order_that_is_not_there_is_a_422(
    client: FlaskClient, looked_for: JsonObject | None, version: str
) -> None:
    """The call is sound JSON, FHIR and CDS Hooks; what it names is not to be found."""
    request = call("order-dispatch", version=version)
    sent = {**request["prefetch"], "servicerequest": looked_for}
    status, outcome = post(client, "order-dispatch", encode({**request, "prefetch": sent}))

    assert (status, is_operation_outcome(outcome)) == (422, True)
    assert outcome["issue"][0]["code"] == "not-found"


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("version", ["2.1", "2.2"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    "member",
    [
        MEMBERS["elsewhere"],
        MEMBERS["nobody"],
        (patient(), WITHOUT_IDENTIFIER),
        (patient(), OF_ANOTHER_SYSTEM),
        (*MEMBERS["medicare"], ANOTHER),
    ],
    ids=["not hosted", "no Coverage", "no identifier", "of another system", "several"],
)
def test_a_coverage_that_does_not_lead_to_one_of_our_payers_is_a_400(
    client: FlaskClient, hook: str, version: str, member: Any
) -> None:
    """New in CRD 2.1: a 400 tells the client that it called the wrong endpoint."""
    assert post(client, hook, encode(call(hook, version=version, member=member)))[0] == 400


@pytest.mark.parametrize("version", [None, "2.0"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("member", MEMBERS)
def test_crd_2_0_refuses_nobody_for_their_coverage(
    client: FlaskClient, hook: str, version: str | None, member: str
) -> None:
    """CRD 2.0 does not have the rule that a Coverage must lead to one of our payers."""
    assert post(client, hook, encode(call(hook, version=version, member=MEMBERS[member])))[0] == 200


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize("fault", broken("order-sign"))
def test_an_error_repeats_neither_patient_nor_token(client: FlaskClient, fault: str) -> None:
    """The words of an error hold nothing of the patient and no token."""
    _, body = broken("order-sign")[fault]
    with_secrets = body.replace(
        b'"hookInstance"', b'"token":"%s","hookInstance"' % TOKEN.encode(), 1
    )
    response = client.post("/cds-services/order-sign-crd", data=with_secrets)

    assert response.status_code >= 400
    assert "member-1" not in response.text
    assert TOKEN not in response.text


@pytest.mark.crd("hook-9")
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_endpoint_that_is_not_there_is_a_404(client: FlaskClient, method: str) -> None:
    """Of this nobody who knows FHIR need be told."""
    response = client.open("/cds-services/nobodys-hook", method=method, data=b"{}")

    assert response.status_code == (404 if method == "POST" else 405)


@pytest.mark.crd("hook-9", "hook-10")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_body_beyond_the_limit_is_a_413(client: FlaskClient, hook: str) -> None:
    """And says so, as far as it was read."""
    padded = encode({**call(hook), "padding": " " * Settings().max_body})
    status, outcome = post(client, hook, padded)

    assert (status, is_operation_outcome(outcome)) == (413, True)


@pytest.mark.crd("hook-9", "hook-10")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_cannot_be_recorded_is_a_503_with_a_transient_issue(hook: str, version: str) -> None:
    """Nothing is asserted that nobody will find again; the client may try again."""
    settings = Settings()
    service = build_service(settings, ehr=None, log=FakeLog(broken=True))
    request = encode(call(hook, version=version))
    status, outcome = post(open_site(service, settings).app.test_client(), hook, request)

    assert (status, is_operation_outcome(outcome)) == (503, True)
    assert outcome["issue"][0]["code"] == "transient"


def breaks(query: str) -> bool:
    """A bug that shows where something has to be queried."""
    raise RuntimeError(query)


@pytest.mark.crd("hook-9", "hook-10")
def test_a_bug_of_the_service_is_a_500_with_a_fatal_issue() -> None:
    """A call that a fault of ours ends has a status 5xx, and severity and code say whose it is."""
    settings = Settings()
    service = build_service(settings, ehr=ScriptedEhr(fails=breaks), log=FakeLog())
    client = open_site(service, settings).app.test_client()
    for hook in HOOK_NAMES:
        request = {**with_token(call(hook)), "prefetch": {}}
        status, outcome = post(client, hook, encode(request))
        (issue,) = outcome["issue"]
        assert (status, is_operation_outcome(outcome)) == (500, True)
        assert (issue["severity"], issue["code"]) == ("fatal", "exception")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_is_not_decided_is_no_error(client: FlaskClient, hook: str, version: str) -> None:
    """A call without the member's plan gets a 200, in every version."""
    assert (
        post(client, hook, encode(call(hook, version=version, member=MEMBERS["plan unknown"])))[0]
        == 200
    )
