"""Options of the test suite.

`--long` runs what takes long too: services that are killed, crowded, stopped or backed up.
`--postgresql URL` runs what needs a PostgreSQL server too, in databases of their own that are made
there and dropped. `--other-server DIR` loads what is exported into a FHIR server of others, whose
packages `.ci/other-servers` puts into that directory. `--image DIR` tries the built image that
`.ci/image` has unpacked there. `--operations` runs what needs programs of an operator, such as the
TLS proxy.
`--installed` tests the package that is installed instead of the checkout's.
`--crd-table` ends with tables of what CRD and CDS Hooks require: key, level, tests, mutants, state.
`--crd-mutants` tries the mutants of the claims, and nothing else, and ends with the tables too.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING

import pytest
from claims import TABLES, read_claims, read_requirements, table
from databases import fresh_database
from mutants_of_claims import counts, read_trials
from package_under_test import (
    WrongPackage,
    check_package,
    package_found,
    subprocess_environment,
    without_checkout,
)

if TYPE_CHECKING:
    from _pytest.reports import TestReport
    from _pytest.terminal import TerminalReporter

# Tests of a wheel, and those that read the checkout or look for bugs at length.
ONLY_FOR_INSTALLED = {"test_wheel.py"}
FOR_MUTANTS = "test_crd_mutants.py"
ONLY_FOR_CHECKOUT = {
    "test_architecture.py",
    "test_distributions.py",
    "test_mutants_of_claims.py",
    "test_mutation.py",
    "test_properties.py",
    "test_readme.py",
    "test_releases.py",
    "test_requirements.py",
    "test_workflows.py",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    parser.addoption(
        "--crd-table", action="store_true", help="print what becomes of each requirement on servers"
    )
    parser.addoption(
        "--crd-mutants",
        action="store_true",
        help="see that the tests of each requirement notice what breaks it (minutes)",
    )
    parser.addoption(
        "--installed", action="store_true", help="test the installed package, not the checkout's"
    )
    parser.addoption(
        "--long",
        action="store_true",
        help="run what takes long too: services that are killed, crowded, stopped, backed up",
    )
    parser.addoption(
        "--postgresql",
        metavar="URL",
        default="",
        help="a PostgreSQL server, by a user who may make databases: postgresql://USER@HOST/NAME",
    )
    parser.addoption(
        "--other-server",
        metavar="DIR",
        default="",
        help="where .ci/other-servers has put a FHIR server of others, for what is exported",
    )
    parser.addoption(
        "--image", metavar="DIR", default="", help="where .ci/image has unpacked the built image"
    )
    parser.addoption(
        "--operations",
        action="store_true",
        help="run what needs programs of an operator, such as the TLS proxy",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Mutants are tried by workers of their own."""
    if config.getoption("--crd-mutants"):
        config.option.numprocesses = 0


def pytest_configure(config: pytest.Config) -> None:
    """Make sure, before anything imports it, that the right copy of the package is tested."""
    installed = config.getoption("--installed")
    session = pytest.MonkeyPatch()
    config.add_cleanup(session.undo)
    for name, value in subprocess_environment(installed=installed).items():
        session.setenv(name, value)
    # All workers must find the same tests, in an order and under names that may hang on sets.
    if "PYTHONHASHSEED" not in os.environ:
        session.setenv("PYTHONHASHSEED", str(randbelow(2**32)))
    if installed:
        session.setattr(sys, "path", without_checkout(sys.path))
    try:
        check_package(package_found(), installed=installed)
    except WrongPackage as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs another server or takes long, unless that is asked for."""
    left_out = [test for test in items if _is_left_out(test, config)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [test for test in items if not _is_left_out(test, config)]


def _is_left_out(test: pytest.Item, config: pytest.Config) -> bool:
    return any(
        test.get_closest_marker(name) and not config.getoption(f"--{name.replace('_', '-')}")
        for name in ("postgresql", "other_server", "long", "image", "operations")
    )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind; the directory of a SQLite file is not there."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'crd.sqlite3'}"
    else:
        with fresh_database(request.config.getoption("--postgresql")) as url:
            yield url


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that make no sense for the copy under test, or for what is asked."""
    if collection_path.is_dir():
        return None
    if (collection_path.name == FOR_MUTANTS) != config.getoption("--crd-mutants"):
        return True
    left_out = ONLY_FOR_CHECKOUT if config.getoption("--installed") else ONLY_FOR_INSTALLED
    return True if collection_path.name in left_out else None


def pytest_terminal_summary(terminalreporter: "TerminalReporter", config: pytest.Config) -> None:
    """Print the tables if they were asked for; of mutants, the rows of those that were tried."""
    killed = _killed(terminalreporter)
    if not (config.getoption("--crd-table") or killed):
        return
    mutants = killed or {key: f"{count} written" for key, count in counts(read_trials()).items()}
    for mark, file in TABLES.items():
        claims, requirements = read_claims(mark), read_requirements(mark)
        rows = [row for row in requirements if row.key in killed or not killed]
        # No mutant is tried before the tests of all have passed without one.
        tried = {claim.test: "passed" for claim in claims if claim.key in killed}
        outcomes = tried or _outcomes(terminalreporter)
        terminalreporter.section(file.name)
        names = config.get_verbosity() > 0
        for line in table(rows, claims, outcomes, mutants, names=names):
            terminalreporter.write_line(line)


def _outcomes(reporter: "TerminalReporter") -> dict[str, str]:
    """The outcome of each test of this run; failed if it failed for any parameters."""
    outcomes: dict[str, str] = {}
    for kind, outcome in (("passed", "passed"), ("failed", "failed"), ("error", "failed")):
        for report in reporter.stats.get(kind, ()):
            outcomes[report.nodeid.split("[")[0]] = outcome
    return outcomes


def _killed(reporter: "TerminalReporter") -> Mapping[str, str]:
    """What became of the mutants of each key that this run tried."""
    killed, tried = (
        Counter(_keys_tried(report for kind in kinds for report in reporter.stats.get(kind, ())))
        for kinds in (("passed",), ("passed", "failed"))
    )
    return {key: f"{killed[key]}/{tried[key]} killed" for key in tried}


def _keys_tried(reports: "Iterable[TestReport]") -> list[str]:
    return [
        str(value)
        for report in reports
        for name, value in report.user_properties
        if name == "crd-mutant"
    ]
