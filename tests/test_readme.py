"""The README: its commands, excerpts, settings, paths and figures are checked against the code."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cds_service.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SHOWN = re.findall(r"<!-- (\S+) -->\n```json\n(.*?)```", README, re.DOTALL)


def holds(value: Any, part: Any) -> bool:
    """Whether `part` is `value` or is anywhere inside it."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value == part or any(holds(inner, part) for inner in inside)


def test_it_opens_with_one_line_to_run_and_one_to_test() -> None:
    """Two commands, each on one line, before any prose."""
    assert README.splitlines()[:6] == [
        "# CRD service",
        "",
        "```sh",
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/crd serve",
        "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest",
        "```",
    ]


@pytest.mark.parametrize(("file", "shown"), SHOWN)
def test_what_it_shows_of_an_example_is_what_the_example_says(file: str, shown: str) -> None:
    """The order, the extension and the card in the README are those of the example."""
    assert holds(json.loads((ROOT / file).read_text()), json.loads(shown))


def test_it_shows_a_request_and_its_answer() -> None:
    """It shows an order, an extension and a card, in this order."""
    assert [file.rsplit("/", 1)[1] for file, _ in SHOWN] == [
        "request.json",
        "response.json",
        "response.json",
    ]


def test_it_lists_every_setting_and_no_other() -> None:
    """One row a setting, by the name of its environment variable."""
    listed = re.findall(r"`CRD_(\w+)`", README)

    assert sorted(name.lower() for name in listed) == sorted(
        setting.name for setting in fields(Settings)
    )


def test_every_file_it_names_exists() -> None:
    """Paths in back-ticks lead somewhere."""
    named = set(re.findall(r"`((?:cds_service|fhir_library|tests|examples)/[\w./-]*)`", README))

    assert named
    assert all((ROOT / name).exists() for name in named)


def test_the_changelog_counts_the_cases_there_are() -> None:
    """The number of cases in the changelog is the number of cases in the library."""
    files = (ROOT / "fhir_library").rglob("cases.json")
    count = sum(len(json.loads(file.read_text())["cases"]) for file in files)

    assert f"with {count} cases" in (ROOT / "CHANGELOG.md").read_text()
