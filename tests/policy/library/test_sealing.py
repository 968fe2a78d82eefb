"""Seals: what is unchanged is not proved again, and nothing else is taken on their word."""

import json
import shutil
from collections.abc import Callable
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
from cds_service.policy.library.sealing import NO_SEAL, SEAL, Seal, read_seal, write_seal
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


def _without_files(written: dict[str, Any]) -> None:
    del written["files"]


def _with_numbers(written: dict[str, Any]) -> None:
    written["files"] = dict.fromkeys(written["files"], 1)


def _as_a_list(written: dict[str, Any]) -> None:
    written["files"] = list(written["files"])


@pytest.mark.parametrize(
    "alter", [_of_another_release, _by_another_proof, _without_files, _with_numbers, _as_a_list]
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
