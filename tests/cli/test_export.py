"""`crd export`: files that are whole or not there, and errors in plain words."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from crd_command import COMMAND, crd, crd_here
from small_library import copy_of_builtin, organization, write_library

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.snapshot import digest

BASE = "https://payer.example.org/fhir"
EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"


def test_the_same_policies_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Whatever the order of sets in a process, the time, the umask, and where the files are."""
    copy = copy_of_builtin(tmp_path / "copy")
    for form in ("package",):
        one, two = tmp_path / f"{form}-1", tmp_path / f"{form}-2"
        arguments = ("export", "--format", form, "--library", EXAMPLES, "--output")
        first = crd(*arguments, one, PYTHONHASHSEED="1", TZ="UTC")
        second = crd(
            *arguments,
            two,
            *("--no-builtin-library", "--library", copy),
            PYTHONHASHSEED="2",
            TZ="Asia/Tokyo",
        )

        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert contents(one) == contents(two)


def contents(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of the files of a directory by name."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name if path.is_dir() else "": file.read_bytes() for file in files}


def test_an_export_is_summarized_where_it_is_not_written(tmp_path: Path) -> None:
    """On stderr: what, how many, the digest that the set has here, and what others stumble over."""
    file = tmp_path / "policies.json"
    run = crd_here("export", "--format", "transaction", "--output", file)
    hurdle, summary = run.stderr.splitlines()

    assert (run.returncode, run.stdout) == (0, "")
    assert hurdle.startswith("for other servers: ValueSet/any-cpt, ValueSet/any-icd-10-pcs, ")
    assert summary.startswith("transaction of 2 policies, 26 artifacts and a manifest; version 20")
    assert f"set {digest(read_library([builtin_library()]))}; " in summary
    assert summary.endswith(f"under {CANONICAL_BASE}; written to {file}")


def test_standard_output_takes_a_single_file_and_nothing_else() -> None:
    """The bytes that a file would have, and the summary apart from them."""
    bundle = crd_here("export", "--format", "collection", "--output", "-", "--payer", "icare")
    package = subprocess.run(
        [*COMMAND, "export", "--format", "package", "--output", "-"],
        capture_output=True,
        check=True,
    )
    lines = crd_here("export", "--format", "ndjson", "--output", "-")

    assert json.loads(bundle.stdout)["type"] == "collection"
    assert package.stdout.startswith(b"\x1f\x8b")
    assert (lines.returncode, lines.stdout) == (1, "")
    assert lines.stderr == "Error: --output -: ndjson is a directory of files; name one\n"


def test_what_is_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """A directory that holds something, a file for a directory, and the other way round."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")
    (tmp_path / "file").write_text("precious")
    runs = {
        "is not empty; name a directory that is new or empty": ("ndjson", "full"),
        "is a file; name a directory, new or empty": ("ndjson", "file"),
        "is a directory; name a file in it": ("package", "full"),
        "there is no directory": ("package", "nowhere/file"),
    }
    for words, (form, name) in runs.items():
        run = crd_here("export", "--format", form, "--output", tmp_path / name)
        assert run.returncode == 1
        assert words in run.stderr
        assert run.stderr.startswith("Error: ")

    assert sorted(file.name for file in tmp_path.rglob("*")) == ["file", "full", "mine"]
    assert (tmp_path / "file").read_text() == (tmp_path / "full" / "mine").read_text() == "precious"


def test_an_earlier_file_and_an_empty_directory_are_replaced(tmp_path: Path) -> None:
    """As the umask has it, and nothing unfinished is left beside them."""
    (tmp_path / "lines").mkdir()
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    crd_here("export", "--format", "ndjson", "--output", tmp_path / "lines")
    crd_here("export", "--format", "package", "--output", tmp_path / "link")
    umask = os.umask(0)
    os.umask(umask)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "lines", "link"]
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes().startswith(b"\x1f\x8b")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask
    assert (tmp_path / "lines" / "PlanDefinition.ndjson").is_file()


def test_a_device_is_written_and_not_replaced() -> None:
    """`--output /dev/null` must not make a file of it."""
    run = crd_here("export", "--format", "transaction", "--output", "/dev/null")

    assert run.returncode == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("base", [f"{BASE}/", ""])
def test_a_base_that_is_none_is_refused(base: str, tmp_path: Path) -> None:
    """Before anything is read; the message shows one."""
    output = tmp_path / "file"
    run = crd_here("export", "--format", "package", "--output", output, "--canonical-base", base)

    assert run.returncode == 1
    assert "give an absolute address such as https://payer.example.org/fhir" in run.stderr
    assert not output.exists()


def test_an_unknown_payer_or_policy_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """One line."""
    output = tmp_path / "file"
    run = crd_here("export", "--format", "package", "--output", output, "--payer", "ikare")

    assert run.returncode == 1
    assert run.stderr == (
        "Error: --payer ikare: the library has no such payer; it has anthem, icare\n"
    )


def test_policies_that_cannot_be_served_are_not_given_to_others(tmp_path: Path) -> None:
    """All that is broken is named, as at a start."""
    write_library(tmp_path / "library", organization("broken", identifier=[{"value": "x"}]))
    output = tmp_path / "file"
    run = crd_here(
        *("export", "--format", "package", "--output", output, "--library", tmp_path / "library")
    )

    assert run.returncode == 1
    assert "a payer needs an identifier with system and value" in run.stderr
    assert not output.exists()


def test_the_portable_view_lists_what_it_leaves_out(tmp_path: Path) -> None:
    """By rule, on stderr; nothing of our extension travels."""
    output = tmp_path / "file"
    run = crd_here("export", "--format", "transaction", "--view", "portable", "--output", output)
    rule = "left out: anthem-surg-00126-20240401#unlisted-93799-unspecified: "

    assert run.returncode == 0, run.stderr
    assert any(line.startswith(rule) for line in run.stderr.splitlines())
    assert "coverage-determination" not in output.read_text().replace(
        "coverage-determination-reason", ""
    )
