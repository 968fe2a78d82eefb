"""The image's packages are pinned by their hashes, and are those that the project asks for.

The first lines of a lock file have the command that makes it anew.
"""

import tomllib
from pathlib import Path

import pytest
from docker.locks import BUILD_LOCK, LOCK, ROOT, canonical, pins
from packaging.requirements import Requirement

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRA = "postgresql"
FEWEST = 30  # packages that the service needs with what these need


def wanted() -> list[Requirement]:
    """What the service needs, with a PostgreSQL."""
    project = PROJECT["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"][EXTRA]]
    return list(map(Requirement, lines))


def wanted_to_build() -> list[Requirement]:
    """What makes the wheel and the list of what is in the image."""
    lines = BUILD_LOCK.with_suffix(".in").read_text("utf-8").splitlines()
    asked = [Requirement(line) for line in lines if not line.startswith("#")]
    return [*asked, *map(Requirement, PROJECT["build-system"]["requires"])]


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=lambda lock: lock.name)
def test_each_package_is_one_version_with_the_hashes_of_its_files(lock: Path) -> None:
    """Whatever a registry serves under that name, no other file is installed."""
    packages = pins(lock)

    assert len(packages) >= FEWEST
    assert [name for name, pin in packages.items() if not (pin.version and pin.hashes)] == []


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_the_pinned_version_is_one_that_the_project_asks_for(requirement: Requirement) -> None:
    """Make the lock anew if a range has changed."""
    pin = pins(LOCK)[canonical(requirement.name)]

    assert pin.version in requirement.specifier


@pytest.mark.parametrize("requirement", wanted_to_build(), ids=str)
def test_what_builds_the_image_is_pinned_too(requirement: Requirement) -> None:
    """The build runs it, though the image does not hold it."""
    pin = pins(BUILD_LOCK)[canonical(requirement.name)]

    assert pin.version in requirement.specifier


def test_parts_of_a_package_that_the_project_asks_for_are_pinned() -> None:
    """The extras of a requirement are packages of their own: the driver comes compiled."""
    extras = {requirement.name: requirement.extras for requirement in wanted()}

    assert extras["psycopg"] == {"binary"}
    assert pins(LOCK)["psycopg-binary"].version == pins(LOCK)["psycopg"].version


def test_what_is_only_for_tests_is_not_pinned() -> None:
    """So that it does not come into the image."""
    tests = PROJECT["project"]["optional-dependencies"]["test"]
    names = {canonical(Requirement(line).name) for line in tests}

    assert {"pytest", "mypy"} <= names
    assert names & set(pins(LOCK)) == set()


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=lambda lock: lock.name)
def test_a_lock_names_no_place_to_fetch_from(lock: Path) -> None:
    """Whoever builds says where packages come from."""
    assert "://" not in lock.read_text("utf-8")
