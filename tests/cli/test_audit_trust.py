"""`crd audit verify`, `prove`, `check-proof` and `key`, as an operator and a reviewer use them."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from signed_logs import AUDIT_KEY, open_store, sequencer_of, signer_called, write_answers
from sqlalchemy import Engine, delete, select, update

from cds_service.audit.audit_key import FILE_NAME
from cds_service.audit.sequencer import CHECKPOINTS
from cds_service.audit.signing_key import find_signer
from cds_service.cli.audit.group import audit
from cds_service.database.engine import reading, writing
from cds_service.database.tables import CHECKPOINT, RECORD


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with its keys."""
    home = tmp_path / "data"
    find_signer("", home)
    (home / FILE_NAME).touch(0o600)
    (home / FILE_NAME).write_bytes(AUDIT_KEY)
    return home


@pytest.fixture
def engine(data: Path) -> Iterator[Engine]:
    """Its store: 20 answers under two checkpoints."""
    store = open_store(f"sqlite:///{data / 'crd.sqlite3'}")
    sequencer = sequencer_of(store, data / CHECKPOINTS, signer=find_signer("", data))
    for numbers in (range(12), range(12, 20)):
        write_answers(store, numbers)
        sequencer.run_round()
    yield store
    store.dispose()


def crd_audit(*arguments: object) -> Result:
    """A run of `crd audit`."""
    return CliRunner().invoke(audit, list(map(str, arguments)))


def test_a_sound_store_is_shown_as_a_table_of_what_was_checked(engine: Engine, data: Path) -> None:
    """With exit status 0; nothing is written to the store by it."""
    run = crd_audit("verify", "--data-dir", data)

    assert run.exit_code == 0, run.output
    lines = [line.split("  ")[0] for line in run.stdout.splitlines()]
    assert lines == [
        "Checked",
        "records",
        "purged records",
        "records without a number yet",
        "checkpoints in the database",
        "checkpoints in the copy",
        "checkpoints not in the copy yet",
        "All records are as they were signed.",
    ]
    assert f"against {data / CHECKPOINTS}" in run.stdout
    with reading(engine) as connection:
        assert len(connection.execute(select(RECORD.c.id)).all()) == 20


def test_an_altered_record_is_named_first(engine: Engine, data: Path) -> None:
    """With exit status 1."""
    with writing(engine) as connection:
        for key in ("record-000003", "record-000015"):
            values = {"client": "other"}
            connection.execute(update(RECORD).where(RECORD.c.id == key).values(values))
    run = crd_audit("verify", "--data-dir", data)

    assert run.exit_code == 1
    assert run.stdout.splitlines()[-2:] == [
        "FOUND: number 3, record record-000003: its column `client` was altered",
        "  then: number 15, record record-000015: its column `client` was altered",
    ]


def test_a_key_of_others_verifies_nothing(engine: Engine, data: Path, tmp_path: Path) -> None:
    """Keys are given as text or in a file; without any, our own is taken."""
    other = signer_called("other").verifier
    keys = tmp_path / "keys"
    keys.write_text(f"{other}\n{find_signer('', data).verifier}\n")

    assert crd_audit("verify", "--data-dir", data, "--public-key", other).exit_code == 1
    assert crd_audit("verify", "--data-dir", data, "--public-key", keys).exit_code == 0
    assert engine.dialect.name == "sqlite"


def test_what_is_not_compared_is_said(engine: Engine, data: Path) -> None:
    """Where no copy is at hand, and where the audit key is not."""
    (data / CHECKPOINTS).unlink()
    (data / FILE_NAME).unlink()
    run = crd_audit("verify", "--data-dir", data)

    assert run.exit_code == 0
    assert "NOT compared: name a copy with --checkpoints FILE" in run.stdout
    assert "for want of --audit-key" in run.stdout
    assert engine.dialect.name == "sqlite"


def test_a_checkpoint_removed_from_the_database_is_found_by_a_copy(
    engine: Engine, data: Path, tmp_path: Path
) -> None:
    """The copy may be anywhere."""
    kept = (data / CHECKPOINTS).rename(tmp_path / "kept elsewhere")
    with writing(engine) as connection:
        connection.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size == 12))

    assert crd_audit("verify", "--data-dir", data).exit_code == 0
    run = crd_audit("verify", "--data-dir", data, "--checkpoints", kept)
    assert run.exit_code == 1
    assert "the checkpoint of size 12 is in the copy and not in the database" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--public-key", "a+b+c"), "--public-key"),
        (("--public-key", "absent"), "neither a key nor a file of keys"),
        (("--checkpoints", "absent"), "--checkpoints: there is no file absent"),
        (("--checkpoint-key", "absent"), "name the log's public key with --public-key"),
        (("--database", "mysql://x"), "must look like"),
        (("--database", "sqlite:////nowhere/at/all/crd.sqlite3"), "--database"),
    ],
)
def test_what_cannot_be_checked_ends_with_status_2(
    engine: Engine, data: Path, arguments: tuple[str, ...], problem: str
) -> None:
    """Which is neither a finding nor all well."""
    if "/nowhere" in arguments[-1]:
        blocked = data / "blocked"
        blocked.touch()
        arguments = ("--database", f"sqlite:///{blocked / 'crd.sqlite3'}")
    run = crd_audit("verify", "--data-dir", data, *arguments)

    assert run.exit_code == 2
    assert problem in run.stderr
    assert engine.dialect.name == "sqlite"


def test_an_answer_is_proved_and_the_proof_checked_without_the_store(
    engine: Engine, data: Path, tmp_path: Path
) -> None:
    """The reading is recorded; the file is its owner's alone."""
    proof, public = tmp_path / "proof.json", find_signer("", data).verifier
    made = crd_audit("prove", "a-record-000007", "--output", proof, "--data-dir", data)
    checked = crd_audit("check-proof", proof, "--public-key", public)
    shown = crd_audit("check-proof", proof, "--public-key", public, "--json")

    assert made.exit_code == 0, made.output
    assert checked.exit_code == 0
    assert "record-000007" in checked.stdout
    assert json.loads(shown.stdout)["id"] == "record-000007"
    assert stat.S_IMODE(proof.stat().st_mode) == 0o600
    with reading(engine) as connection:
        kinds = list(connection.scalars(select(RECORD.c.kind)))
    assert kinds.count("reading") == 1


def test_a_forged_proof_ends_with_status_1(engine: Engine, data: Path, tmp_path: Path) -> None:
    """One that is checked with no key, or is no proof, with status 2."""
    proof, public = tmp_path / "proof.json", find_signer("", data).verifier
    crd_audit("prove", "a-record-000007", "--output", proof, "--data-dir", data)
    proof.write_text(proof.read_text().replace("icare", "other"))
    forged = crd_audit("check-proof", proof, "--public-key", public)

    assert forged.exit_code == 1
    assert "NOT PROVED: its record is another one" in forged.stdout
    assert crd_audit("check-proof", proof).exit_code == 2
    proof.write_text("{}")
    assert crd_audit("check-proof", proof, "--public-key", public).exit_code == 2
    assert engine.dialect.name == "sqlite"


def test_what_is_not_there_is_not_proved(engine: Engine, data: Path, tmp_path: Path) -> None:
    """An id of nothing; a file that cannot be written."""
    absent = crd_audit("prove", "nobody", "--output", tmp_path / "proof", "--data-dir", data)
    record = "a-record-000007"
    unwritable = crd_audit("prove", record, "--output", data / "no" / "proof", "--data-dir", data)

    assert (absent.exit_code, unwritable.exit_code) == (1, 1)
    assert "no record has this assertion id" in absent.stderr
    assert "cannot write" in unwritable.stderr
    assert engine.dialect.name == "sqlite"


def test_the_public_key_is_printed_as_notes_write_it(data: Path) -> None:
    """And is the one that checkpoints are signed with."""
    run = crd_audit("key", "--data-dir", data)

    assert run.stdout == f"{find_signer('', data).verifier}\n"
