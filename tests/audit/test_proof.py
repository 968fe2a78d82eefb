"""A proof shows that a record is in the log, without the database; a changed one shows nothing."""

import base64
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from signed_logs import (
    SIGNER,
    answer_of,
    open_store,
    sequencer_of,
    signer_called,
    write_answers,
)
from sqlalchemy import Engine, delete, update

from cds_service.audit.proof import check_proof, prove
from cds_service.audit.reading import Reader
from cds_service.database.engine import writing
from cds_service.database.tables import CHECKPOINT, LEAF, RECORD
from cds_service.errors import AuditError, TamperError
from cds_service.fhir.resource import decode

SIZES = (1, 2, 5, 12, 13, 20)
KNOWN = [SIGNER.verifier]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store of 20 answers under six checkpoints, and one answer that has no number yet."""
    home = tmp_path_factory.mktemp("proofs")
    store = open_store(f"sqlite:///{home / 'crd.sqlite3'}")
    sequencer, start = sequencer_of(store, home / "checkpoints"), 0
    for size in SIZES:
        write_answers(store, range(start, size))
        sequencer.run_round()
        start = size
    write_answers(store, [99])
    yield store
    store.dispose()


def proof_of(engine: Engine, number: int) -> bytes:
    """The proof of the answer of this number, found by its assertion."""
    stored = Reader(engine).by_assertion(f"a-record-{number:06}")
    assert stored is not None
    return prove(engine, stored, KNOWN)


@pytest.mark.parametrize("number", range(20))
def test_every_record_is_proved_by_the_first_checkpoint_that_covers_it(
    engine: Engine, number: int
) -> None:
    """And its content is what was written."""
    proved = check_proof(proof_of(engine, number), KNOWN)

    assert (proved.key, proved.number) == (f"record-{number:06}", number)
    assert proved.checkpoint.size == min(size for size in SIZES if size > number)
    assert proved.content == decode(answer_of(number).payload)


@pytest.mark.parametrize("number", range(20))
def test_a_proof_is_checked_by_hand_as_it_describes(engine: Engine, number: int) -> None:
    """With nothing but a hash function, and no code of ours."""
    proof = json.loads(proof_of(engine, number))
    salt, payload = bytes.fromhex(proof["salt"]), proof["payload"].encode()
    node = sha256(b"\x00" + salt + payload).digest()
    assert node.hex() == proof["leaf"]
    for step in proof["path"]:
        sibling = bytes.fromhex(step["hash"])
        pair = sibling + node if step["side"] == "left" else node + sibling
        node = sha256(b"\x01" + pair).digest()
    _, size, root, *_ = proof["checkpoint"].split("\n")

    assert base64.b64encode(node).decode() == root
    assert str(proof["size"]) == size


CHANGES: dict[str, tuple[str, Any, str]] = {
    "another payload": ("payload", '{"id": "record-000007"}', "the leaf hash does not fit"),
    "another leaf": ("leaf", "00" * 32, "the leaf hash does not fit"),
    "another salt": ("salt", "00" * 16, "the leaf hash does not fit"),
    "a shorter salt": ("salt", "00" * 15, "the leaf hash does not fit"),
    "another number": ("number", 8, "the path does not lead up"),
    "a number outside": ("number", 12, "the path does not lead up"),
    "another size": ("size", 13, "its checkpoint is of size 12, not 13"),
    "no path": ("path", [], "the path does not lead up"),
    "another's checkpoint": (
        "checkpoint",
        signer_called("log.example/two", 9).sign("log.example/two\n1\n" + "A" * 43 + "=\n"),
        "no known key signed it",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_proof_proves_nothing(engine: Engine, change: str) -> None:
    """Whatever member of it is changed."""
    name, value, problem = CHANGES[change]
    proof = json.dumps({**json.loads(proof_of(engine, 7)), name: value}).encode()

    with pytest.raises(TamperError, match=problem):
        check_proof(proof, KNOWN)


def test_payload_and_leaf_changed_together_do_not_fit_the_checkpoint(engine: Engine) -> None:
    """The leaf is computed, not believed."""
    proof = json.loads(proof_of(engine, 7))
    payload = proof["payload"].replace("icare", "other")
    leaf = sha256(b"\x00" + bytes.fromhex(proof["salt"]) + payload.encode()).hexdigest()
    forged = json.dumps({**proof, "payload": payload, "leaf": leaf}).encode()

    with pytest.raises(TamperError, match="the path does not lead up"):
        check_proof(forged, KNOWN)


def test_the_sides_in_a_proof_are_those_of_its_number(engine: Engine) -> None:
    """For whoever checks by hand goes by them."""
    proof = json.loads(proof_of(engine, 7))
    proof["path"][0]["side"] = "right" if proof["path"][0]["side"] == "left" else "left"

    with pytest.raises(TamperError, match="the path does not lead up"):
        check_proof(json.dumps(proof).encode(), KNOWN)


@pytest.mark.parametrize(
    "proof",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": "crd-audit-proof/2"}',
        b'{"format": "crd-audit-proof/1"}',
        b'{"format": "crd-audit-proof/1", "number": 1, "size": 2, "salt": 3}',
        b'{"format": "crd-audit-proof/1", "number": "x", "size": 2, "salt": ""}',
    ],
)
def test_what_is_no_proof_is_named_so(proof: bytes) -> None:
    """It is not read at all, so it is no finding either."""
    with pytest.raises(AuditError, match="not a") as found:
        check_proof(proof, KNOWN)
    assert not isinstance(found.value, TamperError)


def test_a_record_without_a_number_is_not_proved_yet(engine: Engine) -> None:
    """It is a matter of seconds."""
    with pytest.raises(AuditError, match="has no number yet"):
        proof_of(engine, 99)


def test_a_purge_leaves_the_proofs_of_all_others_valid(database_url: str, tmp_path: Path) -> None:
    """Old proofs, and those that are made after it."""
    engine = open_store(database_url)
    write_answers(engine, range(9))
    sequencer_of(engine, tmp_path / "checkpoints").run_round()
    before = proof_of(engine, 4)
    with writing(engine) as connection:
        connection.execute(delete(RECORD).where(RECORD.c.id != "record-000004"))
    after = proof_of(engine, 4)
    engine.dispose()

    assert before == after
    assert check_proof(before, KNOWN).number == 4


def test_nothing_is_proved_by_a_store_that_was_changed(database_url: str, tmp_path: Path) -> None:
    """Whoever proves is told to verify."""
    engine = open_store(database_url)
    write_answers(engine, range(4))
    sequencer_of(engine, tmp_path / "checkpoints").run_round()
    with writing(engine) as connection:
        connection.execute(update(LEAF).where(LEAF.c.number == 2).values(hash=bytes(32)))
    assert check_proof(proof_of(engine, 2), KNOWN).number == 2  # of the record, not of the row
    with pytest.raises(TamperError, match="does not lead up; run `crd audit verify`"):
        proof_of(engine, 1)
    with writing(engine) as connection:
        connection.execute(delete(LEAF).where(LEAF.c.number == 2))
    with pytest.raises(TamperError, match="some are missing"):
        proof_of(engine, 1)
    with writing(engine) as connection:
        connection.execute(delete(CHECKPOINT))
    with pytest.raises(TamperError, match="no checkpoint covers number 1"):
        proof_of(engine, 1)
    engine.dispose()
