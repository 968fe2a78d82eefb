"""Options of the test suite.

`--installed` tests the package that is installed instead of the checkout's. `--crd-table` ends
with a table of the guide's requirements: key, level, tests, state.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from claims import read_claims, read_requirements, table
from package_under_test import (
    WrongPackage,
    check_package,
    package_found,
    subprocess_environment,
    without_checkout,
)

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

# Tests of a wheel, and those that read the checkout or look for bugs at length.
ONLY_FOR_INSTALLED = {"test_wheel.py"}
ONLY_FOR_CHECKOUT = {
    "test_architecture.py",
    "test_mutation.py",
    "test_properties.py",
    "test_readme.py",
    "test_requirements.py",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    parser.addoption(
        "--crd-table", action="store_true", help="print what becomes of each CRD server requirement"
    )
    parser.addoption(
        "--installed", action="store_true", help="test the installed package, not the checkout's"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make sure, before anything imports it, that the right copy of the package is tested."""
    installed = config.getoption("--installed")
    session = pytest.MonkeyPatch()
    config.add_cleanup(session.undo)
    for name, value in subprocess_environment(installed=installed).items():
        session.setenv(name, value)
    if installed:
        session.setattr(sys, "path", without_checkout(sys.path))
    try:
        check_package(package_found(), installed=installed)
    except WrongPackage as error:
        raise pytest.UsageError(str(error)) from error


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that make no sense for the copy under test."""
    left_out = ONLY_FOR_CHECKOUT if config.getoption("--installed") else ONLY_FOR_INSTALLED
    return True if collection_path.name in left_out else None


def pytest_terminal_summary(terminalreporter: "TerminalReporter", config: pytest.Config) -> None:
    """Print the table if it was asked for."""
    if config.getoption("--crd-table"):
        terminalreporter.section("CRD server requirements")
        names = config.get_verbosity() > 0
        for line in table(
            read_requirements(), read_claims(), _outcomes(terminalreporter), names=names
        ):
            terminalreporter.write_line(line)


def _outcomes(reporter: "TerminalReporter") -> dict[str, str]:
    """The outcome of each test of this run; failed if it failed for any parameters."""
    outcomes: dict[str, str] = {}
    for kind, outcome in (("passed", "passed"), ("failed", "failed"), ("error", "failed")):
        for report in reporter.stats.get(kind, ()):
            outcomes[report.nodeid.split("[")[0]] = outcome
    return outcomes
