"""The Library resource that declares what conditions use beyond FHIRPath."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.policy.language.expressions import VARIABLES

LIBRARY = Path(__file__).parents[2] / "fhir_library"
CANONICAL = f"{CANONICAL_BASE}/Library/crd-rule-language|1.0.0"


@pytest.fixture(scope="module")
def language() -> dict[str, Any]:
    """The Library resource."""
    file = LIBRARY / "shared" / "Library-crd-rule-language.json"
    resource: dict[str, Any] = json.loads(file.read_bytes())
    return resource


def test_it_declares_every_variable_and_no_other(language: dict[str, Any]) -> None:
    """In the order of the compiler's own list, each with a type and what it holds."""
    parameters = language["parameter"]

    assert [parameter["name"] for parameter in parameters] == list(VARIABLES)
    assert all(parameter["documentation"] and parameter["type"] for parameter in parameters)
    assert {(parameter["use"], parameter["min"]) for parameter in parameters} == {("in", 0)}


def test_it_explains_what_other_engines_do_not_know(language: dict[str, Any]) -> None:
    """Our function, the three answers of FHIR's, and what unknown must never become."""
    (content,) = language["content"]
    text = base64.b64decode(content["data"], validate=True).decode()

    assert content["contentType"] == "text/markdown"
    assert "mentions(phrases, words)" in text
    assert "memberOf(valueSet)" in text
    assert "## Unknown is never no" in text


def test_every_policy_names_it(language: dict[str, Any]) -> None:
    """Pinned: a policy keeps the language that it was written in."""
    policies = [json.loads(file.read_bytes()) for file in LIBRARY.rglob("PlanDefinition-*.json")]

    assert f"{language['url']}|{language['version']}" == CANONICAL
    assert policies
    assert {tuple(policy["library"]) for policy in policies} == {(CANONICAL,)}
