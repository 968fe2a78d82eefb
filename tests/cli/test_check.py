"""`crd check`: a line a finding, a count, and an exit status that a pipeline can go by."""

import json
import shutil
from pathlib import Path

from crd_command import crd_here

from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.library.sealing import SEAL, read_seal

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"


def test_check_runs_every_policys_cases() -> None:
    """The built-in library passes its own cases."""
    run = crd_here("check")

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

    run = crd_here("check", tmp_path)

    assert run.returncode == 1
    assert "cases.json: never: covered is conditional, expected covered" in run.stdout


def test_check_names_a_cases_file_that_is_none(tmp_path: Path) -> None:
    """A file that cannot be read as cases is one line, not a stack."""
    (tmp_path / "cases.json").write_text("{}")

    run = crd_here("check", tmp_path)

    assert run.returncode == 1
    assert run.stdout.startswith(f"{tmp_path / 'cases.json'}: $: not a cases file: ")


def test_check_names_all_that_is_broken_in_one_run(tmp_path: Path) -> None:
    """Files that are no artifacts first; when they are mended, every broken rule of each policy."""
    library = tmp_path / "policies"
    shutil.copytree(EXAMPLES, library)
    infliximab, disc = find_policy(library, "midvale"), find_policy(library, "lakeside-disc")
    (library / "Basic-note.json").write_text("{")
    infliximab.write_text(infliximab.read_text().replace('"status": "active"', '"status": "new"'))

    run = crd_here("check", library)

    assert run.returncode == 1
    assert [line.split(": ")[0] for line in run.stdout.splitlines()] == [
        str(library / "Basic-note.json"),
        str(infliximab),
    ]
    assert run.stderr == "2 findings; no case was run\n"

    (library / "Basic-note.json").unlink()
    infliximab.write_text(infliximab.read_text().replace('"status": "new"', '"status": "active"'))
    for file in (infliximab, disc):
        file.write_text(file.read_text().replace(".empty()", ".none()"))

    run = crd_here("check", library)

    places = [line.split(": ")[:2] for line in run.stdout.splitlines()]
    assert {file for file, _ in places} == {str(infliximab), str(disc)}
    assert len(places) == len({tuple(place) for place in places}) > 2
    assert all("`none()` is not for policies" in line for line in run.stdout.splitlines())


def find_policy(library: Path, start: str) -> Path:
    """The first version of a policy in a library."""
    return min(library.rglob(f"PlanDefinition-{start}*.json"))


def test_check_seals_what_it_finds_nothing_in(tmp_path: Path) -> None:
    """The directories that are named, not those beside them; then a start proves nothing again."""
    library = tmp_path / "policies"
    shutil.copytree(EXAMPLES, library)

    run = crd_here("check", "--seal", library)

    assert run.returncode == 0
    assert f"sealed: {library / SEAL}" in run.stderr
    assert str(builtin_library()) not in run.stderr
    assert sorted(read_seal(library).files) == sorted(
        file.relative_to(library).as_posix()
        for file in library.rglob("*.json")
        if file.name != "cases.json"
    )


def test_check_tells_which_seal_a_start_does_not_heed(tmp_path: Path) -> None:
    """It is no finding: what is not sealed is proved. One that is heeded is not worth a line."""
    library = tmp_path / "policies"
    shutil.copytree(EXAMPLES, library)
    crd_here("check", "--seal", library)
    assert str(library / SEAL) not in crd_here("check", library).stderr

    (library / SEAL).write_bytes(b"{")
    run = crd_here("check", library)

    assert run.returncode == 0
    assert f"{library / SEAL} is not heeded for " in run.stderr
    assert "it is no seal, or not all of one; `crd check --seal` makes a new one" in run.stderr


def test_check_seals_nothing_while_there_are_findings(tmp_path: Path) -> None:
    """Nor where a case fails: the seal stands for all that a check proves."""
    library = tmp_path / "policies"
    shutil.copytree(EXAMPLES, library)
    cases = next(library.rglob("cases.json"))
    written = json.loads(cases.read_text("utf-8"))
    written["cases"][0]["expect"] = {"covered": "covered", "rule": "no-such-rule"}
    cases.write_text(json.dumps(written), encoding="utf-8")

    run = crd_here("check", "--seal", library)

    assert run.returncode == 1
    assert "nothing is sealed" in run.stderr
    assert not (library / SEAL).exists()


def test_a_seal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """In one line, with what is in the way."""
    library = tmp_path / "policies"
    shutil.copytree(EXAMPLES, library)
    (library / SEAL).mkdir()

    run = crd_here("check", "--seal", library)

    assert run.returncode == 1
    assert f"{library / SEAL}: $: cannot be written: " in run.stderr
