"""What is exported loads without an error into a FHIR server of others, twice.

It needs node and the packages that `.ci/other-servers` installs; no network but this machine.
"""

import json
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from exports import BASE, EXAMPLES, builtin, everything, exported

from cds_service.exchange.outgoing.exporting import (
    ExportedSet,
    collection_bytes,
    ndjson_of,
    package_bytes,
    transaction_bytes,
)
from cds_service.exchange.selection import select
from cds_service.fhir.resource import decode, encode

JsonObject = dict[str, Any]

SCRIPT = Path(__file__).with_name("load_into_server.mjs")
# That server takes no transaction of more: larger sets are put there one resource after another.
MOST_IN_A_TRANSACTION = 50

pytestmark = pytest.mark.other_server


@pytest.fixture
def directory(request: pytest.FixtureRequest) -> str:
    """Where the packages of that server are."""
    return str(request.config.getoption("--other-server"))


def load(directory: str, tmp_path: Path, content: Any) -> JsonObject:
    """What became of a Bundle or a list of resources there."""
    file = tmp_path / "sent.json"
    file.write_bytes(encode(content))
    run = subprocess.run(
        ["node", SCRIPT, directory, file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found: JsonObject = json.loads(run.stdout)[str(file)]
    return found


def check_loaded(found: JsonObject, count: int) -> None:
    """Every resource was stored, both times, and reads back as it was sent."""
    for statuses in found["times"]:
        assert {status for status in statuses if status not in ("200", "201")} == set()
        assert len(statuses) == count
    assert found["differing"] == []


@pytest.mark.parametrize("base", [BASE, "https://coverage-policies.invalid/fhir"])
def test_a_transaction_loads_whole(directory: str, tmp_path: Path, base: str) -> None:
    """The built-in policies in one call, and in another once more."""
    bundle = decode(transaction_bytes(exported(builtin(), base)))
    check_loaded(load(directory, tmp_path, bundle), len(bundle["entry"]))


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_a_transaction_of_each_invented_payer_loads_whole(
    directory: str, tmp_path: Path, example: str
) -> None:
    """A selection has everything that its references lead to."""
    bundle = decode(transaction_bytes(exported(select(everything(), [example], []), BASE)))
    check_loaded(load(directory, tmp_path, bundle), len(bundle["entry"]))
    assert len(bundle["entry"]) <= MOST_IN_A_TRANSACTION


@pytest.mark.parametrize("view", ["library", "portable"])
def test_every_resource_of_a_package_loads(directory: str, tmp_path: Path, view: str) -> None:
    """The guide too, which names all others and so comes last."""
    package = package_bytes(exported(everything(), BASE, view))
    with tarfile.open(fileobj=BytesIO(package), mode="r:gz") as archive:
        bodies = [file.read() for entry in archive if (file := archive.extractfile(entry))]
    found = [decode(body) for body in bodies]
    resources = [resource for resource in found if "resourceType" in resource]
    check_loaded(load(directory, tmp_path, in_guide_order(resources)), len(resources))


def in_guide_order(resources: list[JsonObject]) -> list[JsonObject]:
    """The resources in the order in which their ImplementationGuide lists them, then that."""
    (guide,) = [found for found in resources if found["resourceType"] == "ImplementationGuide"]
    by_key = {f"{found['resourceType']}/{found['id']}": found for found in resources}
    listed = [item["reference"]["reference"] for item in guide["definition"]["resource"]]
    return [*(by_key[key] for key in listed), guide]


@pytest.mark.parametrize("view", ["library", "portable"])
def test_lines_and_collections_load_resource_by_resource(
    directory: str, tmp_path: Path, view: str
) -> None:
    """A collection in its own order: each comes after what it refers to."""
    sent: ExportedSet = exported(everything(), BASE, view)
    collected = [entry["resource"] for entry in decode(collection_bytes(sent))["entry"]]
    lines = [decode(line) for body in ndjson_of(sent).values() for line in body.splitlines()]

    check_loaded(load(directory, tmp_path, collected), len(collected))
    assert sorted(map(encode, lines)) == sorted(map(encode, collected))


def test_that_server_refuses_what_is_broken(directory: str, tmp_path: Path) -> None:
    """Else its silence would prove nothing: a wrong type or element, a reference to nobody."""
    sent = exported(builtin())
    (plan, *_) = [found for found in sent.resources if found["resourceType"] == "InsurancePlan"]
    broken = [
        plan | {"status": 3},
        plan | {"colour": "red"},
        plan | {"ownedBy": {"reference": "Organization/nobody"}},
    ]
    found = load(directory, tmp_path, [*sent.resources, *broken])

    for statuses in found["times"]:
        assert {
            status for status in statuses[: -len(broken)] if status not in ("200", "201")
        } == set()
        assert all(status[:1] == "4" for status in statuses[-len(broken) :])
