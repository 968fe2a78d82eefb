"""A generation over small workers: what it tells them, and whom it takes for dead."""

import os
import signal
from pathlib import Path

import pytest
from web.small_generation import SmallGeneration, small_generation
from web.worker_service import PATIENCE, await_that

from cds_service.web.processes.link import Word

pytestmark = pytest.mark.long


def kill(generation: SmallGeneration, place: int) -> None:
    """End a worker as the kernel does; another is forked in its place."""
    forked = f"{place} forked"
    before = generation.events().count(forked)
    os.kill(generation.worker(place), signal.SIGKILL)
    generation.await_event(forked, before + 1)


def test_a_worker_that_still_starts_reads_the_policies_once_it_listens(tmp_path: Path) -> None:
    """What it is told before it can hear it would be lost, and it would answer by an old set."""
    with small_generation(2, tmp_path) as generation:
        generation.let_start(0, 1)
        generation.await_event("1 go")
        generation.hold(1)
        kill(generation, 1)
        generation.tell(Word.READ_AGAIN)
        generation.await_event("0 read-again")
        generation.let_start(1)
        generation.await_event("1 read-again")


def test_a_worker_forked_while_others_read_reads_too(tmp_path: Path) -> None:
    """It begins with the set that they are about to leave."""
    with small_generation(2, tmp_path) as generation:
        generation.let_start(0, 1)
        generation.await_event("1 go")
        generation.tell(Word.READ_AGAIN)
        generation.await_event("0 read-again")
        kill(generation, 1)
        generation.await_event("1 read-again", 2)


def test_a_worker_forked_while_the_asked_one_reads_reads_too(tmp_path: Path) -> None:
    """POST /admin/reload is read by one, which tells the others."""
    with small_generation(2, tmp_path) as generation:
        generation.let_start(0, 1)
        generation.await_event("1 go")
        generation.order(0, Word.READ_AGAIN)
        generation.await_event("1 read-again")
        generation.order(1, Word.HAS_READ)
        kill(generation, 1)
        generation.await_event("1 read-again", 2)


def test_a_worker_forked_once_all_have_read_does_not_read(tmp_path: Path) -> None:
    """It begins with what they serve; nobody has asked for what the directories hold by now."""
    with small_generation(2, tmp_path) as generation:
        generation.let_start(0, 1)
        generation.await_event("1 go")
        generation.tell(Word.READ_AGAIN)
        for place in (0, 1):
            generation.await_event(f"{place} read-again")
            generation.order(place, Word.HAS_READ)
        kill(generation, 1)
        generation.await_event("1 go", 2)
        generation.tell(Word.READ_AGAIN)
        generation.await_event("0 read-again", 2)
        generation.await_event("1 read-again", 2)
        count = generation.events().count("1 read-again")

    assert count == 2


def test_a_worker_that_hangs_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    """Its connections are open, and nobody answers on them."""
    with small_generation(2, tmp_path) as generation:
        generation.let_start(0, 1)
        generation.await_event("1 go")
        hanging, living = generation.worker(1), generation.worker(0)
        os.kill(hanging, signal.SIGSTOP)
        generation.await_event("1 go", 2)
        after = generation.worker(0), generation.worker(1)

    assert after[0] == living
    assert after[1] != hanging
    assert "a worker shows no life" in generation.log()


def test_a_socket_that_another_listens_on_refuses_the_start(tmp_path: Path) -> None:
    """Once, with an exit status, and no worker is tried again and again."""
    with small_generation(2, tmp_path, refusal="cannot listen there") as generation:
        generation.let_start(0, 1)
        status = generation.run.wait(PATIENCE)
        forked = [event for event in generation.events() if event.endswith("forked")]

    assert status == 1
    assert generation.log() == "cannot listen there"
    assert len(forked) == 2


def test_a_signal_of_no_name_that_kills_a_worker_is_no_fault(tmp_path: Path) -> None:
    """Such as a real-time signal."""
    with small_generation(1, tmp_path) as generation:
        generation.let_start(0)
        generation.await_event("0 go")
        os.kill(generation.worker(0), signal.SIGRTMIN + 3)
        generation.await_event("0 go", 2)
        await_that(lambda: "a worker has ended" in generation.log())
