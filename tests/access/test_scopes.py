"""Scopes of SMART Backend Services: a client gets what it asks for and is registered for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.access.scopes import Scope, grant_scopes, parse_scope
from cds_service.errors import TokenRefused

SCOPES = st.builds(
    Scope,
    type=st.sampled_from(["*", "Questionnaire", "PlanDefinition"]),
    may=st.sampled_from(["r", "s", "rs", "cruds", "cud", "u"]),
)
TYPES = ("Questionnaire", "PlanDefinition", "Patient")


def granted(asked: str, *registered: str) -> str:
    """The scopes in the answer."""
    return " ".join(map(str, grant_scopes(asked, registered)))


@pytest.mark.parametrize(
    ("asked", "registered", "expected"),
    [
        ("system/*.rs", "system/*.rs", "system/*.rs"),
        ("system/*.rs", "system/Questionnaire.rs", "system/Questionnaire.rs"),
        ("system/Questionnaire.r", "system/*.rs", "system/Questionnaire.r"),
        ("system/Questionnaire.cruds", "system/*.rs", "system/Questionnaire.rs"),
        ("system/*.read", "system/*.rs", "system/*.rs"),
        ("system/*.*", "system/*.read", "system/*.rs"),
        ("openid system/Questionnaire.r", "system/*.r", "system/Questionnaire.r"),
        ("system/Questionnaire.r system/Questionnaire.r", "system/*.r", "system/Questionnaire.r"),
    ],
)
def test_what_is_asked_for_and_registered_is_granted(
    asked: str, registered: str, expected: str
) -> None:
    """Never more than either, in either spelling."""
    assert granted(asked, registered) == expected


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "openid",
        "patient/Questionnaire.r",
        "user/*.rs",
        "system/Questionnaire.",
        "system/Questionnaire.sr",
        "system/Questionnaire.rs?status=active",
        "system/questionnaire.rs",
        "system/*.cud",
        "system/Patient.rs",
        "system/*.rs\u00a0",
        " ".join(["system/*.rs"] * 101),
    ],
)
def test_scopes_of_another_kind_or_not_registered_are_refused(asked: str) -> None:
    """In words, with the code that OAuth has for it."""
    with pytest.raises(TokenRefused) as caught:
        granted(asked.replace("\u00a0", ".x"), "system/Questionnaire.rs")

    assert caught.value.error == "invalid_scope"


def test_who_is_registered_for_nothing_gets_nothing() -> None:
    """A client of CDS Hooks alone is no client of the FHIR API."""
    with pytest.raises(TokenRefused):
        granted("system/*.rs")


@given(asked=st.lists(SCOPES, min_size=1), registered=st.lists(SCOPES, min_size=1))
def test_what_is_granted_permits_what_both_permit_and_nothing_else(
    asked: list[Scope], registered: list[Scope]
) -> None:
    """For every type and every interaction."""
    try:
        scopes = grant_scopes(" ".join(map(str, asked)), map(str, registered))
    except TokenRefused:
        scopes = ()

    for kind in TYPES:
        for letter in "cruds":
            both = [
                any(scope.permits(kind, letter) for scope in side) for side in (asked, registered)
            ]
            assert any(scope.permits(kind, letter) for scope in scopes) == all(both)


@given(scope=SCOPES)
def test_a_scope_is_read_as_it_is_written(scope: Scope) -> None:
    """So that an access token carries it."""
    assert parse_scope(str(scope)) == scope
