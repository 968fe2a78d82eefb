"""What a release hands out, built as a release builds it, and installed where nothing else is."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from crd_command import EXAMPLE, serving, url_of
from operating import ORDER_SIGN, ROOT, send

from cds_service.version import VERSION

pytestmark = pytest.mark.long

NOT_CHECKED_OUT = (".git", ".venv", ".hypothesis", ".*_cache", "__pycache__", "build", "dist")
# Starts the command when it is imported; and needs the extra `opentelemetry`.
NEED_MORE = ("cds_service.__main__", "cds_service.web.otlp_spans")
# Nothing of this checkout or of its environment can be found by what is installed.
ALONE = {"PYTHONPATH": "", "PYTHONSAFEPATH": "1", "VIRTUAL_ENV": ""}


def run(
    *command: str | Path, cwd: Path, environment: Mapping[str, str] = ALONE
) -> subprocess.CompletedProcess[str]:
    """A finished run, with its output."""
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | environment,
        check=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A copy of the checkout, and what its own script made of it."""

    checkout: Path
    directory: Path

    @property
    def wheel(self) -> Path:
        (wheel,) = (self.directory / "dist").glob("*.whl")
        return wheel

    @property
    def sdist(self) -> Path:
        (sdist,) = (self.directory / "dist").glob("*.tar.gz")
        return sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The script builds everything twice, and fails if a byte differs."""
    here = tmp_path_factory.mktemp("built")
    checkout, directory = here / "checkout", here / "out"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*NOT_CHECKED_OUT))
    made = run(checkout / ".ci" / "distributions", directory, cwd=here)
    assert made.returncode == 0, made.stdout + made.stderr
    return Built(checkout=checkout, directory=directory)


@pytest.fixture(scope="module")
def bin_directory(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that has the wheel and what it asks for, and no more."""
    here = tmp_path_factory.mktemp("alone")
    run(sys.executable, "-m", "venv", here / "env", cwd=here)
    installed = run(here / "env/bin/pip", "install", "--quiet", built.wheel, cwd=here)
    assert installed.returncode == 0, installed.stderr
    return here / "env" / "bin"


def test_wheel_and_sdist_are_of_this_version(built: Built) -> None:
    """In their names, and the sdist holds what it takes to test itself."""
    names = {built.wheel.name, built.sdist.name}
    with tarfile.open(built.sdist) as sdist:
        held = {name.split("/")[1] for name in sdist.getnames()}

    assert names == {f"crd_service-{VERSION}-py3-none-any.whl", f"crd_service-{VERSION}.tar.gz"}
    assert {".ci", ".github", "cds_service", "fhir_library", "tests", "CHANGELOG.md"} <= held


def test_the_wheel_holds_modules_and_policies_and_nothing_of_the_workplace(built: Built) -> None:
    """Its files are those of the package, the library and the metadata."""
    names = zipfile.ZipFile(built.wheel).namelist()
    folders = {name.split("/")[0] for name in names}

    assert folders == {"cds_service", f"crd_service-{VERSION}.dist-info"}
    assert {"cds_service/py.typed", "cds_service/fhir_library/README.md"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or "/." in name]


def test_the_list_of_parts_names_this_version_and_what_it_installs(built: Built) -> None:
    """CycloneDX: the program with its version, and each package with its own."""
    listed = json.loads((built.directory / "sbom.cdx.json").read_text("utf-8"))
    program = listed["metadata"]["component"]
    parts = {part["name"].lower(): part["version"] for part in listed["components"]}

    assert (listed["bomFormat"], program["name"], program["version"]) == (
        "CycloneDX",
        "crd-service",
        VERSION,
    )
    assert {"flask", "pydantic", "sqlalchemy"} <= set(parts)
    assert all(parts.values())


def test_the_notes_are_the_section_of_this_version(built: Built) -> None:
    """With what operators must do, and without the next version's heading."""
    notes = (built.directory / "notes.md").read_text("utf-8")

    assert "\n### Operators must\n" in notes
    assert "\n## " not in notes


def test_a_tag_of_another_version_or_without_a_day_releases_nothing(built: Built) -> None:
    """Before anything is built."""
    changelog = built.checkout / "CHANGELOG.md"
    described = changelog.read_text("utf-8")
    changelog.write_text(
        re.sub(r"(?m)^## (\S+) \(.*\)$", r"## \1 (unreleased)", described), "utf-8"
    )
    refused = [
        run(built.checkout / ".ci/distributions", built.directory / "no", tag, cwd=built.checkout)
        for tag in ("v999.0.0", f"v{VERSION}")
    ]
    changelog.write_text(described, "utf-8")

    assert [made.returncode for made in refused] == [1, 1]
    assert "is not of version" in refused[0].stdout
    assert "names no day" in refused[1].stdout


def test_what_is_installed_fits_together_and_has_no_tool_of_the_tests(bin_directory: Path) -> None:
    """Only what the wheel asks for, and what that asks for."""
    fits = run(bin_directory / "pip", "check", cwd=bin_directory)
    listed = run(bin_directory / "pip", "list", "--format", "json", cwd=bin_directory)
    names = {package["name"].lower() for package in json.loads(listed.stdout)}

    assert fits.returncode == 0, fits.stdout
    assert "crd-service" in {name.replace("_", "-") for name in names}
    assert names.isdisjoint({"pytest", "ruff", "mypy", "psycopg", "pyarrow", "hypothesis"})


def test_every_module_can_be_imported_there(bin_directory: Path, tmp_path: Path) -> None:
    """But the one that is imported only where its extra is installed."""
    script = (
        "import pkgutil, sys, cds_service\n"
        "found = pkgutil.walk_packages(cds_service.__path__, 'cds_service.')\n"
        "names = {found.name for found in found} - {*sys.argv[1:]}\n"
        "for name in sorted(names):\n"
        "    __import__(name)\n"
        "print(len(names), cds_service.__file__)\n"
    )
    python = (bin_directory / "python", "-W", "error", "-c", script)
    imported = run(*python, *NEED_MORE, cwd=tmp_path)

    assert imported.returncode == 0, imported.stderr
    assert str(bin_directory.parent) in imported.stdout


def test_the_commands_work_far_from_the_checkout(bin_directory: Path, tmp_path: Path) -> None:
    """Version, check, answer and export of what came with the wheel."""
    crd = bin_directory / "crd"
    shown = run(crd, "--version", cwd=tmp_path)
    checked = run(crd, "check", cwd=tmp_path)
    answered = run(crd, "answer", EXAMPLE, cwd=tmp_path)
    exported = run(crd, "export", "--format", "package", "--output", "policies.tgz", cwd=tmp_path)

    assert shown.stdout == f"crd, version {VERSION}\n"
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert '"not-covered"' in answered.stdout, answered.stderr
    assert exported.returncode == 0, exported.stderr
    with tarfile.open(tmp_path / "policies.tgz") as package:
        assert "package/package.json" in package.getnames()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_the_order_of_the_readme_and_proves_its_record(
    bin_directory: Path, tmp_path: Path, workers: str
) -> None:
    """From `pip install` to a verified record, with nothing set but where data lie."""
    data = ALONE | {"CRD_DATA_DIR": str(tmp_path / "data"), "CRD_WORKERS": workers}
    crd = str(bin_directory / "crd")

    with serving(command=(crd,), cwd=tmp_path, **data) as (process, lines):
        status, response = send(url_of(lines), ORDER_SIGN, EXAMPLE.read_bytes())
    sequenced = run(crd, "audit", "sequence", cwd=tmp_path, environment=data)
    verified = run(crd, "audit", "verify", cwd=tmp_path, environment=data)

    assert (status, process.returncode) == (200, 0)
    assert "not-covered" in json.dumps(response)
    assert sequenced.returncode == 0, sequenced.stdout + sequenced.stderr
    assert verified.returncode == 0, verified.stdout + verified.stderr
