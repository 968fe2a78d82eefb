"""The long proofs in short (tests/prove_faults.py): whatever ends or goes away, all is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import hindrances
from faults.callers import Heard, calling
from faults.hindered import Phase, Plan, hinder
from faults.kill_rounds import kill_in_rounds
from faults.ledger import CopyWatch, await_drained, settle
from faults.report import findings_table, kill_table, phase_table
from faults.site import Site, site_on
from faults.workers import stopped_in_the_end
from stores import wait_until

pytestmark = pytest.mark.long

SEED = 3
SOON = 10.0  # seconds; a call has its 503 within 5 on a machine that does nothing else


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site in a SQLite file."""
    with site_on(None, tmp_path) as made:
        yield made


def ignore(line: str) -> None:
    """Progress is for people."""


def hindered(site: Site, hindrance: hindrances.Hindrance, *options: str) -> dict[str, Phase]:
    """The phases of a store that is hindered for a moment; all is there in the end, and signed."""
    workers = [site.worker(*options)]
    plan = Plan(hindrance=hindrance, workers=workers, before=0.5, meanwhile=2.5, after=0.5)
    heard, phases, findings = hinder(site, plan, ignore)

    assert findings.is_sound, f"{phase_table(phases)}\n{findings_table(findings)}"
    assert findings.answers.told > 0 < findings.feedback.told
    assert set(heard.statuses) <= {200, 503}
    return {phase.name: phase for phase in phases}


def test_workers_killed_at_any_moment_lose_no_answer(site: Site) -> None:
    """Under load, and while they move a journal; the checkpoints that had left are all there."""
    killed, findings = kill_in_rounds(site, 2, ignore, SEED)

    assert findings.is_sound, f"{kill_table(killed)}\n{findings_table(findings)}"
    assert findings.answers.told > 0
    assert killed.draining == 1


def test_a_worker_goes_on_while_another_is_killed_beside_it(site: Site) -> None:
    """Who calls it notices nothing; what the other had answered is there."""
    victim, other = workers = [site.worker() for _ in range(2)]
    heard_of_victim, heard = Heard(), Heard()
    with stopped_in_the_end(workers):
        for worker in workers:
            worker.start()
        with calling([victim], 2, heard_of_victim), calling([other], 2, heard):
            _await_answers(heard_of_victim, 20)
            victim.kill()
            _await_answers(heard, sum(heard.statuses.values()) + 20)
        heard.assertions |= heard_of_victim.assertions
        await_drained(site, heard)
        other.stop()
    findings = settle(site, heard, CopyWatch(site))

    assert set(heard.statuses) == {200}
    assert findings.is_sound, findings_table(findings)


def _await_answers(heard: Heard, answers: int) -> None:
    wait_until(lambda: heard.statuses[200] >= answers)


def test_a_locked_store_costs_no_answer(site: Site) -> None:
    """What it cannot take goes to the journal, and from there into the store."""
    phases = hindered(site, hindrances.locked)

    assert phases["meanwhile"].most_journaled > 0
    assert [503 in phase.statuses for phase in phases.values()] == [False] * len(phases)


def test_a_full_journal_refuses_and_takes_again(site: Site) -> None:
    """503 soon, readiness with its cause, and afterwards all is well."""
    phases = hindered(site, hindrances.locked, "--journal-max", "20000")

    assert phases["meanwhile"].statuses[503] > 0
    assert phases["meanwhile"].longest < SOON
    assert any("journal is full" in cause for cause in phases["meanwhile"].not_ready)
    assert_well(phases["once ready"])


def test_a_full_disk_refuses_and_takes_again(site: Site) -> None:
    """Neither store nor journal nor checkpoints can grow; nothing is damaged by it."""
    phases = hindered(site, hindrances.no_file_grows)

    assert phases["meanwhile"].statuses[503] > 0
    assert any("journal cannot be written" in cause for cause in phases["meanwhile"].not_ready)
    assert_well(phases["once ready"])


def test_a_worker_without_descriptors_goes_on_and_recovers(site: Site) -> None:
    """Who is connected has answers; who comes is served once files can be opened again."""
    phases = hindered(site, hindrances.no_file_opens)

    assert phases["meanwhile"].statuses[200] > 0
    assert phases["meanwhile"].not_ready == ["it does not answer"]
    assert_well(phases["once ready"])


def assert_well(phase: Phase) -> None:
    """Calls are answered, and nothing else."""
    assert set(phase.statuses) == {200}
    assert phase.not_ready == []
