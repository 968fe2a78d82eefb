"""What a release is made of: one version, a section of changes, and the packages it asks for."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions

import pytest
from crd_command import crd_here
from house_sources import HOUSE
from package_under_test import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cds_service.version import VERSION

CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WHERE_A_VERSION_COULD_BE = ("cds_service", "docker", "examples", ".ci", ".github")
HEADINGS = ("Operators must", "Added", "Changed", "Fixed")


def texts() -> Iterator[tuple[str, str]]:
    """Every file that could name the version, and its text; locks name those of others."""
    files = [
        file
        for folder in WHERE_A_VERSION_COULD_BE
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix not in {".pyc", ".lock"}
    ]
    for file in (*files, ROOT / "pyproject.toml", ROOT / "README.md"):
        yield file.relative_to(ROOT).as_posix(), file.read_text("utf-8")


def section(version: str) -> str:
    """What the changelog has between the heading of a version and the next."""
    found = re.search(rf"^## {re.escape(version)} \(.+\)\n(.*?)(?=^## |\Z)", CHANGELOG, re.M | re.S)
    return found[1] if found else ""


def headings(version: str) -> list[tuple[str, str]]:
    """The headings of a version's section with what stands below each."""
    parts = re.split(r"^### (.+)\n", section(version), flags=re.M)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_the_version_is_written_in_one_place() -> None:
    """Neither packaging, image, guides nor workflows have a copy that could be forgotten."""
    written = re.compile(rf"(?<![\w.]){re.escape(VERSION)}(?![\w.])")

    assert [name for name, text in texts() if written.search(text)] == ["cds_service/version.py"]


def test_nothing_that_is_deployed_names_a_version_of_ours() -> None:
    """A copy of an older one would be found by nobody: whoever deploys chooses."""
    named = re.compile(r"(newTag: |crd-service[:=]{1,2})v?\d")

    assert [name for name, text in texts() if named.search(text)] == []


def test_packaging_takes_the_version_from_there() -> None:
    """Hatchling reads it from the module when it builds."""
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"] == {"path": "cds_service/version.py"}


# Text, not syntax trees: to parse the house takes a second of every run.
IMPORT = re.compile(r"^ *(?:from ([\w.]+) import |import ([\w.]+)(?: as \w+)?$)", re.MULTILINE)


@pytest.fixture(scope="module")
def libraries() -> set[str]:
    """The top-level packages of others that any module imports, anywhere in it."""
    found = {
        (package or module).split(".")[0]
        for file in HOUSE.rglob("*.py")
        for package, module in IMPORT.findall(file.read_text("utf-8"))
    }
    return found - set(sys.stdlib_module_names) - {"cds_service", "__future__"}


@pytest.fixture(scope="module")
def providers() -> Mapping[str, set[str]]:
    """The distributions that provide each top-level package."""
    return {
        name: set(map(canonicalize_name, distributions))
        for name, distributions in packages_distributions().items()
    }


def test_no_module_asks_what_is_installed() -> None:
    """Metadata may be those of an older copy: a record would name a program that did not run."""
    asking = re.compile(r"importlib\.metadata import .*\bversion\b|metadata\.version\(")

    assert [name for name, text in texts() if asking.search(text)] == []


def test_the_command_shows_the_version() -> None:
    """Installed or run from a checkout."""
    assert crd_here("--version").stdout.endswith(f", version {VERSION}\n")


def test_the_changelog_begins_with_the_section_of_this_version() -> None:
    """With the day of its release, or `unreleased`."""
    first = re.search(r"^## (.+)$", CHANGELOG, re.MULTILINE)

    assert first
    assert re.fullmatch(rf"{re.escape(VERSION)} \((unreleased|\d{{4}}-\d{{2}}-\d{{2}})\)", first[1])


def test_the_section_opens_with_what_operators_must_do() -> None:
    """Its headings are known ones, in this order, and none is empty."""
    found = headings(VERSION)
    names = [name for name, _text in found]

    assert names[0] == HEADINGS[0]
    assert names == [name for name in HEADINGS if name in names]
    assert [name for name, text in found if not text.strip()] == []


def requirements_without_tests() -> set[str]:
    """The distributions that the package asks for, extras included, those of tests aside."""
    project = PROJECT["project"]
    extras = [
        line
        for extra, lines in project["optional-dependencies"].items()
        if extra != "test"
        for line in lines
    ]
    return {
        canonicalize_name(Requirement(line).name) for line in (*project["dependencies"], *extras)
    }


def test_every_library_that_is_imported_is_asked_for(
    libraries: set[str], providers: Mapping[str, set[str]]
) -> None:
    """Not one comes only because another package happens to need it."""
    asked_for = requirements_without_tests()
    undeclared = {name for name in libraries if asked_for.isdisjoint(providers.get(name, ()))}

    assert {"flask", "sqlalchemy", "fhir"} <= libraries
    assert undeclared == set()


def test_every_package_that_is_asked_for_is_used(
    libraries: set[str], providers: Mapping[str, set[str]]
) -> None:
    """SQLAlchemy loads the driver of PostgreSQL; all others are imported."""
    used = {package for name in libraries for package in providers.get(name, ())}

    assert requirements_without_tests() - used == {"psycopg"}


def test_it_is_typed_for_those_who_import_it() -> None:
    """PEP 561: a marker in the package, empty since it is not partial."""
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]
    assert (HOUSE / "py.typed").read_text("utf-8") == ""
