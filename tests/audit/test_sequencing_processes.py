"""Two sequencers at once, killed at any moment: no gap, no number twice, no fork, none unsent."""

import random
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sequencing import sequencer_at, start_sequencer
from signed_logs import AUDIT_KEY, SIGNER, START, open_store, write_answers
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from cds_service.audit.checkpoint import split_notes, verify_checkpoint
from cds_service.audit.verification import Verification, VerificationRequest, verify_log
from cds_service.database.engine import reading
from cds_service.database.tables import CHECKPOINT

pytestmark = pytest.mark.long

RECORDS, KILLS = 300, 6


def sizes_in(copy: Path) -> list[int]:
    """The sizes of the checkpoints in a file, in its order."""
    lines = copy.read_text("utf-8").splitlines(keepends=True)
    return [verify_checkpoint(note, [SIGNER.verifier]).size for note in split_notes(lines)]


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a sequencer as an operator does."""
    process.terminate()
    assert process.wait(60) == 0


def test_two_sequencers_that_are_killed_leave_one_whole_log(
    database_url: str, tmp_path: Path
) -> None:
    """While records are written; the next start finishes what the killed ones left."""
    engine, copy = open_store(database_url), tmp_path / "copy"
    chance = random.Random(7)  # noqa: S311  # for when to kill
    running = [start_sequencer(database_url, copy) for _ in range(2)]
    for number in range(RECORDS):
        write_with_patience(engine, number)
        if number % (RECORDS // KILLS) == RECORDS // KILLS - 1:
            time.sleep(chance.uniform(0, 0.5))
            victim = running.pop(0)
            victim.kill()
            victim.wait(60)
            running.append(start_sequencer(database_url, copy))
    for process in running:
        stop(process)
    finish(engine, copy)

    with reading(engine) as connection:
        sizes = list(connection.scalars(select(CHECKPOINT.c.size).order_by(CHECKPOINT.c.size)))
    found = verified(engine, copy)
    engine.dispose()
    assert found.findings == []
    assert (found.records, found.waiting, sizes[-1]) == (RECORDS, 0, RECORDS)
    assert sizes_in(copy) == sizes
    # What was handed on before a kill, and not marked so, came once more.
    assert sorted(set(sizes_in(Path(f"{copy}.command")))) == sizes


def write_with_patience(engine: Engine, number: int) -> None:
    """Write a record, again if the database was locked for a second."""
    for _ in range(10):
        try:
            write_answers(engine, [number])
        except OperationalError:
            continue
        return
    pytest.fail("the sequencers keep writers out")


def finish(engine: Engine, copy: Path) -> None:
    """What the next start does: number and publish all that is left."""
    sequencer = sequencer_at(engine, copy)
    for _ in range(RECORDS):
        sequencer.run_round(is_last=True)
        if not sequencer.health().unpublished:
            break


def verified(engine: Engine, copy: Path) -> Verification:
    """What a verification finds."""
    with copy.open(encoding="utf-8") as lines:
        request = VerificationRequest(
            verifiers=[SIGNER.verifier],
            audit_key=AUDIT_KEY,
            copied=split_notes(lines),
            now=START + timedelta(days=1),
        )
        return verify_log(engine, request, lambda _done, _of: None)
