"""`pytest --crd-table` ends with a table of the guide's requirements: key, level, tests, state."""

from typing import TYPE_CHECKING

import pytest
from claims import read_claims, read_requirements, table

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the option."""
    parser.addoption(
        "--crd-table", action="store_true", help="print what becomes of each CRD server requirement"
    )


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
