"""The image as it was built: what is in it, and that it serves (`--image DIR`)."""

import json
import os
import re
import stat
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from databases import fresh_database
from docker.container import Container, Image, free_port
from docker.locks import LOCK, canonical, pins

from cds_service.version import VERSION

pytestmark = pytest.mark.image

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples" / "order-sign-icare-0600t" / "request.json").read_bytes()
PLACE, DATA = "/opt/crd", "/var/lib/crd"
COMPILERS = {"cc", "gcc", "g++", "c++", "clang", "ld", "make", "cargo", "rustc", "go"}
TOOLS = {"pip", "setuptools", "wheel", "hatchling", "pytest", "mypy", "ruff", "cyclonedx-bom"}
NOT_ROOTS = 0o022  # others may write
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
ASSERTION = r'"coverage-assertion-id", "valueString": "([^"]+)"'


@pytest.fixture
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Image:
    """The image, with an empty data directory."""
    return Image(directory=Path(request.config.getoption("--image")), data=tmp_path / "data")


def installed(image: Image) -> Mapping[str, str]:
    """The packages in the image, with their versions."""
    (place,) = image.place(f"{PLACE}/lib").glob("python3.*/site-packages")
    found = distributions(path=[str(place)])
    return {canonical(package.metadata["Name"]): package.version for package in found}


def own_files(image: Image) -> list[Path]:
    """Every file that the service brings, links apart."""
    return [
        file for file in image.place(PLACE).rglob("*") if file.is_file() and not file.is_symlink()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A container that serves on a port of this machine."""

    container: Container
    image: Image
    port: int
    log: Path

    @property
    def variables(self) -> Mapping[str, str]:
        """What it was started with."""
        return {"CRD_PORT": str(self.port), "CRD_ALLOW_OPEN": "yes"}

    def ask(self) -> Any:
        """The answer to the order of the example."""
        url = f"http://127.0.0.1:{self.port}/cds-services/order-sign-crd"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, EXAMPLE, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def serving(image: Image, tmp_path: Path) -> Iterator[Serving]:
    """The image's own command, healthy."""
    port, log = free_port(), tmp_path / "log"
    with image.running(log, CRD_PORT=str(port), CRD_ALLOW_OPEN="yes") as container:
        serving = Serving(container=container, image=image, port=port, log=log)
        assert image.health(**serving.variables) == 0, log.read_text()
        yield serving


def test_an_order_is_answered_as_the_policy_has_it(serving: Serving) -> None:
    """iCare does not cover 0600T, and the order says so."""
    answer = serving.ask()
    (order,) = [action["resource"] for action in answer["systemActions"]]
    (information,) = [part for part in order["extension"] if "coverage-information" in part["url"]]
    parts = {part["url"]: part for part in information["extension"]}

    assert parts["covered"]["valueCode"] == "not-covered"
    assert "WI.PA-1266" in parts["reason"]["valueCodeableConcept"]["text"]


def test_the_service_is_nobody_and_may_do_nothing_else(serving: Serving) -> None:
    """A user by number, without a capability, and never with more."""
    status = serving.container.status
    user, *_ = serving.image.config["User"].split(":")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", serving.image.config["User"])
    assert set(status("Uid").split()) == {user}
    assert int(status("CapEff"), 16) == 0
    assert status("NoNewPrivs") == "1"


def test_what_is_kept_lies_in_the_data_directory(serving: Serving) -> None:
    """Readable by its user alone; the root file system could not take it."""
    serving.ask()
    kept = {file.name: file for file in serving.image.data.iterdir()}

    assert "crd.sqlite3" in kept
    assert [name for name, file in kept.items() if file.stat().st_mode & 0o077] == []


def test_whoever_reads_a_record_has_a_name(serving: Serving) -> None:
    """A user without one could not be recorded."""
    answer = serving.ask()
    (order,) = [action["resource"] for action in answer["systemActions"]]
    (assertion,) = re.findall(ASSERTION, json.dumps(order))
    shown = serving.image.run("audit", "show", assertion, **serving.variables)
    find = ("audit", "find", "--kind", "reading", "--json")
    readings = serving.image.run(*find, **serving.variables)

    assert (shown.returncode, readings.returncode) == (0, 0), shown.stderr + readings.stderr
    assert '"user crd"' in readings.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_ends_it_and_is_no_failure(serving: Serving, name: str) -> None:
    """The signal of the image too: what was answered is in the store."""
    serving.ask()

    assert serving.image.config["StopSignal"] == "SIGTERM"
    assert serving.container.stop(name) == 0, serving.log.read_text()
    assert serving.image.execute(serving.image.config["Healthcheck"]["Test"][1:]).returncode != 0


def test_the_root_file_system_takes_nothing(image: Image) -> None:
    """But data and /tmp."""
    tried = ["/opt/crd/new", "/etc/new", "/usr/new", "/var/new", "/var/lib/crd/new", "/tmp/new"]  # noqa: S108
    taken = [place for place in tried if image.execute(["touch", place]).returncode == 0]

    assert taken == tried[-2:]


@pytest.mark.postgresql
def test_it_serves_from_a_postgresql_with_the_driver_that_it_brings(
    image: Image, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Its tables are made by one container, and another one answers."""
    with fresh_database(request.config.getoption("--postgresql")) as url:
        make_keys(image)
        variables = {
            "CRD_DATABASE_URL": url,
            "CRD_AUDIT_KEY": f"{DATA}/audit.key",
            "CRD_CHECKPOINT_KEY": f"{DATA}/checkpoint.key",
            "CRD_ALLOW_OPEN": "yes",
            "CRD_PORT": str(free_port()),
        }
        made = image.run("audit", "migrate", **variables)
        assert made.returncode == 0, made.stderr
        log = tmp_path / "log"
        with image.running(log, **variables) as container:
            assert image.health(**variables) == 0, log.read_text()
            port = int(variables["CRD_PORT"])
            Serving(container=container, image=image, port=port, log=log).ask()
            assert container.stop("SIGTERM") == 0
        found = image.run("audit", "find", "--kind", "answer", **variables)

    assert found.returncode == 0, found.stderr
    assert "0600T" in found.stdout


@pytest.mark.postgresql
def test_it_backs_up_and_restores_a_database_with_the_programs_that_it_brings(
    image: Image, request: pytest.FixtureRequest
) -> None:
    """Past PgBouncer; what is restored is verified."""
    server = os.environ.get("POSTGRESQL_URL", request.config.getoption("--postgresql"))
    make_keys(image)
    keys = {
        "CRD_AUDIT_KEY": f"{DATA}/audit.key",
        "CRD_CHECKPOINT_KEY": f"{DATA}/checkpoint.key",
        "CRD_ALLOW_OPEN": "yes",
    }
    with fresh_database(server) as url, fresh_database(server) as there:
        assert image.run("audit", "migrate", CRD_DATABASE_URL=url, **keys).returncode == 0
        store, other = (keys | {"CRD_DATABASE_URL": place} for place in (url, there))
        made = image.run("audit", "backup", f"{DATA}/backups/crd", **store)
        done = image.run("audit", "restore", f"{DATA}/backups/crd", **other)

    assert made.returncode == 0, made.stderr
    assert done.returncode == 0, done.stdout + done.stderr


def make_keys(image: Image) -> None:
    """The keys that hosts of one database share, for the user of the image alone."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (("audit.key", token_hex(32).encode()), ("checkpoint.key", pem)):
        file = image.data / name
        file.write_bytes(content)
        file.chmod(0o600)
        os.chown(file, *map(int, image.config["User"].split(":")))


def test_a_start_that_lets_anyone_call_is_refused_and_names_both_ways_out(image: Image) -> None:
    """The image listens beyond its machine: who may call has to be said."""
    ran = image.run("serve", CRD_PORT=str(free_port()))

    assert ran.returncode == 1
    assert "CRD_AUTH" in ran.stderr
    assert "CRD_ALLOW_OPEN" in ran.stderr


def test_it_is_not_healthy_while_nothing_listens(image: Image) -> None:
    """The check fails where it should."""
    check = image.config["Healthcheck"]["Test"]

    assert check[0] == "CMD"
    assert image.execute(check[1:], CRD_PORT=str(free_port())).returncode != 0


def test_its_policies_are_found_without_fault(image: Image) -> None:
    """By the check that an author runs."""
    ran = image.run("check")

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_what_is_installed_is_what_is_pinned(image: Image) -> None:
    """And the service."""
    pinned = {name: pin.version for name, pin in pins(LOCK).items() if pin.is_for_this_system}

    assert installed(image) == pinned | {"crd-service": VERSION}


def test_the_list_of_parts_names_each_package_with_its_version(image: Image) -> None:
    """As CycloneDX, in the image itself."""
    parts = json.loads(image.place(f"{PLACE}/sbom.cdx.json").read_text())
    components = [*parts["components"], parts["metadata"]["component"]]
    listed = {canonical(part["name"]): part.get("version") for part in components}

    assert parts["bomFormat"] == "CycloneDX"
    assert {name: listed.get(name) for name in installed(image)} == installed(image)


def test_no_tool_came_with_it(image: Image) -> None:
    """No compiler anywhere; no installer and nothing that tests or builds beside the service."""
    places = [image.place(place) for place in ("/usr/bin", "/usr/local/bin", f"{PLACE}/bin")]
    commands = {file.name for place in places if place.is_dir() for file in place.iterdir()}

    assert commands & COMPILERS == set()
    assert set(installed(image)) & TOOLS == set()
    own = {file.name for file in image.place(f"{PLACE}/bin").iterdir()}
    assert {name for name in own if not name.startswith("python")} == {"crd"}


def test_no_secret_and_no_test_came_with_it(image: Image) -> None:
    """Of those that built it neither: where packages come from is nobody's business."""
    files = own_files(image)
    keys = [file for file in files if PRIVATE_KEY.search(file.read_bytes())]
    tests = [file for file in files if "site-packages/tests/" in str(file)]

    assert [keys, tests] == [[], []]
    assert not image.place("/etc/pip.conf").exists()
    assert not image.place("/run/secrets/ca").exists()
    assert [line for line in image.config["Env"] if line.startswith("PIP_")] == []


def test_nothing_of_the_service_is_its_users(image: Image) -> None:
    """It can change no line of itself, even where the file system were writable."""
    for file in own_files(image):
        of_file = file.stat()
        assert of_file.st_uid == 0, file
        assert not of_file.st_mode & (NOT_ROOTS | stat.S_ISUID | stat.S_ISGID), file


def test_every_module_is_compiled(image: Image) -> None:
    """Once and for all: a start compiles none, and could not write it down."""
    (place,) = image.place(f"{PLACE}/lib").glob("python3.*/site-packages/cds_service")
    modules = list(place.rglob("*.py"))

    assert modules
    assert [
        module
        for module in modules
        if not list((module.parent / "__pycache__").glob(f"{module.stem}.*.pyc"))
    ] == []


def test_its_labels_tell_what_it_is(image: Image) -> None:
    """Its version is that of the package in it."""
    prefix = "org.opencontainers.image."
    labels = {
        name.removeprefix(prefix): value
        for name, value in image.config["Labels"].items()
        if name.startswith(prefix)
    }

    assert labels["version"] == VERSION
    assert labels["licenses"] == "Apache-2.0"
    assert all(labels[name] for name in ("title", "created", "revision", "base.name"))
