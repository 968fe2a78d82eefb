"""Seals: what is unchanged is not proved again, and nothing else is taken on their word."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_library import organization

from cds_service.errors import ArtifactError
from cds_service.fhir.resource import JsonObject, decode, encode
from cds_service.policy.library.artifacts import Library, builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.proving import Prover
from cds_service.policy.library.sealing import (
    ANY_MODELS,
    NO_SEAL,
    SEAL,
    Seal,
    read_seal,
    write_seal,
)
from cds_service.policy.library.snapshot import digest
from cds_service.policy.run.rules import Rule

PAYER = "Organization-acme.json"


class Witness(Prover):
    """A prover that tells which files it has proved."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def _prove(self, path: Path, body: bytes, resource: JsonObject) -> None:
        self.seen.append(path.name)
        super()._prove(path, body, resource)


def read(directory: Path) -> list[str]:
    """The files that are proved when a directory is read."""
    witness = Witness()
    read_library([directory], prover=witness)
    return witness.seen


def seal(directory: Path) -> Path:
    """Prove a directory thoroughly and seal it."""
    prover = Prover(thorough=True)
    read_library([directory], prover=prover)
    return write_seal(directory, prover.proved)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two sealed files."""
    for name in ("acme", "umbra"):
        (tmp_path / f"Organization-{name}.json").write_bytes(encode(organization(name)))
    seal(tmp_path)
    return tmp_path


def test_what_is_sealed_is_not_proved_again(library: Path) -> None:
    """Nor need it be: its bytes are those that were proved."""
    assert read(library) == []


def test_a_changed_file_is_proved_and_no_other(library: Path) -> None:
    """A blank more is a change."""
    file = library / PAYER
    file.write_bytes(file.read_bytes() + b" ")

    assert read(library) == [PAYER]


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0), value=st.integers(0, 255))
def test_no_byte_can_change_under_a_seal(place: int, value: int) -> None:
    """Whichever it is, and whatever it becomes."""
    body = encode(organization("acme"))
    at = place % len(body)
    changed = body[:at] + bytes([value]) + body[at + 1 :]
    covering = Seal({PAYER: sha256(body).hexdigest()})

    assert covering.covers(PAYER, body)
    assert covering.covers(PAYER, changed) is (changed == body)


def test_a_broken_file_is_refused_though_the_old_one_was_sealed(library: Path) -> None:
    """By the same words as without a seal."""
    (library / PAYER).write_bytes(encode({**organization("acme"), "active": "yes"}))

    with pytest.raises(ArtifactError, match="active"):
        read_library([library])


def test_a_new_file_is_proved(library: Path) -> None:
    """The seal does not know it."""
    (library / "Organization-new.json").write_bytes(encode(organization("new")))

    assert read(library) == ["Organization-new.json"]


def test_a_sealed_file_under_another_name_is_proved(library: Path) -> None:
    """As when it is moved into another directory of the library."""
    (library / "moved").mkdir()
    (library / PAYER).rename(library / "moved" / PAYER)

    assert read(library) == [PAYER]


def _of_another_release(written: dict[str, Any]) -> None:
    written["program"] = "0.0.1"


def _by_another_proof(written: dict[str, Any]) -> None:
    written["proof"] = f"sha256:{'0' * 64}"


def _by_other_models(written: dict[str, Any]) -> None:
    written["models"] = "pydantic 1.9"


def _without_files(written: dict[str, Any]) -> None:
    del written["files"]


def _with_numbers(written: dict[str, Any]) -> None:
    written["files"] = dict.fromkeys(written["files"], 1)


def _as_a_list(written: dict[str, Any]) -> None:
    written["files"] = list(written["files"])


@pytest.mark.parametrize(
    "alter",
    [
        _of_another_release,
        _by_another_proof,
        _by_other_models,
        _without_files,
        _with_numbers,
        _as_a_list,
    ],
)
def test_a_foreign_seal_is_heeded_for_no_file(
    library: Path, alter: Callable[[dict[str, Any]], None]
) -> None:
    """A new release proves again, and so does one whose proof is another under the same version."""
    written = decode((library / SEAL).read_bytes())
    alter(written)
    (library / SEAL).write_bytes(encode(written))

    assert read(library) == [PAYER, "Organization-umbra.json"]


@pytest.mark.parametrize("written", [b"", b"[]", b"{", b'"a text"', b"\xff"])
def test_what_is_no_seal_is_heeded_for_no_file(library: Path, written: bytes) -> None:
    """One that was cut short while it was copied, say."""
    (library / SEAL).write_bytes(written)

    assert read(library) == [PAYER, "Organization-umbra.json"]


def test_a_seal_that_lacks_a_file_is_heeded_for_the_others(library: Path) -> None:
    """What it does not list is proved."""
    written = decode((library / SEAL).read_bytes())
    del written["files"][PAYER]
    (library / SEAL).write_bytes(encode(written))

    assert read(library) == [PAYER]


def test_a_seal_for_other_bytes_is_not_heeded(library: Path) -> None:
    """As when a seal comes from another library."""
    written = decode((library / SEAL).read_bytes())
    written["files"][PAYER] = written["files"]["Organization-umbra.json"]
    (library / SEAL).write_bytes(encode(written))

    assert read(library) == [PAYER]


def test_what_is_no_resource_is_refused_whatever_the_seal_tells(library: Path) -> None:
    """A seal made by hand does not make a list a policy."""
    (library / PAYER).write_bytes(b"[]")
    write_seal(library, {library / PAYER: sha256(b"[]").hexdigest()})

    with pytest.raises(ArtifactError, match="not a FHIR resource"):
        read_library([library])


def test_what_a_sealed_policy_refers_to_is_checked_each_time(tmp_path: Path) -> None:
    """Its own file is as it was; the ValueSet that it needs has been taken away."""
    copy = tmp_path / "library"
    shutil.copytree(builtin_library(), copy)
    seal(copy)
    next(copy.rglob("ValueSet-icare-*.json")).unlink()
    library = read_library([copy])

    with pytest.raises(ArtifactError, match="PlanDefinition-icare"):
        compile_library(library, base_url="")


def test_a_sealed_library_is_the_one_that_was_proved(tmp_path: Path) -> None:
    """Its digest and its rules are the same, with a seal and without."""
    copy = tmp_path / "library"
    shutil.copytree(builtin_library(), copy)
    (copy / SEAL).unlink()
    unsealed = read_library([copy])
    seal(copy)
    sealed = read_library([copy])

    assert digest(sealed) == digest(unsealed)
    assert _rules(sealed) == _rules(unsealed)


def _rules(library: Library) -> list[tuple[object, ...]]:
    index = compile_library(library, base_url="")
    return [
        (rule.citation, rule.determination, rule.codings, _sources(rule)) for rule in index.rules
    ]


def _sources(rule: Rule) -> list[str]:
    return [condition.expression.source for condition in rule.conditions]


def test_the_built_in_library_is_sealed_by_this_program() -> None:
    """After a change of it, or of what proves it: `crd check --seal`."""
    assert read(builtin_library()) == []


def test_the_built_in_seal_holds_with_every_version_of_the_models() -> None:
    """Made before they are installed; what it stands for is proved here with those that are."""
    prover = Prover(thorough=True)
    read_library([builtin_library()], prover=prover)

    written = decode((builtin_library() / SEAL).read_bytes())
    assert written["models"] == ANY_MODELS
    assert sorted(written["files"].values()) == sorted(prover.proved.values())


def test_a_thorough_proof_heeds_no_seal(library: Path) -> None:
    """Or `crd check` would pass what an altered seal lets through."""
    broken = encode({**organization("acme"), "active": "yes"})
    (library / PAYER).write_bytes(broken)
    write_seal(library, {library / PAYER: sha256(broken).hexdigest()})

    with pytest.raises(ArtifactError, match="active"):
        read_library([library], prover=Prover(thorough=True))


def test_a_directory_without_a_seal_has_one_that_covers_nothing(tmp_path: Path) -> None:
    """Nothing is sealed by default."""
    assert read_seal(tmp_path) == NO_SEAL


def test_a_seal_names_the_files_by_their_place_below_the_directory(library: Path) -> None:
    """So that it moves with the directory, to a container for one."""
    (library / "deep").mkdir()
    (library / "deep" / "Organization-deep.json").write_bytes(encode(organization("deep")))

    written = json.loads(seal(library).read_text("utf-8"))

    assert sorted(written["files"]) == [
        PAYER,
        "Organization-umbra.json",
        "deep/Organization-deep.json",
    ]


NOT_HEEDED: Mapping[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "release": (_of_another_release, "made by program 0.0.1, and here is"),
    "models": (_by_other_models, "made by models pydantic 1.9, and here is fhir.resources "),
    "proof": (_by_another_proof, "made by a program of this version that proves otherwise"),
    "rest": (_without_files, "it is no seal, or not all of one"),
}


@pytest.mark.parametrize("case", NOT_HEEDED)
def test_the_log_tells_why_a_seal_is_not_heeded(
    library: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """How many files were proved again, why, and what makes the next start short again."""
    caplog.set_level("INFO", "cds_service.policy")
    alter, why = NOT_HEEDED[case]
    written = decode((library / SEAL).read_bytes())
    alter(written)
    (library / SEAL).write_bytes(encode(written))

    read(library)

    (line,) = caplog.messages
    assert line.startswith(f"{library / SEAL} is not heeded for 2 files, which each start proves")
    assert why in line
    assert line.endswith("`crd check --seal` makes a new one")


def test_the_log_names_the_files_that_are_not_as_sealed(
    library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Some of them, where there are many; nothing where all are as they were."""
    caplog.set_level("INFO", "cds_service.policy")
    read(library)
    assert caplog.messages == []

    for name in "abcd":
        (library / f"Organization-{name}.json").write_bytes(encode(organization(name)))
    read(library)

    (line,) = caplog.messages
    assert "not heeded for 4 files" in line
    assert "Organization-a.json, Organization-b.json, Organization-c.json, …;" in line


def test_the_log_has_nothing_of_a_directory_that_nobody_sealed(
    library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is as its owner wants it."""
    caplog.set_level("INFO", "cds_service.policy")
    (library / SEAL).unlink()

    assert len(read(library)) == 2
    assert caplog.messages == []


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_seal_that_is_no_file_holds_up_no_start(
    library: Path, make: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody ever writes into that pipe, and the device has no end."""
    caplog.set_level("INFO", "cds_service.policy")
    (library / SEAL).unlink()
    make(library / SEAL)

    assert read(library) == [PAYER, "Organization-umbra.json"]
    assert "it cannot be read: not a regular file" in caplog.text


def test_a_pipe_in_place_of_an_artifact_is_named(library: Path) -> None:
    """It holds up no start either."""
    os.mkfifo(library / "Organization-pipe.json")

    with pytest.raises(ArtifactError, match=r"pipe\.json: \$: cannot be read: not a regular file"):
        read_library([library])


def test_a_seal_over_an_invalid_policy_ends_in_its_fault(tmp_path: Path) -> None:
    """Somebody mended the digest by hand: the status is missed where the policy is compiled."""
    copy = tmp_path / "library"
    shutil.copytree(builtin_library(), copy)
    file = next(copy.rglob("PlanDefinition-icare-*.json"))
    policy = {name: part for name, part in decode(file.read_bytes()).items() if name != "status"}
    file.write_bytes(encode(policy))
    digests = {path: sha256(path.read_bytes()).hexdigest() for path in copy.rglob("*.json")}
    write_seal(copy, digests)

    with pytest.raises(ArtifactError, match=rf"{file.name}: \$\.?.*status") as caught:
        compile_library(read_library([copy]), base_url="")

    assert [fault.path for fault in caught.value.faults] == [file]


def test_a_seal_is_as_readable_as_the_files_it_is_of(library: Path) -> None:
    """Made by one who lets nobody read what he writes, it is for the service all the same."""
    for file in library.glob("*.json"):
        file.chmod(0o644)
    (library / PAYER).chmod(0o640)
    was = os.umask(0o077)
    try:
        made = seal(library)
    finally:
        os.umask(was)

    assert stat.S_IMODE(made.stat().st_mode) == 0o640


def test_what_hinders_a_seal_is_named(tmp_path: Path) -> None:
    """The directory may be a file by now, or gone: there is nothing to clear away then."""
    (tmp_path / "file").write_bytes(b"")

    for directory in (tmp_path / "file", tmp_path / "gone"):
        with pytest.raises(ArtifactError, match="cannot be written: N"):
            write_seal(directory, {})
