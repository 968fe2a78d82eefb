"""The namespaces of our own identifiers: what each of them is, an engine can look up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cds_service.crd.codes import CANONICAL_BASE, PAYER_ID

LIBRARY = Path(__file__).parents[2] / "fhir_library"
FILES = sorted(LIBRARY.rglob("NamingSystem-*.json"))
NAMESPACE = re.compile(rf"{re.escape(CANONICAL_BASE)}/NamingSystem/[\w.-]+")


def naming_system(file: Path) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads(file.read_bytes())
    return resource


def test_every_namespace_that_the_library_uses_is_described_in_it() -> None:
    """And none is described that nobody uses."""
    others = [file for file in LIBRARY.rglob("*.json") if file not in FILES]
    used = {name for file in others for name in NAMESPACE.findall(file.read_text())}
    described = {naming_system(file)["uniqueId"][0]["value"] for file in FILES}

    assert PAYER_ID in used
    assert described == used


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_namespace_has_the_address_of_its_resource(file: Path) -> None:
    """One preferred URI (R4 nsd-2), and all that R4 asks for."""
    resource = naming_system(file)
    address = f"{CANONICAL_BASE}/NamingSystem/{resource['id']}"

    assert resource["uniqueId"] == [{"type": "uri", "value": address, "preferred": True}]
    assert (resource["status"], resource["kind"]) == ("active", "identifier")
    assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", resource["name"])  # R4 nsd-0
    assert resource["date"]
    assert resource["responsible"]
    assert resource["description"]
