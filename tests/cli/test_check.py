"""`crd check`: a line a finding, a count, and an exit status that a pipeline can go by."""

import json
from pathlib import Path

from crd_command import crd


def test_check_runs_every_policys_cases() -> None:
    """The built-in library passes its own cases."""
    run = crd("check")

    assert run.returncode == 0
    assert "0 findings" in run.stderr


def test_check_names_the_case_that_fails(tmp_path: Path) -> None:
    """A finding is one line: file, case, difference; exit status 1."""
    cases = {
        "members": {"nobody": {"coverage": {"resourceType": "Coverage", "id": "c"}}},
        "cases": [
            {
                "name": "never",
                "order": {},
                "member": "nobody",
                "date": "2025-01-01",
                "expect": {"covered": "covered", "rule": None},
            }
        ],
    }
    (tmp_path / "cases.json").write_text(json.dumps(cases))

    run = crd("check", tmp_path)

    assert run.returncode == 1
    assert "cases.json: never: covered is conditional, expected covered" in run.stdout


def test_check_names_a_cases_file_that_is_none(tmp_path: Path) -> None:
    """A file that cannot be read as cases is one line, not a stack."""
    (tmp_path / "cases.json").write_text("{}")

    run = crd("check", tmp_path)

    assert run.returncode == 1
    assert run.stderr.startswith(f"Error: {tmp_path / 'cases.json'}: $: not a cases file: ")
