"""Operators: their token as Bearer or as the password of Basic, and nothing else."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.access.clients import Operator
from cds_service.access.operators import CHALLENGE, find_operator, make_token
from cds_service.errors import Unauthorized

OPERATORS = tuple(
    Operator(name=name, token_sha256=sha256(f"token of {name}".encode()).digest())
    for name in ("anna", "ben")
)


def basic(name: str, token: str) -> str:
    """A header as a browser sends it."""
    return "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("name", ["anna", "ben"])
def test_a_program_shows_its_token(scheme: str, name: str) -> None:
    """Whose it is, is in the record of what they read."""
    assert find_operator(f"{scheme} token of {name}", OPERATORS).name == name


def test_a_browser_shows_name_and_token() -> None:
    """The token is the password."""
    assert find_operator(basic("ben", "token of ben"), OPERATORS).name == "ben"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer token of carl",
        "Bearer token of anna, Bearer token of ben",
        "token of anna",
        "Digest token of anna",
        basic("ben", "token of anna"),
        basic("", "token of anna"),
        basic("anna", ""),
        "Basic YW5uYQ==",
        "Basic not base64",
        "Basic /w==",
        "Bearer \ud800",
        "Bearer " + "x" * 100_000,
        f"Bearer {sha256(b'token of anna').hexdigest()}",
    ],
)
def test_anything_else_is_refused_alike(authorization: str) -> None:
    """A wrong token, another's name, the hash from the file, or no header we know."""
    with pytest.raises(Unauthorized) as caught:
        find_operator(authorization, OPERATORS)

    assert (caught.value.cause, caught.value.challenge) == ("operator", CHALLENGE)
    assert str(caught.value) == "a valid token is needed"


def test_without_operators_nobody_is_one() -> None:
    """An empty file lets nobody in, not even with an empty token."""
    nobody = Operator(name="nobody", token_sha256=sha256(b"").digest())

    for operators in ((), (nobody,)):
        with pytest.raises(Unauthorized):
            find_operator("Bearer ", operators)


def test_the_challenge_is_for_browsers_and_programs() -> None:
    """A browser shows its dialogue; a program sees that a bearer token is due."""
    assert CHALLENGE.startswith("Basic realm=")
    assert CHALLENGE.endswith(", Bearer")


def test_a_new_token_is_found_by_its_hash() -> None:
    """What is put into the file is what the token is known by; no two are alike."""
    token, digest = make_token()

    assert (
        find_operator(
            f"Bearer {token}", [Operator(name="new", token_sha256=bytes.fromhex(digest))]
        ).name
        == "new"
    )
    assert make_token()[0] != token
    assert len(token) >= 43


@given(authorization=st.text(max_size=60))
def test_no_text_lets_anybody_in_or_breaks_us(authorization: str) -> None:
    """Whatever a stranger sends is a 401."""
    with pytest.raises(Unauthorized):
        find_operator(authorization, OPERATORS)
