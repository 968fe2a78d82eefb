"""PlanDefinition/$package over HTTP (CRMI)."""

from pathlib import Path
from typing import Any

import pytest
from coded_library import BASE, client_of_operations, coded_library
from flask.testing import FlaskClient

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.policy.library.artifacts import builtin_library, read_library

JsonObject = dict[str, Any]
POLICY = "icare-wi-pa-1266-20241008"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """A client of the operations on the built-in library."""
    return client_of_operations(read_library([builtin_library()]))


def package(client: FlaskClient, address: str) -> JsonObject:
    """The Bundle at an address."""
    response = client.get(address)
    assert response.status_code == 200, response.get_data(as_text=True)
    bundle: JsonObject = response.get_json(force=True)
    return bundle


def test_a_policy_comes_with_all_that_it_needs(client: FlaskClient) -> None:
    """Its manifest first; its ValueSet and payer among the rest; nothing of another payer."""
    bundle = package(client, f"/fhir/PlanDefinition/{POLICY}/$package")

    resources = [entry["resource"] for entry in bundle["entry"]]
    named = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}
    assert bundle["resourceType"] == "Bundle"
    assert resources[0]["resourceType"] == "Library"
    assert {f"PlanDefinition/{POLICY}", "Organization/icare"} <= named
    assert "ValueSet/icare-wi-pa-1266-ire-procedures" in named
    assert not any("anthem" in name for name in named)


def test_a_policy_may_be_named_by_url(client: FlaskClient) -> None:
    """The same package, byte for byte."""
    plan = next(
        entry["resource"]
        for entry in package(client, f"/fhir/PlanDefinition/{POLICY}/$package")["entry"]
        if entry["resource"]["resourceType"] == "PlanDefinition"
    )
    by_url = client.get("/fhir/PlanDefinition/$package", query_string={"url": plan["url"]})
    by_id = client.get(f"/fhir/PlanDefinition/{POLICY}/$package")

    assert plan["url"].startswith(CANONICAL_BASE)
    assert by_url.data == by_id.data


@pytest.mark.parametrize(
    ("status", "address"),
    [
        (404, "/fhir/PlanDefinition/nowhere/$package"),
        (404, f"/fhir/PlanDefinition/$package?url={BASE}/PlanDefinition/none"),
        (400, "/fhir/PlanDefinition/$package"),
        (422, f"/fhir/PlanDefinition/{POLICY}/$package?include=artifacts"),
    ],
)
def test_what_cannot_be_packed_is_refused(client: FlaskClient, status: int, address: str) -> None:
    """As other operations refuse."""
    response = client.get(address)

    assert response.status_code == status
    assert response.get_json(force=True)["resourceType"] == "OperationOutcome"


def test_a_library_of_somebody_else_is_packed_too(tmp_path: Path) -> None:
    """With canonicals that are not ours."""
    client = client_of_operations(coded_library(tmp_path))

    assert package(client, "/fhir/PlanDefinition/acme-1/$package")["entry"]
