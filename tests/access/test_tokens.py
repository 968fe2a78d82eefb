"""Which tokens are accepted (CDS Hooks, trusting CDS clients; reliability: E1 to E3, E5)."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from access.issuing import (
    BODY,
    DISCOVERY,
    FEEDBACK,
    ISSUER,
    NOON,
    SERVICE,
    Calendar,
    Signer,
    authenticating,
    cause,
    compact,
    make_claims,
    register,
    rsa_key,
)
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cds_service.access.authentication import JwtAuthentication
from cds_service.errors import Unauthorized

AT_NOON = int(NOON.timestamp())
SIGNER = Signer()
RSA_SIGNER = Signer(kid="key-2", algorithm="RS384", key=rsa_key())
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TOKENS = (SIGNER.token(), RSA_SIGNER.token())


@pytest.fixture
def north() -> Iterator[JwtAuthentication]:
    """A service that knows one client, at noon."""
    made = authenticating(register(SIGNER, RSA_SIGNER))
    yield made
    made.close()


@pytest.mark.cds_hooks("security-3", "security-4", "security-6", "security-10", "security-11")
@pytest.mark.parametrize("signer", [SIGNER, RSA_SIGNER], ids=["ES384", "RS384"])
def test_a_valid_token_shows_who_calls(north: JwtAuthentication, signer: Signer) -> None:
    """With a key exchanged beforehand; `Bearer` in any case."""
    token = signer.token(claims=make_claims(tenant="ward-7"))
    caller = north.authenticate([f"bEARER {token}"], SERVICE, BODY)

    assert (caller.name, caller.issuer, caller.tenant) == ("north", ISSUER, "ward-7")


@pytest.mark.cds_hooks("security-3")
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "no-token"),
        ([""], "no-token"),
        (["Bearer"], "no-token"),
        (["Bearer "], "no-token"),
        ([TOKENS[0]], "no-token"),
        ([f"Basic {TOKENS[0]}"], "no-token"),
        ([f"Bearer {TOKENS[0]}", f"Bearer {TOKENS[0]}"], "several-tokens"),
        (["", f"Bearer {TOKENS[0]}"], "several-tokens"),
        ([f"Bearer {TOKENS[0]}, Bearer {TOKENS[0]}"], "malformed"),
        ([f"Bearer  {TOKENS[0]}"], "malformed"),
        ([f"Bearer {TOKENS[0]} "], "malformed"),
        (["Bearer " + "a" * 8193], "too-long"),
        (["Bearer " + "a" * 8192], "malformed"),
    ],
)
def test_a_call_brings_exactly_one_bearer_token(
    north: JwtAuthentication, values: list[str], why: str
) -> None:
    """E1: duplicate header."""
    with pytest.raises(Unauthorized) as raised:
        north.authenticate(values, SERVICE, BODY)

    assert raised.value.cause == why


@pytest.mark.cds_hooks("security-7")
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 0, ["ES384"]])
def test_an_unsigned_token_is_refused(north: JwtAuthentication, algorithm: Any) -> None:
    """E1: `none`, with and without a signature."""
    header = SIGNER.header(alg=algorithm)
    tokens = [compact(header, make_claims(), lambda _: b""), SIGNER.token(header=header)]

    assert all(cause(north, token) for token in tokens)


def test_a_signature_is_never_left_out(north: JwtAuthentication) -> None:
    """E1: whatever the header has."""
    tokens = [compact(SIGNER.header(), make_claims(), lambda _: b""), SIGNER.token()[:-128]]

    assert {cause(north, token) for token in tokens} == {"malformed"}


@pytest.mark.cds_hooks("security-8")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    north: JwtAuthentication, algorithm: str
) -> None:
    """E1: HS256 with public key, in the forms it could have been taken for a secret."""
    public = RSA_SIGNER.key.public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(RSA_SIGNER.jwk()).encode(),
    ]
    header = RSA_SIGNER.header(alg=algorithm)
    digest = f"sha{algorithm[2:]}"
    tokens = [
        compact(header, make_claims(), lambda text, key=secret: hmac.digest(key, text, digest))
        for secret in secrets
    ]

    assert {cause(north, token) for token in tokens} == {"algorithm"}


@pytest.mark.parametrize("algorithm", ["ES256", "ES512", "RS256", "RS512", "PS384", "EdDSA"])
def test_an_algorithm_that_no_client_may_use_is_refused_first(
    north: JwtAuthentication, algorithm: str
) -> None:
    """Before anything else is looked at: who the issuer is, or which key."""
    token = SIGNER.token(
        header=SIGNER.header(alg=algorithm, kid="unknown"), claims=make_claims(iss="unknown")
    )

    assert cause(north, token) == "algorithm"


def test_a_key_is_used_for_its_own_algorithm_alone() -> None:
    """E1: alg swap. A key may verify what its kind and its own `alg` let it, and nothing else."""
    narrow = Signer(kid="narrow", algorithm="RS384", key=rsa_key())
    client = register(SIGNER, keys=[SIGNER.jwk(), narrow.jwk(alg="RS512")])
    swapped = authenticating(client)
    tokens = [
        narrow.token(),
        RSA_SIGNER.token(header=RSA_SIGNER.header(kid=SIGNER.kid)),
        SIGNER.token(header=SIGNER.header(alg="RS384")),
    ]

    assert {cause(swapped, token) for token in tokens} == {"algorithm"}


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": SIGNER.jwk()},
        {"x5c": ["MIIB"]},
        {"x5u": "https://ehr.example/chain.pem"},
        {"x5t": "abc"},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"b64": False},
        {"zip": "DEF"},
        {"typ": "at+jwt"},
        {"typ": "jwt"},
        {"typ": None},
        {"cty": {"nested": []}},
    ],
    ids="-".join,
)
def test_a_header_that_asks_for_more_is_refused(
    north: JwtAuthentication, header: dict[str, Any]
) -> None:
    """E1: embedded `jwk`, `x5u`, `crit`: even with a signature that is right."""
    assert cause(north, SIGNER.token(header=SIGNER.header(**header))) == "header"


def test_a_name_that_stands_twice_is_refused(north: JwtAuthentication) -> None:
    """E1: what one reader takes from the first, another takes from the last."""
    header, claims = (json.dumps(part)[:-1] for part in (SIGNER.header(), make_claims()))
    tokens = [
        SIGNER.token(header=f'{header},"alg":"ES384"}}'.encode()),
        SIGNER.token(claims=f'{claims},"aud":"{SERVICE}"}}'.encode()),
        SIGNER.token(claims=f'{claims},"\\u0061ud":"{SERVICE}"}}'.encode()),
    ]

    assert {cause(north, token) for token in tokens} == {"malformed"}


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b'{"alg":"\\ud800"}',
        b"[" * 3000,
    ],
)
def test_what_is_no_json_object_is_refused(north: JwtAuthentication, part: bytes) -> None:
    """F6: neither hang nor crash."""
    tokens = [SIGNER.token(header=part), SIGNER.token(claims=part)]

    assert {cause(north, token) for token in tokens} == {"malformed"}


@pytest.mark.parametrize("depth", [100, 500, 900, 990, 1500])
def test_what_nests_deep_is_refused(north: JwtAuthentication, depth: int) -> None:
    """F6: neither hang nor crash, also where a name may have been written twice."""
    part = b'{"\\u0022":' + b"[" * depth + b"]" * depth + b"}"

    assert cause(north, SIGNER.token(header=part))
    assert cause(north, SIGNER.token(claims=part))


@pytest.mark.cds_hooks("security-4")
@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti"])
@pytest.mark.parametrize("value", [None, "", [], {}, 0, True, -1, 1.5, "soon", 1 << 80])
def test_a_claim_that_is_missing_or_no_such_is_refused(
    north: JwtAuthentication, claim: str, value: object
) -> None:
    """R9, R16: without identity, time or nonce there is nothing to trust."""
    if claim in ("jti", "iss") and value == "soon":
        value = None

    assert cause(north, SIGNER.token(claims=make_claims(**{claim: value})))


@pytest.mark.cds_hooks("security-4", "security-11")
@pytest.mark.parametrize("kid", ["", None, 1, "key-9", "KEY-1", "key-1 ", ["key-1"]])
def test_a_key_is_found_by_its_id_alone(north: JwtAuthentication, kid: Any) -> None:
    """R10: another id, though the signature would fit the only key of its kind."""
    header = {name: value for name, value in SIGNER.header(kid=kid).items() if value is not None}

    assert cause(north, SIGNER.token(header=header)) in ("unknown-kid", "header")


@pytest.mark.cds_hooks("security-10")
@pytest.mark.crd("sec-1")
def test_another_key_under_the_same_id_is_refused(north: JwtAuthentication) -> None:
    """R10: only the client has the private key."""
    impostor = Signer(kid=SIGNER.kid)

    assert cause(north, impostor.token()) == "signature"


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize(
    "issuer", [f"{ISSUER}/", ISSUER.upper(), "https://other.example", ISSUER + "\u200b"]
)
def test_an_issuer_is_registered_character_by_character(
    north: JwtAuthentication, issuer: str
) -> None:
    """R10: unknown `iss`."""
    assert cause(north, SIGNER.token(claims=make_claims(iss=issuer))) == "issuer"


@pytest.mark.cds_hooks("security-5")
@pytest.mark.parametrize(
    ("audience", "url", "is_accepted"),
    [
        (SERVICE, SERVICE, True),
        (f"{SERVICE}/", SERVICE, True),
        ([SERVICE], SERVICE, True),
        (["https://other.example", f"{SERVICE}/"], SERVICE, True),
        (DISCOVERY, DISCOVERY, True),
        (f"{DISCOVERY}/", DISCOVERY, True),
        (FEEDBACK, FEEDBACK, True),
        (SERVICE, FEEDBACK, True),
        (f"{SERVICE}//", SERVICE, False),
        (f"{SERVICE} ", SERVICE, False),
        (SERVICE.upper(), SERVICE, False),
        (SERVICE.replace("https", "http"), SERVICE, False),
        (SERVICE.replace("payer.example", "payer.example:443"), SERVICE, False),
        (SERVICE.replace("sign", "select"), SERVICE, False),
        (SERVICE.replace("payer", "other"), SERVICE, False),
        (f"{SERVICE}?x=1", SERVICE, False),
        (DISCOVERY, SERVICE, False),
        (SERVICE, DISCOVERY, False),
        (FEEDBACK, SERVICE, False),
        (DISCOVERY, FEEDBACK, False),
        ([], SERVICE, False),
        ([[SERVICE]], SERVICE, False),
        ({"aud": SERVICE}, SERVICE, False),
        ([f"{DISCOVERY},{SERVICE}"], SERVICE, False),
    ],
)
def test_the_audience_is_the_address_that_is_called(
    north: JwtAuthentication, audience: Any, url: str, *, is_accepted: bool
) -> None:
    """E2, bar: only declared forms."""
    why = cause(north, SIGNER.token(claims=make_claims(aud=audience)), url)

    assert why == ("" if is_accepted else "audience")


def test_audiences_that_are_registered_take_the_place_of_the_address() -> None:
    """Where somebody types the audience by hand, what they typed is what counts."""
    typed = authenticating(register(SIGNER, audiences=["https://payer.example/CRD/"]))
    audiences = ["https://payer.example/CRD", "https://payer.example/CRD/", SERVICE]
    causes = [
        cause(typed, SIGNER.token(claims=make_claims(aud=audience, jti=audience)))
        for audience in audiences
    ]

    assert causes == ["", "", "audience"]


@pytest.mark.parametrize(
    ("skew", "late", "why"),
    [
        (60, -600, "too-early"),
        (60, -61, "too-early"),
        (60, -60, ""),
        (60, 0, ""),
        (60, 359, ""),
        (60, 360, "expired"),
        (60, 600 + 300, "expired"),
        (300, -300, ""),
        (300, -301, "too-early"),
        (300, 599, ""),
        (300, 600, "expired"),
        (0, -1, "too-early"),
        (0, 299, ""),
        (0, 300, "expired"),
    ],
)
def test_clocks_may_differ_by_the_skew_and_no_more(skew: int, late: int, why: str) -> None:
    """E3, bar: accept up to 60 s by default; a client may have up to 300."""
    calendar = Calendar(forward=late)
    authentication = authenticating(register(SIGNER, skew=skew), now=calendar)

    assert cause(authentication, SIGNER.token()) == why


@pytest.mark.parametrize(
    ("begins", "why"), [(-300, ""), (60, ""), (61, "too-early"), (None, ""), ("now", "times")]
)
def test_a_token_is_not_used_before_it_says(
    north: JwtAuthentication, begins: Any, why: str
) -> None:
    """E3: some clients send `nbf`, five minutes before `iat`."""
    value = AT_NOON + begins if isinstance(begins, int) else begins

    assert cause(north, SIGNER.token(claims=make_claims(nbf=value))) == why


@pytest.mark.parametrize(
    ("lifetime", "seconds", "why"),
    [
        (3600, 3600, ""),
        (3600, 3601, "lifetime"),
        (3600, 86_400, "lifetime"),
        (86_400, 86_400, ""),
        (86_400, 3.5 * 365 * 86_400, "lifetime"),
        (3600, 0, "lifetime"),
        (3600, -30, "lifetime"),
    ],
)
def test_a_token_lives_no_longer_than_its_client_may_have_it(
    lifetime: int, seconds: float, why: str
) -> None:
    """E5, bar: a day is refused unless the client's table allows it."""
    authentication = authenticating(register(SIGNER, lifetime=lifetime))
    token = SIGNER.token(claims=make_claims(exp=AT_NOON + int(seconds)))

    assert cause(authentication, token) == why


@pytest.mark.cds_hooks("security-4")
def test_a_token_without_a_type_is_for_clients_with_that_quirk() -> None:
    """CDS Hooks demands the header; some libraries leave it out."""
    header = {name: value for name, value in SIGNER.header().items() if name != "typ"}
    strict, lenient = (
        authenticating(register(SIGNER, quirks=quirks)) for quirks in ([], ["no-typ"])
    )
    token = SIGNER.token(header=header)

    assert (cause(strict, token), cause(lenient, token)) == ("header", "")
    assert cause(lenient, SIGNER.token(header=SIGNER.header(typ="at+jwt"))) == "header"


@settings(max_examples=400, deadline=None)
@given(data=st.data(), token=st.sampled_from(TOKENS))
def test_any_change_of_a_token_is_noticed(data: st.DataObject, token: str) -> None:
    """One character replaced, taken out, put in, or two swapped, anywhere."""
    place = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(st.sampled_from([*DIGITS, ".", "=", "+", "/", " ", "\n", "é"]))
    changed = data.draw(
        st.sampled_from(
            [
                token[:place] + sign + token[place + 1 :],
                token[:place] + token[place + 1 :],
                token[:place] + sign + token[place:],
                token[: place - 1] + token[place : place + 1] + token[place - 1 :],
                token[:place],
            ]
        )
    )
    authentication = authenticating(register(SIGNER, RSA_SIGNER))

    assert changed == token or cause(authentication, changed)


def test_the_spare_bits_of_the_last_digit_are_no_second_spelling(north: JwtAuthentication) -> None:
    """An RSA signature leaves four bits unused, so that sixteen texts would decode alike."""
    token = RSA_SIGNER.token()
    others = [token[:-1] + digit for digit in DIGITS if digit != token[-1]]

    assert all(cause(north, other) for other in others)
    assert cause(north, token) == ""


@settings(max_examples=50, deadline=None)
@given(
    claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "sub", "scope"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=2),
            max_leaves=3,
        ),
    )
)
@example(claims={"jti": "\x00"})
def test_whatever_a_client_signs_is_accepted_or_refused(claims: dict[str, Any]) -> None:
    """F4: never another error, with any values in the claims."""
    authentication = authenticating(register(SIGNER))

    assert isinstance(cause(authentication, SIGNER.token(claims=make_claims(**claims))), str)


def test_curves_do_not_stand_in_for_each_other() -> None:
    """E1: a key on P-256 verifies no ES384."""
    short = Signer(algorithm="ES256", key=ec.generate_private_key(ec.SECP256R1()))
    authentication = authenticating(register(short, algorithms=["ES256", "ES384"]))

    assert cause(authentication, short.token()) == ""
    assert cause(authentication, short.token(header=short.header(alg="ES384"))) == "algorithm"


def test_a_use_is_known_by_a_digest_that_holds_no_token(north: JwtAuthentication) -> None:
    """Parts cannot lend each other bytes, and nothing of them can be read from the key."""
    uses = [
        north.authenticate([f"Bearer {SIGNER.token(claims=make_claims(jti=jti))}"], SERVICE, body)
        for jti, body in [("a", b"bc"), ("ab", b"c"), ("abc", b"")]
    ]
    keys = {caller.token_use.key for caller in uses if caller.token_use}

    assert (len(keys), {len(key) for key in keys}) == (3, {hashlib.sha256().digest_size})


def test_base64_with_padding_is_refused(north: JwtAuthentication) -> None:
    """RFC 7515, 2: without padding."""
    head, body, signature = SIGNER.token(header=json.dumps(SIGNER.header(x="a")).encode()).split(
        "."
    )
    padded = urlsafe_b64encode(b"{}").decode()

    assert cause(north, f"{head}.{padded}.{signature}") == "malformed"
    assert cause(north, f"{head}.{body}.{signature}=") == "malformed"
