"""FHIR clients that people use read the library from a running service (fhirpy, fhirclient)."""

from collections.abc import Iterator

import pytest
from crd_command import serving, url_of
from fhirclient.client import FHIRClient
from fhirclient.models.insuranceplan import InsurancePlan
from fhirclient.models.organization import Organization
from fhirclient.models.plandefinition import PlanDefinition
from fhirclient.server import FHIRNotFoundException, FHIRServer
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

ICARE = "icare-wi-pa-1266-20241008"
URL = "https://coverage-policies.invalid/fhir/PlanDefinition/icare-wi-pa-1266"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service that was started as users start it shows the library."""
    with serving("--data-dir", tmp_path_factory.mktemp("data")) as (_, lines):
        yield f"{url_of(lines)}/fhir"


def test_fhirpy_reads_and_searches(base: str) -> None:
    """By id, by parameters with prefixes, page by page, with what is included."""
    client = SyncFHIRClient(base)
    policies = client.resources("PlanDefinition")
    in_force = policies.search(url=URL, effective__le="2024-11-20", effective__ge="2024-11-20")
    value_sets = client.resources("ValueSet")
    plans = client.resources("InsurancePlan").include("InsurancePlan", "owned-by")

    assert client.get("PlanDefinition", ICARE)["version"] == "2024.10.8"
    assert [policy["id"] for policy in in_force.fetch()] == [ICARE]
    assert policies.search(status__not="active").count() == 0
    assert len(value_sets.limit(2).fetch_all()) == value_sets.count() > 2
    assert {entry.resource["resourceType"] for entry in plans.fetch_raw().entry} == {
        "InsurancePlan",
        "Organization",
    }


def test_fhirpy_understands_our_errors(base: str) -> None:
    """As what they are."""
    client = SyncFHIRClient(base)

    with pytest.raises(ResourceNotFound):
        client.get("PlanDefinition", "none")
    with pytest.raises(OperationOutcome, match="without a modifier"):
        client.resources("PlanDefinition").search(status__text="active").fetch()


def test_fhirclient_reads_and_searches(base: str) -> None:
    """With its strict models, of the statement of what we can do too; and page by page."""
    server = FHIRServer(None, base_uri=base)
    statement = server.capabilityStatement
    policy = PlanDefinition.read(ICARE, server)
    search = PlanDefinition.where({"status": "active", "_count": "1", "_sort": "date"})
    pages = list(search.perform_iter(server))

    assert statement.fhirVersion == "4.0.1"
    assert policy.as_json()["version"] == "2024.10.8"
    assert [page.entry[0].resource.id for page in pages] == [
        "anthem-surg-00126-20240401",
        ICARE,
    ]


def test_fhirclient_follows_references(base: str) -> None:
    """From a plan to its payer; what is not there is not found."""
    client = FHIRClient(settings={"app_id": "test", "api_base": base})
    assert client.prepare()
    search = InsurancePlan.where({"owned-by": "Organization/icare"})
    plan = next(search.perform_resources_iter(client.server))

    assert plan.ownedBy.resolved(Organization).name == "Independent Care Health Plan"
    with pytest.raises(FHIRNotFoundException):
        PlanDefinition.read("none", client.server)
