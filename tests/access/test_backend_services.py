"""SMART Backend Services: assertions in, short-lived access tokens out, and those read again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from backend_client import BASE_URL, TOKEN_URL, BackendClient, Clock, token_service
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key

from cds_service.access.backend_services import TokenService
from cds_service.access.causes import Cause
from cds_service.access.token_key import open_token_key
from cds_service.errors import TokenRefused, Unauthorized


@pytest.fixture
def clock() -> Clock:
    """A clock for one test."""
    return Clock()


@pytest.fixture
def client(clock: Clock) -> BackendClient:
    """A registered client."""
    return BackendClient(name="north", clock=clock)


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock, client: BackendClient) -> TokenService:
    """The service that knows it, and another client."""
    other = BackendClient(name="south", clock=clock).registered()
    return token_service(tmp_path, clock, client.registered(skew=60), other)


def refusal_of(tokens: TokenService, form: dict[str, str]) -> TokenRefused:
    """The OAuth error for a form."""
    with pytest.raises(TokenRefused) as caught:
        tokens.give(form)
    return caught.value


def test_a_client_gets_a_token_that_stands_for_it(
    tokens: TokenService, client: BackendClient, clock: Clock
) -> None:
    """With what it asked for, for five minutes."""
    given = tokens.give(client.form(scope="system/Questionnaire.rs"))
    grant = tokens.read_access_token(given.text)

    assert given.to_json() == {
        "access_token": given.text,
        "token_type": "bearer",
        "expires_in": 300,
        "scope": "system/Questionnaire.rs",
    }
    assert grant == given.grant
    assert (grant.client.name, grant.expires.timestamp() - clock.now.timestamp()) == ("north", 300)
    assert grant.permits("Questionnaire", "s")
    assert not grant.permits("Questionnaire", "u")
    assert not grant.permits("Patient", "r")


def test_a_token_ends_after_five_minutes(
    tokens: TokenService, client: BackendClient, clock: Clock
) -> None:
    """To the second, without any skew: it was our own clock that dated it."""
    text = tokens.give(client.form()).text
    clock.move(299)
    tokens.read_access_token(text)
    clock.move(1)

    with pytest.raises(Unauthorized) as caught:
        tokens.read_access_token(text)

    assert caught.value.cause == Cause.EXPIRED


def test_hosts_with_one_key_read_each_others_tokens(
    tokens: TokenService, client: BackendClient, clock: Clock, tmp_path: Path
) -> None:
    """Another key, or a client that is registered no longer, and the token is nothing."""
    text = tokens.give(client.form()).text

    assert token_service(tmp_path, clock, client.registered()).read_access_token(text)
    for another in (
        token_service(tmp_path / "other", clock, client.registered()),
        token_service(tmp_path, clock, BackendClient(name="west", clock=clock).registered()),
    ):
        with pytest.raises(Unauthorized):
            another.read_access_token(text)


ODD: dict[str, tuple[Callable[[BackendClient], str], Cause]] = {
    "none": (lambda _: "x", Cause.MALFORMED),
    "too long": (lambda client: client.assertion(pad="x" * 9000), Cause.TOO_LONG),
    "another issuer": (lambda client: client.assertion(iss="south"), Cause.ISSUER),
    "another subject": (lambda client: client.assertion(sub="south"), Cause.ISSUER),
    "no subject": (lambda client: client.assertion(sub=None), Cause.ISSUER),
    "an unknown client": (lambda client: client.assertion(iss="x", sub="x"), Cause.ISSUER),
    "its issuer of CDS Hooks": (
        lambda client: client.assertion(
            iss="https://north.example.invalid", sub="https://north.example.invalid"
        ),
        Cause.ISSUER,
    ),
    "another's key": (
        lambda client: client.assertion(key=generate_private_key(SECP384R1())),
        Cause.SIGNATURE,
    ),
    "another's name, its own key": (
        lambda client: client.assertion(iss="south", sub="south"),
        Cause.SIGNATURE,
    ),
    "for another address": (
        lambda client: client.assertion(aud=f"{BASE_URL}/cds-services"),
        Cause.AUDIENCE,
    ),
    "for an address like it": (
        lambda client: client.assertion(aud=TOKEN_URL + "/"),
        Cause.AUDIENCE,
    ),
    "for nobody": (lambda client: client.assertion(aud=None), Cause.AUDIENCE),
    "expired": (lambda client: client.assertion(exp=seconds(client, -61)), Cause.EXPIRED),
    "valid too long": (lambda client: client.assertion(exp=seconds(client, 361)), Cause.LIFETIME),
    "without an end": (lambda client: client.assertion(exp=None), Cause.TIMES),
    "an end in words": (lambda client: client.assertion(exp=True), Cause.TIMES),
    "from the future": (lambda client: client.assertion(iat=seconds(client, 61)), Cause.TOO_EARLY),
    "not yet valid": (lambda client: client.assertion(nbf=seconds(client, 61)), Cause.TOO_EARLY),
    "without an id": (lambda client: client.assertion(jti=None), Cause.NONCE),
    "an endless id": (lambda client: client.assertion(jti="x" * 1025), Cause.NONCE),
    "an unknown key": (
        lambda client: client.assertion(headers={"kid": "key-2"}),
        Cause.UNKNOWN_KEY,
    ),
    "no key": (lambda client: client.assertion(headers={"kid": None}), Cause.UNKNOWN_KEY),
    "a key it brings": (
        lambda client: client.assertion(headers={"jwk": {"kty": "EC"}}),
        Cause.HEADER,
    ),
    "a demand": (lambda client: client.assertion(headers={"crit": ["exp"]}), Cause.HEADER),
    "an access token": (lambda client: client.assertion(headers={"typ": "at+jwt"}), Cause.HEADER),
    "a key elsewhere": (
        lambda client: client.assertion(headers={"jku": "https://evil.example.invalid"}),
        Cause.KEY_URL,
    ),
    "a secret for a key": (
        lambda _: jwt.encode(
            {"iss": "north", "sub": "north"}, "s" * 32, algorithm="HS256", headers={"kid": "key-1"}
        ),
        Cause.ALGORITHM,
    ),
    "no signature": (
        lambda _: jwt.encode({"iss": "north", "sub": "north"}, "", algorithm="none"),
        Cause.MALFORMED,
    ),
}


def seconds(client: BackendClient, from_now: int) -> int:
    """A time as a claim has it."""
    return int(client.clock.now.timestamp()) + from_now


@pytest.mark.parametrize("odd", ODD)
def test_an_assertion_that_is_not_right_gets_nothing_and_learns_nothing(
    tokens: TokenService, client: BackendClient, odd: str
) -> None:
    """The same words whatever is wrong; the cause is for our log alone."""
    make, cause = ODD[odd]

    refusal = refusal_of(tokens, client.form(client_assertion=make(client)))

    assert (refusal.error, refusal.cause) == ("invalid_client", cause)
    assert str(refusal) == "a valid client assertion is needed"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [TOKEN_URL]},
        {"aud": ["https://x.invalid", TOKEN_URL]},
        {"exp_skew": -59},
        {"jku": 1},
    ],
)
def test_what_is_allowed_is_accepted(
    tokens: TokenService, client: BackendClient, claims: dict[str, Any]
) -> None:
    """Several audiences, a clock that is a little slow, claims that we do not know."""
    if skew := claims.pop("exp_skew", 0):
        claims["exp"] = seconds(client, skew)

    assert tokens.give(client.form(client_assertion=client.assertion(**claims)))


def test_an_assertion_is_of_use_once(tokens: TokenService, client: BackendClient) -> None:
    """Whoever reads one on its way gets nothing for it; another client may use the same id."""
    assertion = client.assertion(jti="1")
    tokens.give(client.form(client_assertion=assertion))

    refusal = refusal_of(tokens, client.form(client_assertion=assertion))

    assert (refusal.error, refusal.cause) == ("invalid_client", "replayed")


def test_a_refused_scope_does_not_use_an_assertion_up(
    tokens: TokenService, client: BackendClient
) -> None:
    """The client may correct itself with the same assertion."""
    assertion = client.assertion()
    refusal = refusal_of(tokens, client.form(client_assertion=assertion, scope="system/*.cud"))

    assert refusal.error == "invalid_scope"
    assert tokens.give(client.form(client_assertion=assertion))


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"client_assertion_type": "saml"}, "invalid_request"),
        ({"client_assertion_type": ""}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_a_form_that_asks_for_another_way_is_refused(
    tokens: TokenService, client: BackendClient, parameters: dict[str, str], error: str
) -> None:
    """With the code that OAuth has for it."""
    assert refusal_of(tokens, client.form(**parameters)).error == error


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example.invalid"},
        {"aud": "https://other.example.invalid"},
        {"typ": "JWT"},
        {"scope": None},
        {"exp": None},
    ],
)
def test_only_tokens_of_ours_are_access_tokens(
    tokens: TokenService, client: BackendClient, tmp_path: Path, claims: dict[str, Any]
) -> None:
    """Signed with our key, but made for another purpose or place: refused."""
    key = open_token_key("", tmp_path)
    right = {
        "iss": BASE_URL,
        "aud": BASE_URL,
        "sub": "north",
        "iat": seconds(client, 0),
        "exp": seconds(client, 100),
        "jti": "1",
        "scope": "system/*.rs",
    }

    def made(**changes: Any) -> str:
        kind = changes.pop("typ", "at+jwt")
        given = {name: value for name, value in {**right, **changes}.items() if value is not None}
        return jwt.encode(given, key.key, algorithm="ES384", headers={"typ": kind})

    assert tokens.read_access_token(made()).client.name == "north"
    with pytest.raises(Unauthorized):
        tokens.read_access_token(made(**claims))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\ud800", "x" * 100_000])
def test_no_other_text_is_an_access_token(tokens: TokenService, text: str) -> None:
    """Nor is an assertion."""
    with pytest.raises(Unauthorized):
        tokens.read_access_token(text)


def test_an_assertion_is_no_access_token(tokens: TokenService, client: BackendClient) -> None:
    """It is signed with the client's own key."""
    with pytest.raises(Unauthorized):
        tokens.read_access_token(client.assertion())
