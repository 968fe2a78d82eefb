"""`crd narrate`: a line a file, and an exit status that a pipeline can go by."""

from pathlib import Path

from crd_command import crd_here
from small_library import copy_of_builtin, organization, write_library


def test_narrate_writes_what_is_missing(tmp_path: Path) -> None:
    """One line for each file; a second run finds nothing to do."""
    write_library(tmp_path, organization())
    file = tmp_path / "Organization-acme.json"
    first, second = crd_here("narrate", tmp_path), crd_here("narrate", tmp_path)

    assert (first.returncode, first.stdout) == (0, f"{file}: narrative written\n")
    assert (second.returncode, second.stdout) == (0, "")


def test_narrate_check_changes_nothing(tmp_path: Path) -> None:
    """It exits 1 where a narrative is due."""
    write_library(tmp_path, organization())
    file = tmp_path / "Organization-acme.json"
    before = file.read_bytes()
    run = crd_here("narrate", "--check", tmp_path)

    assert (run.returncode, run.stdout) == (1, f"{file}: narrative missing or stale\n")
    assert file.read_bytes() == before


def test_narrate_check_passes_the_built_in_library(tmp_path: Path) -> None:
    """It is what is checked if no directory is named."""
    run, of_copy = (
        crd_here("narrate", "--check"),
        crd_here("narrate", "--check", copy_of_builtin(tmp_path)),
    )

    assert (run.returncode, run.stdout) == (of_copy.returncode, of_copy.stdout) == (0, "")


def test_narrate_names_a_file_that_is_no_artifact(tmp_path: Path) -> None:
    """One line, not a stack."""
    (tmp_path / "Organization-x.json").write_text("{")
    run = crd_here("narrate", tmp_path)

    assert run.returncode == 1
    assert run.stderr.startswith(f"Error: {tmp_path / 'Organization-x.json'}: $: not JSON: ")
