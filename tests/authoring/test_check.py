"""Checking a library: what is found in directories, and what makes them unusable."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.authoring.check import check_library
from cds_service.authoring.finding import Finding
from cds_service.errors import ArtifactError
from cds_service.policy.library.artifacts import builtin_library

TODAY = date(2026, 11, 20)


def case(name: str, *, covered: str) -> dict[str, Any]:
    """A case with an order of no code, for a member whose payer nobody knows."""
    return {
        "name": name,
        "order": {},
        "member": "nobody",
        "date": "2025-01-01",
        "expect": {"covered": covered, "rule": None},
    }


def write_cases(directory: Path, *cases: dict[str, Any]) -> Path:
    """A cases file of these cases."""
    file = directory / "cases.json"
    members = {"nobody": {"coverage": {"resourceType": "Coverage", "id": "c"}}}
    file.write_text(json.dumps({"members": members, "cases": cases}))
    return file


def test_the_built_in_library_has_no_findings() -> None:
    """And the report counts what was checked."""
    report = check_library([builtin_library()], TODAY)

    assert report.findings == ()
    assert str(report.inventory) == "2 policies in force"
    assert min(report.policies, report.rules, report.cases) > 0


def test_a_directory_adds_its_cases_to_those_before_it(tmp_path: Path) -> None:
    """A payer's own cases run against the built-in policies and theirs together."""
    write_cases(tmp_path, case("one more", covered="conditional"))
    alone = check_library([builtin_library()], TODAY)
    both = check_library([builtin_library(), tmp_path], TODAY)

    assert both.cases == alone.cases + 1
    assert both.findings == ()


def test_each_case_that_is_not_met_is_a_finding(tmp_path: Path) -> None:
    """All in one run, in the order they are written."""
    file = write_cases(
        tmp_path,
        case("first", covered="covered"),
        case("met", covered="conditional"),
        case("last", covered="not-covered"),
    )

    assert check_library([tmp_path], TODAY).findings == (
        Finding(file=file, where="first", problem="covered is conditional, expected covered"),
        Finding(file=file, where="last", problem="covered is conditional, expected not-covered"),
    )


def test_progress_counts_the_artifacts_and_not_the_cases(tmp_path: Path) -> None:
    """A large library is seen to be read."""
    write_cases(tmp_path, case("met", covered="conditional"))
    steps: list[tuple[int, int]] = []
    check_library([builtin_library(), tmp_path], TODAY, lambda done, of: steps.append((done, of)))

    artifacts = [file for file in builtin_library().rglob("*.json") if file.name != "cases.json"]
    assert steps[-1] == (len(artifacts), len(artifacts))


@pytest.mark.parametrize("name", ["cases.json", "PlanDefinition-x.json"])
def test_a_file_that_is_broken_is_named(tmp_path: Path, name: str) -> None:
    """Nothing is run on half a library."""
    (tmp_path / name).write_text("{}")
    with pytest.raises(ArtifactError) as caught:
        check_library([tmp_path], TODAY)

    assert caught.value.path == tmp_path / name
