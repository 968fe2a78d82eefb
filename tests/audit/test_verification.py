"""`verify` finds and names the first record that is not what was signed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from signed_logs import (
    AUDIT_KEY,
    SIGNER,
    START,
    answer_of,
    open_store,
    record_of,
    sequencer_of,
    signer_called,
    write_answers,
    write_records,
)
from sqlalchemy import Connection, Engine, delete, insert, select, update

from cds_service.audit.checkpoint import split_notes
from cds_service.audit.merkle import leaf_hash
from cds_service.audit.payloads import compress
from cds_service.audit.purge_note import purge_of
from cds_service.audit.record import Kind
from cds_service.audit.signed_note import encode_base64
from cds_service.audit.tree_check import Finding
from cds_service.audit.verification import Verification, VerificationRequest, verify_log
from cds_service.cli.audit.trust import notes_in
from cds_service.database.engine import writing
from cds_service.database.tables import CHECKPOINT, LEAF, LIBRARY, MENTION, RECORD

NOW = START + timedelta(hours=1)
# The log under test: ten rounds, whose checkpoints are of these sizes.
ROUNDS = (1, 2, 3, 4, 8, 12, 16, 17, 18, 20)
Change = Callable[[Connection], object]
JsonObject = dict[str, Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the copy of the checkpoints is."""
    return tmp_path / "outside"


@pytest.fixture
def engine(database_url: str, home: Path) -> Iterator[Engine]:
    """A store of 20 answers, all signed."""
    store = open_store(database_url)
    sequencer, start = sequencer_of(store, home / "checkpoints"), 0
    for size in ROUNDS:
        write_answers(store, range(start, size))
        sequencer.run_round()
        start = size
    yield store
    store.dispose()


def verified(
    engine: Engine, home: Path | None, *, audit_key: bytes | None = AUDIT_KEY
) -> Verification:
    """What a verification finds, with the copy in this directory if there is one."""
    copied = None
    if home is not None:
        lines = (home / "checkpoints").read_text("utf-8").splitlines(keepends=True)
        copied = list(split_notes(lines))
    request = VerificationRequest(
        verifiers=[SIGNER.verifier], audit_key=audit_key, copied=copied, now=NOW
    )
    return verify_log(engine, request, lambda _done, _of: None)


def key_of(number: int) -> str:
    """The record that has this number."""
    return f"record-{number:06}"


def flip(connection: Connection, table: object, column: str, number: int) -> None:
    """Flip one bit of a column of bytes in the row of a record."""
    key = RECORD.c.id if table is RECORD else LEAF.c.record_id
    row = RECORD if table is RECORD else LEAF
    (octets,) = connection.execute(select(row.c[column]).where(key == key_of(number))).one()
    flipped = octets[:-1] + bytes([octets[-1] ^ 1])
    connection.execute(update(row).where(key == key_of(number)).values({column: flipped}))


def rewrite(connection: Connection, number: int, *, with_leaf: bool) -> None:
    """Replace a payload by another sound one, as somebody would who knows how."""
    payload = answer_of(number, response={"cards": []}).payload
    (salt,) = connection.execute(select(RECORD.c.salt).where(RECORD.c.id == key_of(number))).one()
    values = {"payload": compress(payload)}
    connection.execute(update(RECORD).where(RECORD.c.id == key_of(number)).values(values))
    if with_leaf:
        leaf = update(LEAF).where(LEAF.c.record_id == key_of(number))
        connection.execute(leaf.values(hash=leaf_hash(salt + payload)))


def swap_numbers(connection: Connection, first: int, second: int) -> None:
    """Change the places of two records."""
    for number, place in ((first, -1), (second, first), (first, second)):
        leaf = update(LEAF).where(LEAF.c.record_id == key_of(number))
        connection.execute(leaf.values(number=place))


def remove(connection: Connection, number: int, *, with_leaf: bool) -> None:
    """Delete a record with its mentions."""
    connection.execute(delete(RECORD).where(RECORD.c.id == key_of(number)))
    connection.execute(delete(MENTION).where(MENTION.c.record_id == key_of(number)))
    if with_leaf:
        connection.execute(delete(LEAF).where(LEAF.c.record_id == key_of(number)))


def move_salt(connection: Connection) -> None:
    """Move a byte from the payload to the salt: the leaf hash stays the same."""
    payload = answer_of(9).payload
    (salt,) = connection.execute(select(RECORD.c.salt).where(RECORD.c.id == key_of(9))).one()
    values = {"salt": salt + payload[:1], "payload": compress(payload[1:])}
    connection.execute(update(RECORD).where(RECORD.c.id == key_of(9)).values(values))


def set_column(column: str, value: object) -> Change:
    """Change a column of record 9."""
    return lambda connection: connection.execute(
        update(RECORD).where(RECORD.c.id == key_of(9)).values({column: value})
    )


def of_mentions(statement: Callable[[], object]) -> Change:
    """Change the mentions of record 9."""
    return lambda connection: connection.execute(statement())  # type: ignore[call-overload]


def nine(fault: str) -> Finding:
    """The finding about record 9."""
    return Finding(number=9, key=key_of(9), fault=fault)


EXTRA = {"record_id": key_of(9), "name": "payer", "value": "other"}
OF_NINE = MENTION.c.record_id == key_of(9)
CHANGES: dict[str, tuple[Change, Finding]] = {
    "a bit of a payload": (
        lambda connection: flip(connection, RECORD, "payload", 9),
        nine("its payload was altered: it cannot be decompressed"),
    ),
    "a payload": (
        lambda connection: rewrite(connection, 9, with_leaf=False),
        nine("its payload or salt was altered"),
    ),
    "a bit of a salt": (
        lambda connection: flip(connection, RECORD, "salt", 9),
        nine("its payload or salt was altered"),
    ),
    "the border of salt and payload": (move_salt, nine("its salt was altered")),
    "a bit of a leaf": (
        lambda connection: flip(connection, LEAF, "hash", 9),
        nine("its leaf hash was altered"),
    ),
    "a payload with its leaf, alone under a checkpoint": (
        lambda connection: rewrite(connection, 16, with_leaf=True),
        Finding(
            number=16,
            key=key_of(16),
            fault="it was replaced together with its leaf hash: the signed root for size 17 is "
            "another",
        ),
    ),
    "a payload with its leaf, among others": (
        lambda connection: rewrite(connection, 9, with_leaf=True),
        Finding(
            number=8,
            fault="one of the records from number 8 to 11 was replaced together with its leaf "
            "hash: the signed root for size 12 is another",
        ),
    ),
    "a client": (set_column("client", "other"), nine("its column `client` was altered")),
    "an issuer": (set_column("issuer", "other"), nine("its column `issuer` was altered")),
    "a hook": (set_column("hook", "other"), nine("its column `hook` was altered")),
    "a status": (set_column("status", 201), nine("its column `status` was altered")),
    "a kind": (set_column("kind", "change"), nine("its column `kind` was altered")),
    "a class": (set_column("class", "reading"), nine("its column `class` was altered")),
    "a time": (set_column("at", START), nine("its column `at` was altered")),
    "a mention": (
        of_mentions(
            lambda: update(MENTION).where(OF_NINE, MENTION.c.name == "payer").values(value="x")
        ),
        nine("a mention of its `payer` was removed or altered"),
    ),
    "a mention of a patient": (
        of_mentions(lambda: delete(MENTION).where(OF_NINE, MENTION.c.name == "patient")),
        nine("a mention of its `patient` was removed or altered"),
    ),
    "a mention more": (
        of_mentions(lambda: insert(MENTION).values(EXTRA)),
        nine("a mention of its `payer` was added or altered"),
    ),
    "two places": (
        lambda connection: swap_numbers(connection, 9, 11),
        Finding(
            number=9,
            key=key_of(11),
            fault=f"its place in the log was changed with that of record {key_of(9)}",
        ),
    ),
    "a record that is gone": (
        lambda connection: remove(connection, 9, with_leaf=False),
        nine("the record is missing, and no signed record of a purge names it"),
    ),
    "a record that is gone with its leaf": (
        lambda connection: remove(connection, 9, with_leaf=True),
        Finding(number=9, fault="the record is missing"),
    ),
    "the last record gone with its leaf": (
        lambda connection: remove(connection, 19, with_leaf=True),
        Finding(number=19, fault="the record is missing"),
    ),
    "a number": (
        lambda connection: connection.execute(
            update(LEAF).where(LEAF.c.number == 9).values(number=99)
        ),
        Finding(number=9, fault="the record is missing"),
    ),
}


@pytest.mark.parametrize("with_copy", [True, False])
def test_a_sound_log_has_no_finding(engine: Engine, home: Path, with_copy: bool) -> None:
    """With the copy or without it, with the key of mentions or without."""
    for audit_key in (AUDIT_KEY, None):
        found = verified(engine, home if with_copy else None, audit_key=audit_key)

        assert found.findings == []
        assert (found.records, found.checkpoints) == (20, 10)
        assert (found.copied, found.uncopied) == ((10, 0) if with_copy else (0, 10))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_and_named(engine: Engine, home: Path, change: str) -> None:
    """The first finding is the record that was changed."""
    alter, expected = CHANGES[change]
    with writing(engine) as connection:
        alter(connection)

    assert verified(engine, home).findings[0] == expected


def test_every_change_is_found_and_not_only_the_first(engine: Engine, home: Path) -> None:
    """After a root that does not fit, the next checkpoint's edge leads on."""
    with writing(engine) as connection:
        rewrite(connection, 1, with_leaf=True)
        remove(connection, 5, with_leaf=True)
        flip(connection, RECORD, "salt", 13)
        rewrite(connection, 16, with_leaf=True)

    numbers = [finding.number for finding in verified(engine, home).findings]
    assert numbers == [1, 5, 13, 16]


def test_a_record_put_in_past_the_service_is_found(engine: Engine, home: Path) -> None:
    """With no leaf; with a leaf and no number; with a number of its own choice."""
    write_answers(engine, [30, 31, 32])
    with writing(engine) as connection:
        connection.execute(delete(LEAF).where(LEAF.c.record_id == key_of(30)))
        connection.execute(update(LEAF).where(LEAF.c.record_id == key_of(32)).values(number=20))

    assert verified(engine, home).findings == [
        Finding(
            number=20,
            key=key_of(32),
            fault="no checkpoint covers it: it is an extra record, or a checkpoint was removed",
        ),
        Finding(
            key=key_of(31),
            fault="it has no number: it was added past the service, or the sequencer does not run",
        ),
        Finding(
            key=key_of(30),
            fault="an extra record: it has no leaf, so it was added past the service",
        ),
    ]


def test_a_record_written_just_now_may_wait_for_its_number(engine: Engine, home: Path) -> None:
    """It is counted, and checked all the same."""
    write_records(
        engine, [record_of("late", Kind.ANSWER, NOW, {}), record_of("bad", Kind.ANSWER, NOW, {})]
    )
    with writing(engine) as connection:
        connection.execute(update(RECORD).where(RECORD.c.id == "bad").values(client="other"))
    found = verified(engine, home)

    assert found.waiting == 2
    assert found.findings == [Finding(key="bad", fault="its column `client` was altered")]


def test_mentions_of_no_record_are_found(engine: Engine, home: Path) -> None:
    """They would lead a search to nothing."""
    with writing(engine) as connection:
        connection.execute(insert(MENTION).values({**EXTRA, "record_id": "nobody"}))

    assert verified(engine, home).findings == [
        Finding(key="nobody", fault="mentions of it are there, and the record is not")
    ]


def test_altered_policies_are_found(engine: Engine, home: Path) -> None:
    """A replay by the policies of then rests on them; they are kept by the digest of their text."""
    digest = f"sha256:{sha256(b'[]').hexdigest()}"
    row = {"digest": digest, "at": NOW, "payload": compress(b"[]")}
    with writing(engine) as connection:
        connection.execute(insert(LIBRARY).values(row))
    assert verified(engine, home).findings == []
    for payload in (compress(b"[1]"), b"no zstandard"):
        with writing(engine) as connection:
            connection.execute(update(LIBRARY).values(payload=payload))

        fault = f"{digest}: the policies that are kept under this digest were altered"
        assert verified(engine, home).findings == [Finding(fault=fault)]


def test_policies_that_are_gone_are_found(engine: Engine, home: Path) -> None:
    """Records name them, and without them no answer can be given again."""
    write_records(engine, [record_of("late", Kind.ANSWER, NOW, {"library": "sha256:1"})])
    sequencer_of(engine, home / "checkpoints").run_round()

    fault = "sha256:1: the policies that records were answered by are not kept under this digest"
    assert verified(engine, home).findings == [Finding(fault=fault)]


@pytest.mark.parametrize("content", ["", "no checkpoint"])
def test_a_copy_that_was_emptied_is_found(engine: Engine, home: Path, content: str) -> None:
    """The database knows what was published; a copy that is older has some of it at least."""
    (home / "checkpoints").write_text(content)

    fault = "checkpoints up to size 20 were published, and the copy has none"
    assert verified(engine, home).findings == [Finding(fault=fault)]


def test_a_purged_record_is_no_finding(engine: Engine, home: Path) -> None:
    """If an intact record of a change names it, and only then."""
    change = record_of("purge-1", Kind.CHANGE, NOW, purge_of([key_of(9), key_of(3)], SIGNER))
    write_records(engine, [change])
    sequencer_of(engine, home / "checkpoints").run_round()
    with writing(engine) as connection:
        remove(connection, 9, with_leaf=False)
    found = verified(engine, home)
    with writing(engine) as connection:
        connection.execute(update(RECORD).where(RECORD.c.id == "purge-1").values(salt=bytes(16)))

    assert found.findings == []
    assert found.purged == 1
    assert [finding.number for finding in verified(engine, home).findings] == [9, 20]


OTHER = signer_called("log.example/one", 8)
OLD = purge_of([key_of(3)], SIGNER)  # of another purge, which the log has signed
FORGED: dict[str, JsonObject] = {
    "nobody signed it": {"purged": [key_of(9)]},
    "another key signed it": purge_of([key_of(9)], OTHER),
    "it was signed for other records": {**OLD, "purged": [key_of(9), key_of(3)]},
    "a checkpoint stands for the signature": {
        "purged": [key_of(9)],
        "signed": SIGNER.sign(f"{SIGNER.name}\n1\n{encode_base64(bytes(32))}\n"),
    },
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED)
def test_a_record_of_a_purge_that_was_made_up_excuses_nothing(
    engine: Engine, home: Path, content: JsonObject
) -> None:
    """The sequencer numbers and signs what the database's owner puts in; that is no purge."""
    write_records(engine, [record_of("purge-1", Kind.CHANGE, NOW, content)])
    sequencer_of(engine, home / "checkpoints").run_round()
    with writing(engine) as connection:
        remove(connection, 9, with_leaf=False)

    fault = "the record is missing, and no signed record of a purge names it"
    assert verified(engine, home).findings == [nine(fault)]


CHECKPOINTS: dict[str, tuple[Change, str]] = {
    "removed": (
        lambda connection: connection.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size == 12)),
        "the checkpoint of size 12 is in the copy and not in the database",
    ),
    "another root": (
        lambda connection: connection.execute(
            update(CHECKPOINT).where(CHECKPOINT.c.size == 12).values(root=bytes(32))
        ),
        "the checkpoint of size 12 was altered: its note is of another tree",
    ),
    "another edge": (
        lambda connection: connection.execute(
            update(CHECKPOINT).where(CHECKPOINT.c.size == 12).values(edge=bytes(64))
        ),
        "the checkpoint of size 12 was altered: its right edge is of another tree",
    ),
    "another note": (
        lambda connection: connection.execute(
            update(CHECKPOINT).where(CHECKPOINT.c.size == 12).values(note="x")
        ),
        "the checkpoint of size 12 was altered: it is not a signed note",
    ),
    "another's signature": (
        lambda connection: connection.execute(
            update(CHECKPOINT)
            .where(CHECKPOINT.c.size == 12)
            .values(note=signer_called("other", seed=9).sign("log.example/one\n12\n\n"[:-1]))
        ),
        "the checkpoint of size 12 was altered: no known key signed it (signed by other)",
    ),
}


@pytest.mark.parametrize("change", CHECKPOINTS)
def test_a_changed_checkpoint_is_found(engine: Engine, home: Path, change: str) -> None:
    """It is named by its size, and no record is blamed for it."""
    alter, expected = CHECKPOINTS[change]
    with writing(engine) as connection:
        alter(connection)

    assert verified(engine, home).findings == [Finding(fault=expected)]


def test_a_database_that_was_put_back_is_found_by_the_copy(engine: Engine, home: Path) -> None:
    """All that it lacks; without the copy it looks sound, which is what the copy is for."""
    with writing(engine) as connection:
        connection.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size > 12))
        for number in range(12, 20):
            remove(connection, number, with_leaf=True)
    first, *others = verified(engine, home).findings

    assert first.number == 12
    assert first.fault == "the copy has a checkpoint of size 16, the database ends before"
    assert len(others) >= 3
    assert verified(engine, None).findings == []


def test_a_log_written_anew_is_found_by_the_copy(engine: Engine, home: Path) -> None:
    """Somebody with the database and the key changes a record and signs everything again."""
    with writing(engine) as connection:
        rewrite(connection, 16, with_leaf=True)
        connection.execute(delete(CHECKPOINT))
        connection.execute(update(LEAF).values(number=None))
    forged = home / "forged"
    sequencer_of(engine, forged).run_round()

    assert verified(engine, None).findings == []
    assert "is in the copy and not in the database" in str(verified(engine, home).findings)


def test_a_copy_that_was_changed_is_found(engine: Engine, home: Path) -> None:
    """A checkpoint cut out of it, one altered, and one out of order."""
    notes = list(split_notes((home / "checkpoints").read_text("utf-8").splitlines(keepends=True)))
    altered = notes[4].replace("\n8\n", "\n7\n")
    (home / "checkpoints").write_text("\n".join([notes[3], *notes[:3], altered, *notes[6:]]))
    faults = [finding.fault for finding in verified(engine, home).findings]

    assert faults == [
        "the checkpoint of size 1 was removed from the copy",
        "the checkpoint of size 2 was removed from the copy",
        "the checkpoint of size 3 was removed from the copy",
        "the copy's checkpoint 2 is smaller than the one before",
        "the copy's checkpoint 3 is smaller than the one before",
        "the copy's checkpoint 4 is smaller than the one before",
        "the copy's checkpoint 5 was altered: the signature by log.example/one is not of this text",
        "the checkpoint of size 8 was removed from the copy",
        "the checkpoint of size 12 was removed from the copy",
    ]


def test_checkpoints_that_have_not_reached_the_copy_are_no_finding(
    engine: Engine, home: Path
) -> None:
    """They are counted."""
    notes = list(split_notes((home / "checkpoints").read_text("utf-8").splitlines(keepends=True)))
    (home / "checkpoints").write_text("\n".join(notes[:8]))
    found = verified(engine, home)

    assert found.findings == []
    assert found.uncopied == 2


def test_a_store_in_use_has_no_false_finding(engine: Engine, home: Path) -> None:
    """While records are written, numbered, signed, published and purged."""
    sequencer, done = sequencer_of(engine, home / "checkpoints"), Event()

    def use() -> None:
        for number in range(100, 130):
            write_answers(engine, [number])
            purged = purge_of([key_of(number - 1)], SIGNER)
            change = record_of(f"purge-{number}", Kind.CHANGE, NOW, purged)
            write_records(engine, [change])
            with writing(engine) as connection:
                remove(connection, number - 1, with_leaf=False)
            sequencer.run_round()
        done.set()

    user = Thread(target=use)
    user.start()
    found: list[Finding] = []
    while not done.is_set() and user.is_alive():
        copied = notes_in(home / "checkpoints")
        request = VerificationRequest(
            verifiers=[SIGNER.verifier], audit_key=AUDIT_KEY, copied=copied, now=START
        )
        found += verify_log(engine, request, lambda _done, _of: None).findings
    user.join()

    assert done.is_set()
    assert found == []
    assert verified(engine, home).purged == 29
