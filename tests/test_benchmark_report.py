"""The benchmark's tables."""

import json

from benchmarking.aims import service_cell
from benchmarking.findings import Findings, Sizes
from benchmarking.report import report, to_json, to_markdown, to_text
from benchmarking.soak import Mark
from benchmarking.starting import UNSEALED, Started
from benchmarking.tables import Table, sparkline
from made_slices import slice_of

SIZES = Sizes(asked=17_000, answered=7_000, kept=6_000, file_system="ext4")
STARTED = Started(
    policies=10_000, seal=UNSEALED, ready=21.0, ready_cpu=20.0, memory=1 << 30, cpu=1e-3, p50=2e-3
)


def found() -> Findings:
    """A run of one cell with a fault, one start, and two marks of memory."""
    taken = slice_of(0.002, 0.004)
    taken.load.faults["HTTP/1.1 503 Service Unavailable"] = 3  # type: ignore[index]
    marks = [Mark(requests=count, memory=count << 20, faults={}) for count in (0, 10, 20)]
    return Findings(sizes=SIZES, shares={service_cell(): [taken]}, starts=[STARTED], marks=marks)


def test_a_table_is_aligned_on_a_terminal() -> None:
    """Words to the left, figures to the right."""
    table = Table(heading="Calls", columns=("call", "ms"), lines=[("short", "12.5"), ("a", "1")])

    assert table.to_text() == "Calls\n  call     ms\n  short  12.5\n  a         1"


def test_a_table_is_a_table_in_markdown() -> None:
    """With what to know before reading."""
    table = Table(heading="Calls", notes=("In ms.",), columns=("call", "ms"), lines=[("a", "1")])

    assert table.to_markdown() == (
        "### Calls\n\nIn ms.\n\n| call | ms |\n| --- | ---: |\n| a | 1 |"
    )


def test_the_report_ends_with_the_aims_and_whether_they_hold() -> None:
    """On a terminal as in Markdown."""
    tables = report(found())

    assert tables[-1].heading.startswith("Aims")
    assert ["10,000 policies, unsealed: ready in at most 20 s", "21.00 s", "NO"] in [
        list(line) for line in tables[-1].lines
    ]
    assert to_text(tables).index("Memory over calls") < to_text(tables).index("Aims")
    assert "| iCare 0600T | 1 | 8 | 2 | 4.00 |" in to_markdown(tables)


def test_wrong_answers_are_named_where_everybody_looks_first() -> None:
    """With the service, the call and the connections they were given on."""
    setting = report(found())[0]

    assert (
        "service, SQLite, open, workers: 1, iCare 0600T @ 8: "
        "3 answers: HTTP/1.1 503 Service Unavailable" in setting.notes
    )


def test_the_findings_are_json() -> None:
    """For those who compare two runs."""
    written = json.loads(json.dumps(to_json(found())))

    assert written["rows"][0]["cell"]["kind"] == "iCare 0600T"
    assert written["starts"][0]["ready"] == 21.0


def test_a_sparkline_goes_from_the_least_to_the_greatest() -> None:
    """Or is flat."""
    assert sparkline([1, 2, 3]) == "▁▅█"
    assert sparkline([5, 5]) == "▁▁"
