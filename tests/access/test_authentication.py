"""Who calls, and what follows from it: the facade that the web asks."""

import logging

import pytest
from access.issuing import (
    BODY,
    ISSUER,
    SERVICE,
    Calendar,
    Signer,
    authenticating,
    cause,
    key_set,
    make_claims,
    register,
)
from fake_ehr import FakeEhr, status

from cds_service.access.authentication import OpenAuthentication
from cds_service.access.causes import Cause
from cds_service.access.clients import Client
from cds_service.crd.request.caller import ANYONE
from cds_service.errors import Replayed, Unauthorized

SIGNER = Signer()
CANARY = "canary-7b1d"


def test_with_open_access_anyone_calls() -> None:
    """With no token, and with one that nobody can read."""
    everybody = OpenAuthentication()
    callers = [everybody.authenticate(values, SERVICE, BODY) for values in ([], ["Bearer x"])]
    everybody.forget(callers[0])
    everybody.close()

    assert callers == [ANYONE, ANYONE]


def test_a_caller_has_what_its_client_is_registered_with() -> None:
    """E10: payers, FHIR servers and version are the operator's to say, not the token's."""
    registered = register(
        SIGNER,
        payers=["icare"],
        fhir_servers=["https://ehr.example/fhir/"],
        default_version="2.1",
        quirks=["no-typ"],
    )
    north = authenticating(registered, now=Calendar())
    claims = make_claims(payers=["anthem"], test=True)
    caller = north.authenticate([f"Bearer {SIGNER.token(claims=claims)}"], SERVICE, BODY)

    assert (caller.name, caller.issuer, caller.default_version) == ("north", ISSUER, "2.1")
    assert caller.fhir_servers == frozenset({"https://ehr.example/fhir"})
    assert (caller.may_ask("icare"), caller.may_ask("anthem")) == (True, False)
    assert (caller.is_test, caller.quirks) == (False, frozenset({"no-typ"}))


def test_one_clients_key_makes_no_token_of_anothers() -> None:
    """E10, R10: a client that signs with its own key as somebody else is refused."""
    other = Signer()
    south = Client(
        name="south", issuer="https://south.example", keys=register(other).keys, payers=frozenset()
    )
    both = authenticating(register(SIGNER), south)
    posing = other.token(claims=make_claims(iss=ISSUER))

    assert cause(both, posing) == "signature"
    assert cause(both, other.token(claims=make_claims(iss="https://south.example"))) == ""


def test_tenants_are_those_registered() -> None:
    """Where an operator lists them, no other, and not none."""
    listed = authenticating(register(SIGNER, tenants=["ward-7"]))
    causes = [
        cause(listed, SIGNER.token(claims=make_claims(tenant=tenant)))
        for tenant in ("ward-7", "ward-8", "", None, ["ward-7"])
    ]

    assert causes == ["", "tenant", "tenant", "tenant", "tenant"]


def test_every_refusal_has_the_same_words() -> None:
    """CDS Hooks, best practice: a caller does not learn what is wrong with its token."""
    words = {str(Unauthorized(why)) for why in Cause} | {str(Replayed())}

    assert words == {"a valid token is needed"}
    assert Replayed().cause == Cause.REPLAYED


def test_nothing_of_a_token_gets_into_a_log_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """R5, R11, F9: no token, key id, claim or address."""
    caplog.set_level(logging.DEBUG)
    headers = [SIGNER.header(kid=CANARY), SIGNER.header(typ=CANARY), SIGNER.header(jku=CANARY)]
    claims = [make_claims(**{name: CANARY}) for name in ("iss", "aud", "exp", "jti", "tenant")]
    with FakeEhr(status(503)) as server:
        jku = f"{server.base}/{CANARY}.json"
        clients = [register(SIGNER), register(keys=[], jku=jku, test=True)]
        for client in clients:
            north = authenticating(client)
            for token in [
                *(SIGNER.token(header=header) for header in headers),
                *(SIGNER.token(claims=claim) for claim in claims),
                f"{CANARY}.{CANARY}.{CANARY}",
            ]:
                cause(north, token)
                assert CANARY not in caplog.text + repr(north.replays)
            north.close()

    assert "503" in caplog.text
    assert not any(CANARY in str(vars(record)) for record in caplog.records)


def test_the_ages_of_all_keys_are_known() -> None:
    """For the metric: by client, None where keys never came."""
    with FakeEhr(key_set(SIGNER.jwk())) as server:
        client = register(keys=[], jku=f"{server.base}/jwks.json", test=True)
        north = authenticating(client)
        assert cause(north, SIGNER.token()) == ""
        ages = north.key_ages()
        north.close()

    assert ages.keys() == {"north"}
    assert ages["north"] is not None
