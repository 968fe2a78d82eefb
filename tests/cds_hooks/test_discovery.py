"""Discovery: the shape of a service, and of its prefetch."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cds_hooks.discovery import Service
from cds_service.fhir.resource import encode

names = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=6)


def service(**elements: Any) -> Service:
    """A service with everything discovery may show."""
    needed: dict[str, Any] = {
        "id": "order-sign-crd",
        "hook": "order-sign",
        "title": "A title",
        "description": "What it does",
        "prefetch": (("patient", "Patient/{{context.patientId}}"),),
        "usage_requirements": "Send the Coverage.",
        "extension": {"davinci-crd.version": ["2.2"]},
    }
    return Service(**{**needed, **elements})


def test_a_service_is_shown_by_the_names_of_the_specification() -> None:
    """Required members and the optional ones used are there, under CDS Hooks' own names."""
    assert service().to_json() == {
        "hook": "order-sign",
        "title": "A title",
        "description": "What it does",
        "id": "order-sign-crd",
        "prefetch": {"patient": "Patient/{{context.patientId}}"},
        "usageRequirements": "Send the Coverage.",
        "extension": {"davinci-crd.version": ["2.2"]},
    }


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(names, min_size=1, max_size=8, unique=True))
def test_prefetch_keys_keep_their_order(keys: list[str]) -> None:
    """A template that uses another key stands after it, on the wire too."""
    shown = encode(service(prefetch=tuple((key, f"X/{key}") for key in keys)).to_json())

    assert list(json.loads(shown)["prefetch"]) == keys


@pytest.mark.parametrize(
    ("given_empty", "name"),
    [
        ({"prefetch": ()}, "prefetch"),
        ({"usage_requirements": ""}, "usageRequirements"),
        ({"extension": {}}, "extension"),
    ],
)
def test_what_is_empty_is_left_out(given_empty: dict[str, Any], name: str) -> None:
    """CDS Hooks allows no empty string and no empty object."""
    assert name not in service(**given_empty).to_json()
