"""The tests run the checkout's package, all of it; with `--installed` the installed one."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from package_under_test import (
    CHECKOUT,
    ROOT,
    WrongPackage,
    check_package,
    subprocess_environment,
    without_checkout,
)

import cds_service

MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in CHECKOUT.rglob("*.py")
)
ELSEWHERE = Path("/elsewhere/site-packages/cds_service")
DECOY = "raise SystemExit('the package of the working directory')"


@pytest.fixture
def installed(pytestconfig: pytest.Config) -> bool:
    """Whether the installed package is to be tested."""
    return bool(pytestconfig.getoption("--installed"))


def run_python(*arguments: str, directory: Path) -> str:
    """What Python prints, run as the tests of the command run it, in some working directory."""
    run = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=directory
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_the_package_under_test_is_the_one_asked_for(installed: bool) -> None:
    """The checkout's package is tested, or with `--installed` the one that pip installed."""
    assert (Path(cds_service.__file__).resolve().parent == CHECKOUT) != installed


@pytest.mark.parametrize("directory", ["the checkout", "another", "one with such a package"])
def test_subprocesses_run_the_package_under_test(directory: str, tmp_path: Path) -> None:
    """The working directory of a test run and what lies there make no difference."""
    if directory == "one with such a package":
        (tmp_path / "cds_service").mkdir()
        (tmp_path / "cds_service" / "__init__.py").write_text(DECOY)
    where = ROOT if directory == "the checkout" else tmp_path

    imported = run_python("-c", "import cds_service as p; print(p.__file__)", directory=where)
    shown = run_python("-m", "cds_service", "--help", directory=where)

    assert imported == cds_service.__file__
    assert "serve" in shown


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name: str) -> None:
    """A module that is broken or missing fails, even if no other test needs it."""
    module = import_module(name)

    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(Path(cds_service.__file__).parent)


def test_the_modules_to_import_are_those_of_the_whole_house() -> None:
    """The parametrized test above sees the package, its command and a module of a room."""
    assert {"cds_service", "cds_service.__main__", "cds_service.fhir.dates"} <= set(MODULES)


@pytest.mark.parametrize(
    ("found", "asked_for_installed"),
    [(ELSEWHERE, False), (None, False), (CHECKOUT, True), (None, True)],
    ids=["a copy for the checkout", "none", "the checkout for a copy", "none installed"],
)
def test_the_wrong_package_is_refused(found: Path | None, asked_for_installed: bool) -> None:
    """A run stops before its first test if it would test another copy."""
    with pytest.raises(WrongPackage, match="cds_service"):
        check_package(found, installed=asked_for_installed)


def test_the_installed_package_is_not_found_in_the_checkout() -> None:
    """For `--installed` the checkout leaves the search path, however it is written there."""
    search_path = [str(ROOT), f"{ROOT}/cds_service/..", "/elsewhere/site-packages"]

    assert without_checkout(search_path) == ["/elsewhere/site-packages"]


def test_subprocesses_find_the_checkout_only_if_it_is_tested() -> None:
    """`PYTHONPATH` begins with the checkout, and does not hold it for `--installed`."""
    checkout, copy = (
        subprocess_environment(installed=installed)["PYTHONPATH"].split(":")
        for installed in (False, True)
    )

    assert checkout[0] == str(ROOT)
    assert str(ROOT) not in copy
