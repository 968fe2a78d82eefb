"""CDS Hooks, FHIR Resource Access: what an authorization has to hold.

The members of `fhirAuthorization` are the client's to send. The table reads which may be missing.
"""

import pytest
from every_hook import (
    HOOK_NAMES,
    TOKEN,
    JsonObject,
    call,
    covered,
    facts,
)
from scripted_ehr import ScriptedEhr
from wire import ABSENT, Wire, authorized, open_wire, whole_ehr

from cds_service.fhir.resource import decode

BEARER = ["Bearer", "bearer", "BEARER", "bEaReR"]
NO_BEARER = ["MAC", "mac", "DPoP", "N_A", "Basic", "Bearer ", " Bearer", "Bearers", "Bearer\n", "B"]


@pytest.fixture(scope="module")
def ehr() -> ScriptedEhr:
    """An EHR that holds all that a call of any hook needs."""
    return whole_ehr()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, ehr: ScriptedEhr) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library", ehr=ehr)


def issue(wire: Wire, request: JsonObject) -> tuple[int, str]:
    """The status of a refusal, and the words of its issue."""
    response = wire.send(request)
    return response.status_code, decode(response.data)["issue"][0]["diagnostics"]


@pytest.mark.cds_hooks("authorization-1")
@pytest.mark.parametrize("token", [ABSENT, "", None], ids=["absent", "empty", "null"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_without_an_access_token_nothing_is_queried(
    wire: Wire, ehr: ScriptedEhr, hook: str, token: object
) -> None:
    """What came is answered; where nothing came there is no way to get it."""
    request = authorized(hook, access_token=token)
    ehr.queries.clear()
    sent = {**request, "prefetch": call(hook)["prefetch"]}

    assert covered(wire.answer(sent)) == ["not-covered"]
    assert wire.send(request).status_code == 412
    assert ehr.queries == []


@pytest.mark.cds_hooks("authorization-1")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_with_an_access_token_the_rest_is_queried(wire: Wire, ehr: ScriptedEhr, hook: str) -> None:
    """With that token, at that server."""
    ehr.accesses.clear()

    assert covered(wire.answer(authorized(hook))) == ["not-covered"]
    assert {access.token for access in ehr.accesses} == {TOKEN}


@pytest.mark.crd("hook-13")
@pytest.mark.cds_hooks("authorization-2")
@pytest.mark.parametrize("token_type", NO_BEARER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_token_that_is_no_bearer_token_is_refused(
    wire: Wire, ehr: ScriptedEhr, hook: str, token_type: str
) -> None:
    """It would be sent as what it is not; the refusal names the place and not the value."""
    ehr.queries.clear()
    status, words = issue(wire, authorized(hook, token_type=token_type))

    assert (status, ehr.queries) == (400, [])
    assert "`$.fhirAuthorization.token_type`" in words
    assert f"'{token_type}'" not in words


@pytest.mark.cds_hooks("authorization-2")
@pytest.mark.parametrize("token_type", [5, True, ["Bearer"], {"value": "Bearer"}])
def test_a_type_that_is_no_word_is_refused(wire: Wire, token_type: object) -> None:
    """A type is a string."""
    status, words = issue(wire, authorized("order-sign", token_type=token_type))

    assert status == 400
    assert "`$.fhirAuthorization.token_type`" in words


@pytest.mark.crd("hook-13")
@pytest.mark.cds_hooks("authorization-2")
@pytest.mark.parametrize("token_type", [*BEARER, "", None, ABSENT])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_bearer_is_written_as_anybody_likes_and_what_is_absent_is_bearer(
    wire: Wire, ehr: ScriptedEhr, hook: str, token_type: object
) -> None:
    """There is no other type that a client of CDS Hooks may mean."""
    ehr.queries.clear()

    assert covered(wire.answer(authorized(hook, token_type=token_type))) == ["not-covered"]
    assert ehr.queries != []


@pytest.mark.cds_hooks("authorization-4", "authorization-5")
@pytest.mark.parametrize("scope", ["patient/*.read", "patient/*.rs", "user/Coverage.rs"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_scopes_and_subject_are_taken_as_they_come(wire: Wire, hook: str, scope: str) -> None:
    """Of either version of SMART; the FHIR server is who keeps to them."""
    request = authorized(hook, scope=scope, subject="any-client-id", patient="member-1")

    assert covered(wire.answer(request)) == ["not-covered"]
    kept = decode(wire.log.records[-1].request)["fhirAuthorization"]
    assert (kept["scope"], kept["subject"]) == (scope, "any-client-id")


@pytest.mark.cds_hooks("authorization-4")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_authorization_without_scopes_is_tolerated(wire: Wire, hook: str) -> None:
    """The answer is the same as with them."""
    whole = wire.answer(authorized(hook))

    assert facts(wire.answer(authorized(hook, scope=ABSENT))) == facts(whole)
    assert covered(whole) == ["not-covered"]


@pytest.mark.cds_hooks("authorization-5")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_authorization_without_subject_is_tolerated(wire: Wire, hook: str) -> None:
    """The answer is the same as with it."""
    whole = wire.answer(authorized(hook))

    assert facts(wire.answer(authorized(hook, subject=ABSENT))) == facts(whole)
    assert covered(whole) == ["not-covered"]
