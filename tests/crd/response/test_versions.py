"""Versions: which one a request gets, and how each writes cards and responses."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cds_hooks.response import Card, Indicator, Link, SystemAction
from cds_service.crd.request.caller import Caller
from cds_service.crd.request.version import ADVERTISED, DEFAULT, VERSIONS, agree_version
from cds_service.crd.response.versions import WRITTEN_VERSIONS, write_response
from cds_service.errors import UnsupportedVersion
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import decode, encode

ASKED = "davinci-crd.requestedVersion"
ACTION = SystemAction(
    description="Record it", resource={"resourceType": "ServiceRequest", "id": "1"}
)
SPOKEN = {
    "2.0": "2.0",
    "2.0.0": "2.0",
    "2.0.1": "2.0",
    "2.1": "2.1",
    "2.1.0": "2.1",
    "2.2": "2.2",
    "2.2.0": "2.2",
    "2.2.1": "2.2",
    "2.2.17": "2.2",
    " 2.2 ": "2.2",
}
NOT_SPOKEN: list[Any] = [
    "9.9",
    "1.0",
    "2.3",
    "2.20",
    "2.02",
    "2",
    "2.",
    ".2",
    "",
    " ",
    "v2.2",
    "2.2.1.0",
    "2.2-ballot",
    "2.2.0-ballot",
    "2.2\n9.9",
    "latest",
    "２.２",
    2,
    3.1,
    True,
    False,
    [],
    ["2.2"],
    {},
    {"value": "2.2"},
]


def card(**elements: Any) -> Card:
    """A card with every element."""
    return Card(
        **{
            "uuid": "00000000-0000-4000-8000-000000000000",
            "summary": "Look",
            "detail": "Because.",
            "indicator": Indicator.INFO,
            "source_label": "Invented Plan",
            "topic": "guideline",
            "links": (Link(label="The policy", url="https://policies.example.invalid/1"),),
            "override_reasons": (
                Coding("https://reasons.example.invalid", "other", "Another reason"),
            ),
            "about": ("ServiceRequest/1",),
            **elements,
        }
    )


@pytest.mark.parametrize("asked", SPOKEN)
def test_a_version_we_speak_is_honoured(asked: str) -> None:
    """2.0, 2.1 and 2.2, with or without a patch number."""
    assert agree_version({ASKED: asked}) is VERSIONS[SPOKEN[asked]]


@pytest.mark.parametrize("asked", NOT_SPOKEN, ids=repr)
def test_any_other_version_is_refused_naming_what_we_speak(asked: Any) -> None:
    """It names 2.0, 2.1, 2.2 and where another was asked for, and does not repeat what was."""
    with pytest.raises(UnsupportedVersion, match=r"2\.0, 2\.1, 2\.2") as caught:
        agree_version({ASKED: asked})

    assert caught.value.status == 422
    assert ASKED in caught.value.where


def test_a_version_written_as_a_number_is_read_as_its_digits() -> None:
    """A number where a string is due is one of the slips EHRs make; `2.20` is still not 2.2."""
    assert agree_version({ASKED: decode(b"2.2")}) is VERSIONS["2.2"]
    with pytest.raises(UnsupportedVersion):
        agree_version({ASKED: decode(b"2.20")})


@pytest.mark.parametrize("extension", [{}, {ASKED: None}, {"com.example.else": "9.9"}])
def test_who_asks_for_nothing_gets_the_default(extension: dict[str, Any]) -> None:
    """A 2.0 client never asks; the default can be set per client."""
    assert agree_version(extension) is DEFAULT is VERSIONS["2.0"]
    assert agree_version(extension, Caller(default_version="2.1")) is VERSIONS["2.1"]


@settings(max_examples=100, deadline=None)
@given(
    asked=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.sampled_from([*SPOKEN, *NOT_SPOKEN]),
        lambda inner: st.lists(inner, max_size=2),
    )
)
def test_only_who_asks_for_nothing_or_for_a_version_in_so_many_words_gets_one(asked: Any) -> None:
    """Every value is the name of a version we speak, or none, or refused."""
    try:
        chosen = agree_version({ASKED: asked})
    except UnsupportedVersion:
        return

    assert asked is None or re.fullmatch(rf"{re.escape(chosen.name)}(\.\d+)?", str(asked).strip())


def test_what_discovery_lists_is_spoken() -> None:
    """2.0 is spoken but not listed: the guide's own pattern refuses it."""
    assert set(ADVERTISED) == set(VERSIONS) - {"2.0"}


@pytest.mark.crd("resp-5")
@pytest.mark.parametrize(
    ("version", "system"),
    [
        ("2.0", "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"),
        ("2.1", "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"),
        ("2.2", "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"),
    ],
)
def test_the_topic_stands_in_the_versions_own_code_system(version: str, system: str) -> None:
    """The card types moved to HL7 Terminology with 2.2."""
    assert WRITTEN_VERSIONS[version].card(card())["source"]["topic"] == {
        "system": system,
        "code": "guideline",
    }


@pytest.mark.crd("dev-25")
@pytest.mark.parametrize(
    ("version", "about"),
    [
        ("2.0", ["ServiceRequest/1"]),
        ("2.1", [{"reference": "ServiceRequest/1"}]),
        ("2.2", [{"reference": "ServiceRequest/1"}]),
    ],
)
def test_the_order_a_card_is_about_is_named_as_the_version_wants(
    version: str, about: list[Any]
) -> None:
    """2.0 has strings where later versions have References."""
    assert WRITTEN_VERSIONS[version].card(card())["extension"] == {
        "davinci-crd.associated-resource": about
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_card_has_no_empty_element(version: str) -> None:
    """CDS Hooks: an optional element without a value is left out."""
    bare = WRITTEN_VERSIONS[version].card(card(links=(), override_reasons=(), about=()))

    assert set(bare) == {"uuid", "summary", "detail", "indicator", "source"}


@pytest.mark.parametrize(
    ("version", "primary", "expected"),
    [
        ("2.0", True, {"cards": [], "systemActions": []}),
        ("2.0", False, {"cards": []}),
        ("2.1", True, {"cards": []}),
        ("2.2", True, {"cards": []}),
    ],
)
def test_without_actions_only_a_2_0_client_gets_the_empty_list(
    version: str, primary: bool, expected: Any
) -> None:
    """CDS Hooks allows no empty `systemActions`; clients of 2.0 want them on primary hooks."""
    assert write_response([], [], VERSIONS[version], primary=primary).to_json() == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_an_action_updates_the_whole_resource_and_says_so(version: str) -> None:
    """`update`, a description, the resource, and no `resourceId` (CRD 2.2, hooks response)."""
    (action,) = write_response([], [ACTION], VERSIONS[version], primary=True).to_json()[
        "systemActions"
    ]

    assert action == {"type": "update", "description": "Record it", "resource": ACTION.resource}


def test_there_is_no_white_space_between_elements() -> None:
    """Responses carry no insignificant white space."""
    body = encode(write_response([card()], [ACTION], VERSIONS["2.2"], primary=True).to_json())

    assert b": " not in body.replace(b'": "', b"")
    assert b"\n" not in body
