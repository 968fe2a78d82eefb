"""The parts of a service of several processes, each by itself."""

import os
from pathlib import Path

import pytest

from cds_service.web.processes.cores import count_cores
from cds_service.web.processes.link import Word, open_links
from cds_service.web.processes.pauses import Pauses
from cds_service.web.processes.shares import make_shares

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", CORES),
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        (f"{CORES * 100000 + 50000} 100000\n", CORES),
        ("nonsense", CORES),
        ("1 0\n", CORES),
    ],
)
def test_as_many_workers_as_the_container_has_cores_worth_of_time(
    tmp_path: Path, quota: str, cores: int
) -> None:
    """And never more than the process may run on."""
    file = tmp_path / "cpu.max"
    file.write_text(quota)

    assert count_cores(file) == cores


def test_without_a_container_the_cores_count(tmp_path: Path) -> None:
    """There is no such file then."""
    assert count_cores(tmp_path / "none") == CORES


def test_the_first_death_has_no_pause_and_each_after_it_a_longer_one() -> None:
    """Up to half a minute; what has lived long begins anew."""
    pauses = Pauses()

    soon = [pauses.after(1.0) for _ in range(12)]

    assert soon[:4] == [0.0, 0.25, 0.5, 1.0]
    assert soon == sorted(soon)
    assert soon[-1] == 30.0
    assert pauses.after(3600.0) == 0.0


def test_words_arrive_whole_and_in_order() -> None:
    """With what they are about, however many come at once."""
    upper, lower = open_links()
    upper.send(Word.GO)
    upper.send(Word.SERVING, "sha256:1")

    heard = lower.hear()
    upper.close()

    assert heard == [("go", ""), ("serving", "sha256:1")]
    assert lower.hear() is None
    lower.close()


def test_a_word_to_a_process_that_has_ended_is_lost_and_harms_nobody() -> None:
    """Its end is heard all the same."""
    upper, lower = open_links()
    lower.close()

    upper.send(Word.STOP)

    assert upper.hear() is None
    upper.close()


def test_who_holds_more_than_another_leaves_the_next_to_it() -> None:
    """A worker that is not there is left nothing."""
    first, second, absent = make_shares(3)
    first.hold(2)
    second.hold(1)

    assert first.is_ahead()
    assert not second.is_ahead()

    second.leave()

    assert not first.is_ahead()
    assert absent.is_ahead()
