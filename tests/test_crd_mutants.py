"""`pytest --crd-mutants`: each claimed SHALL has mutants, and the tests that claim it kill them.

Some minutes. `-k resp-5` tries the mutants of one key. The table at the end shows each key's.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from mutants_of_claims import Copy, Run, Trial, copy_checkout, read_trials

TRIALS = read_trials()
_OUTPUT_SHOWN = 1_500  # characters from the end


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Workshop"]:
    """Copies of the checkout, and as many workers."""
    directory = tmp_path_factory.mktemp("copies")
    workers = len(os.sched_getaffinity(0))
    copies = [copy_checkout(directory / str(number)) for number in range(workers)]
    opened = Workshop(copies)
    yield opened
    opened.close()


class Workshop:
    """Workers that run tests in copies of the checkout, each in one that no other is using."""

    def __init__(self, copies: list[Copy]) -> None:
        self._copies: SimpleQueue[Copy] = SimpleQueue()
        for copy in copies:
            self._copies.put(copy)
        self._pool = ThreadPoolExecutor(len(copies))

    def submit(self, run: Callable[[Copy], Run]) -> Future[Run]:
        """Run something in a copy, in its turn."""
        return self._pool.submit(self._in_copy, run)

    def close(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        self._pool.shutdown(cancel_futures=True)

    def _in_copy(self, run: Callable[[Copy], Run]) -> Run:
        copy = self._copies.get()
        try:
            return run(copy)
        finally:
            self._copies.put(copy)


def selected(request: pytest.FixtureRequest) -> list[Trial]:
    """The trials of this run."""
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    return [call.params["trial"] for call in calls if call and "trial" in call.params]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, workshop: Workshop) -> dict[str, Future[Run]]:
    """The run of each selected trial, by its name; without any mutant all their tests pass."""
    trials = selected(request)
    tests = sorted({test for trial in trials for test in trial.tests})
    unchanged = workshop.submit(lambda copy: copy.run(tests))
    submitted = {str(trial): workshop.submit(_attempt(trial)) for trial in trials}
    run = unchanged.result()
    if run.status != 0:  # a mutant could die of what it did not do
        pytest.fail(f"without a mutant\n{run.output[-_OUTPUT_SHOWN:]}", pytrace=False)
    return submitted


def _attempt(trial: Trial) -> Callable[[Copy], Run]:
    def attempt(copy: Copy) -> Run:
        with copy.holding(trial.mutant):
            return copy.run(trial.tests)

    return attempt


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_the_tests_that_claim_a_key_kill_its_mutant(
    trial: Trial, runs: dict[str, Future[Run]], record_property: Callable[[str, object], None]
) -> None:
    """A bug that breaks a requirement makes a test fail that says it proves that requirement."""
    record_property("crd-mutant", trial.key)
    run = runs[str(trial)].result()

    if not run.kills:
        pytest.fail(f"{trial} lives\n{run.output[-_OUTPUT_SHOWN:]}", pytrace=False)
