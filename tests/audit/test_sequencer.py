"""The sequencer numbers each committed record once, signs the tree, and publishes it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from signed_logs import SIGNER, START, open_store, sequencer_of, signer_called, write_answers
from sqlalchemy import Engine, delete, insert, select, update

from cds_service.audit.checkpoint import split_notes, verify_checkpoint
from cds_service.audit.merkle import Edge, parse_edge
from cds_service.database.engine import reading, writing
from cds_service.database.tables import CHECKPOINT, LEAF
from cds_service.errors import NotPublished


class Pigeon:
    """A witness that takes notes unless it is away."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.is_away = False

    def publish(self, note: str) -> None:
        if self.is_away:
            raise NotPublished("the pigeon is away")
        self.notes.append(note)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty store."""
    store = open_store(database_url)
    yield store
    store.dispose()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The file that checkpoints are published to."""
    return tmp_path / "outside" / "checkpoints"


def numbers_of(engine: Engine) -> list[tuple[int, str]]:
    """Every leaf's number and record."""
    with reading(engine) as connection:
        rows = connection.execute(select(LEAF.c.number, LEAF.c.record_id).order_by(LEAF.c.number))
        return [(row.number, row.record_id) for row in rows]


def sizes_in(copy: Path) -> list[int]:
    """The sizes of the checkpoints in a file, once their signatures are verified."""
    lines = copy.read_text("utf-8").splitlines(keepends=True)
    return [verify_checkpoint(note, [SIGNER.verifier]).size for note in split_notes(lines)]


def check_tree(engine: Engine) -> list[int]:
    """See that every checkpoint is of the leaves below its size; the sizes."""
    with reading(engine) as connection:
        leaves = list(connection.scalars(select(LEAF.c.hash).order_by(LEAF.c.number)))
        rows = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size)).all()
    for row in rows:
        expected = Edge().extended(leaves[: row.size])
        signed = verify_checkpoint(row.note, [SIGNER.verifier])
        assert parse_edge(row.size, row.edge) == expected
        assert (signed.size, signed.root, row.root) == (row.size, expected.root, expected.root)
    return [row.size for row in rows]


def test_committed_records_are_numbered_in_the_order_of_their_time(
    engine: Engine, copy: Path
) -> None:
    """Round by round, without a gap; each round has its checkpoint, here and outside."""
    sequencer = sequencer_of(engine, copy)
    for numbers in ([2, 0, 1], [4, 3], [5]):
        write_answers(engine, numbers)
        sequencer.run_round()

    assert numbers_of(engine) == [(number, f"record-{number:06}") for number in range(6)]
    assert check_tree(engine) == sizes_in(copy) == [3, 5, 6]
    assert sequencer.health().last_size == 6
    assert sequencer.health().why == ""


def test_a_round_without_records_leaves_no_trace(engine: Engine, copy: Path) -> None:
    """No checkpoint of the same size twice, nor one of nothing."""
    sequencer = sequencer_of(engine, copy)
    sequencer.run_round()
    write_answers(engine, range(3))
    for _ in range(3):
        sequencer.run_round()

    assert check_tree(engine) == sizes_in(copy) == [3]


def test_a_backlog_is_numbered_in_batches(engine: Engine, copy: Path) -> None:
    """So that a writer waits for no more than a thousand."""
    write_answers(engine, range(2500))
    sequencer_of(engine, copy).run_round()

    assert check_tree(engine) == sizes_in(copy) == [1000, 2000, 2500]


def test_a_thread_does_all_of_it(engine: Engine, copy: Path) -> None:
    """From start to close, whose last round takes what has come since."""
    sequencer = sequencer_of(engine, copy)
    sequencer.start()
    write_answers(engine, range(3))
    sequencer.close()

    assert len(numbers_of(engine)) == check_tree(engine)[-1] == sizes_in(copy)[-1] == 3


def test_what_was_not_published_before_a_kill_is_published_by_the_next_start(
    engine: Engine, copy: Path
) -> None:
    """The file is cut at every kind of place: nothing of it, half a note, a whole one."""
    sequencer = sequencer_of(engine, copy)
    for number in range(4):
        write_answers(engine, [number])
        sequencer.run_round()
    whole = copy.read_bytes()
    for length in range(0, len(whole), 7):
        copy.write_bytes(whole[:length])
        sequencer_of(engine, copy).run_round()
        assert sizes_in(copy) == [1, 2, 3, 4]
        assert copy.read_bytes() == whole


def test_a_witness_that_is_away_misses_nothing(engine: Engine, copy: Path) -> None:
    """Everything is offered again, in order, and health shows it until then."""
    pigeon = Pigeon()
    sequencer = sequencer_of(engine, copy, pigeon)
    pigeon.is_away = True
    for number in range(3):
        write_answers(engine, [number])
        sequencer.run_round()
    waiting = sequencer.health()
    pigeon.is_away = False
    sequencer.run_round(is_last=True)

    assert waiting.unpublished == 3
    assert waiting.why == "checkpoints are not published: the pigeon is away"
    assert waiting.chain_ok
    assert [verify_checkpoint(note, [SIGNER.verifier]).size for note in pigeon.notes] == [1, 2, 3]
    assert sequencer.health().unpublished == 0
    assert sequencer.health().why == ""


def test_a_witness_that_refuses_is_not_asked_every_round(engine: Engine, copy: Path) -> None:
    """The pause is twice as long every time, so numbering goes on meanwhile."""
    pigeon = Pigeon()
    pigeon.is_away = True
    sequencer = sequencer_of(engine, copy, pigeon, every=1000.0)
    write_answers(engine, [0])
    sequencer.run_round()
    pigeon.is_away = False
    write_answers(engine, [1])
    sequencer.run_round()

    assert pigeon.notes == []
    assert check_tree(engine) == [1, 2]
    assert "the pigeon is away" in sequencer.health().why


def test_a_database_that_was_put_back_is_not_signed(
    engine: Engine, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Loudly, and until somebody acts; the records are still there, without numbers."""
    sequencer = sequencer_of(engine, copy)
    for number in range(4):
        write_answers(engine, [number])
        sequencer.run_round()
    with writing(engine) as connection:
        connection.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size > 2))
        connection.execute(delete(LEAF).where(LEAF.c.number >= 2))
    write_answers(engine, [7])
    for _ in range(3):
        sequencer.run_round()

    health = sequencer.health()
    assert not health.chain_ok
    assert "size 4, the database ends with 2" in health.why
    assert health.unsequenced == 1
    assert sizes_in(copy) == [1, 2, 3, 4]
    loud = [line for line in caplog.messages if line.startswith("TAMPER EVIDENCE")]
    assert len(loud) == 1


def test_a_fork_of_the_log_is_not_signed(engine: Engine, copy: Path, tmp_path: Path) -> None:
    """A database put back that has grown again, on a machine without the copy."""
    sequencer = sequencer_of(engine, copy)
    write_answers(engine, [0, 1])
    sequencer.run_round()
    with writing(engine) as connection:
        connection.execute(delete(CHECKPOINT))
        connection.execute(delete(LEAF))
    write_answers(engine, [2, 3])
    sequencer_of(engine, tmp_path / "elsewhere").run_round()
    write_answers(engine, [4])
    sequencer.run_round()

    assert not sequencer.health().chain_ok
    assert "size 2, for which the database has another root" in sequencer.health().why


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (update(CHECKPOINT).values(root=bytes(32)), "right edge"),
        (update(CHECKPOINT).values(edge=bytes(32)), "right edge"),
        (update(CHECKPOINT).values(edge=b""), "right edge stored for size 2 is damaged"),
        (update(CHECKPOINT).values(note="none"), "not a signed note"),
        (update(CHECKPOINT).values(size=3), "2 records are numbered"),
        (delete(CHECKPOINT), "2 records are numbered"),
        (update(LEAF).where(LEAF.c.number == 1).values(number=9), "10 records are numbered"),
    ],
)
def test_what_was_changed_at_the_end_of_the_log_is_not_signed(
    engine: Engine, copy: Path, change: object, fault: str
) -> None:
    """Even where the copy is lost, and cannot tell."""
    sequencer = sequencer_of(engine, copy)
    write_answers(engine, [0, 1])
    sequencer.run_round()
    copy.unlink()
    with writing(engine) as connection:
        connection.execute(change)  # type: ignore[call-overload]
    write_answers(engine, [2])
    sequencer.run_round()

    assert not sequencer.health().chain_ok
    assert fault in sequencer.health().why


def test_a_new_key_goes_on_with_the_log_that_the_copy_knows(engine: Engine, copy: Path) -> None:
    """Its name stays; without the copy the old key's checkpoint is not trusted."""
    write_answers(engine, [0])
    sequencer_of(engine, copy).run_round()
    second = signer_called("log.example/two", seed=8)
    rotated = sequencer_of(engine, copy, signer=second)
    write_answers(engine, [1])
    rotated.run_round()
    with reading(engine) as connection:
        notes: Sequence[str] = connection.scalars(select(CHECKPOINT.c.note)).all()

    assert rotated.health().chain_ok
    assert [note.split("\n")[0] for note in notes] == ["log.example/one"] * 2
    verify_checkpoint(notes[1], [second.verifier])


def test_a_database_without_tables_is_named_and_not_fatal(engine: Engine, copy: Path) -> None:
    """As any outage that lasts: the next round tries again. One round alone is no outage."""
    sequencer = sequencer_of(engine, copy)
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE leaf RENAME TO mislaid")
    sequencer.run_round()
    once = sequencer.health().why
    for _ in range(5):
        sequencer.run_round()
    why = sequencer.health().why
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE mislaid RENAME TO leaf")
    write_answers(engine, [0])
    sequencer.run_round()

    assert once == ""
    assert why.startswith("the database cannot be used: ")
    assert sequencer.health().why == ""
    assert check_tree(engine) == [1]


def test_lag_is_the_time_since_nothing_waited(engine: Engine, copy: Path) -> None:
    """Zero while nothing waits."""
    times = iter(range(0, 1000, 10))
    sequencer = sequencer_of(engine, copy, clock=lambda: float(next(times)))
    sequencer.run_round()
    caught_up = sequencer.health().lag_seconds
    write_answers(engine, [0])
    with writing(engine) as connection:  # so that nothing can be numbered
        values = {"size": 5, "root": b"", "edge": b"", "note": "", "at": START}
        connection.execute(insert(CHECKPOINT).values(values))
    sequencer.run_round()

    assert caught_up == 0
    assert sequencer.health().unsequenced == 1
    assert sequencer.health().lag_seconds >= 10


def test_sizes_only_grow(engine: Engine, copy: Path) -> None:
    """Also where the copy is at hand only now: it gets all of them."""
    for number in range(3):
        write_answers(engine, [number])
        sequencer_of(engine, copy.with_name("first")).run_round()
    sequencer_of(engine, copy).run_round()

    assert all(smaller < larger for smaller, larger in pairwise(sizes_in(copy)))
    assert len(sizes_in(copy)) == 3
