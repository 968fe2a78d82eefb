"""The mutation fuzzer: a short run over every hook, and proof that it finds faults."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from answering import Answered, make_service
from dirty_requests import BASES
from mutation import MUTATIONS, Case, Mutation, cases_of, check, main, run, smallest

from cds_service.crd.request.hooks import HOOKS

SEED, COUNT = 20261120, 2_000


class Fussy:
    """A service that breaks if the Coverage is not in its place, and refuses all other calls."""

    def answer(self, hook: str, body: bytes) -> Answered:  # noqa: ARG002
        json.loads(body)["prefetch"]["coverage"]["resourceType"]
        return Answered(status=400, problem="not now")


class Failing:
    """A service that cannot record anything."""

    def answer(self, hook: str, body: bytes) -> Answered:  # noqa: ARG002
        return Answered(status=503, problem="no room")


def test_no_mutated_request_breaks_the_service() -> None:
    """Mutated requests of all six hooks get sound responses or 4xx (reliability: F2)."""
    failures = run(cases_of(SEED, COUNT), make_service())

    assert failures == {}


def test_every_hook_and_every_mutation_takes_part() -> None:
    """A run leaves out no hook and no way to spoil a request."""
    cases = list(cases_of(SEED, COUNT))

    assert {case.hook for case in cases} == set(HOOKS)
    assert {mutation.kind for case in cases for mutation in case.mutations} == set(MUTATIONS)


def test_the_same_seed_makes_the_same_requests() -> None:
    """A failure can be reproduced from its seed."""
    once, again = ([case.request for case in cases_of(7, 200)] for _ in range(2))

    assert once == again


def test_another_seed_makes_other_requests() -> None:
    """Runs with different seeds try different cases."""
    assert list(cases_of(7, 50)) != list(cases_of(8, 50))


@pytest.mark.parametrize("kind", MUTATIONS)
def test_each_mutation_changes_requests_and_never_the_base(kind: str) -> None:
    """A mutation works on a copy, and most of the time it changes something."""
    before = json.dumps(BASES["order-dispatch"], default=str)
    mutated = [Case("order-dispatch", (Mutation(kind, seed),)).request for seed in range(20)]

    assert sum(request != BASES["order-dispatch"] for request in mutated) > 10
    assert json.dumps(BASES["order-dispatch"], default=str) == before


def test_an_exception_is_found_and_made_small() -> None:
    """A failure that needs one mutation is reported with one."""
    found = run(cases_of(7, 300), Fussy())

    assert found
    assert {len(failure.case.mutations) for failure in found.values()} == {1}


def test_a_mutation_that_a_failure_does_not_need_is_left_out() -> None:
    """A failing case keeps only the mutation that makes it fail."""
    needed = next(case for case in cases_of(7, 300) if check(case, Fussy()))
    failure = check(
        Case(needed.base, (*needed.mutations, Mutation("unicode", 1), Mutation("unicode", 2))),
        Fussy(),
    )

    assert failure is not None
    assert len(smallest(failure, Fussy()).case.mutations) == 1


def test_a_5xx_is_a_failure() -> None:
    """A 5xx is reported, whatever was sent."""
    assert list(run(cases_of(7, 3), Failing())) == ["status 503"]


def test_the_command_prints_seed_and_smallest_failing_case(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The output is enough to reproduce the failure."""
    status = main(["--count", "3", "--seed", "7"], Failing())

    shown = capsys.readouterr().out
    assert status == 1
    assert shown.startswith("seed 7: 3 cases, 1 ways to fail\n- status 503: Case(base=")
    assert "the smallest failing request" in shown


def test_the_command_runs_on_its_own(tmp_path: Path) -> None:
    """`python tests/mutation.py --count 5 --seed 7` fuzzes its checkout, wherever it is run."""
    command = Path(__file__).with_name("mutation.py")
    ran = subprocess.run(
        [sys.executable, str(command), "--count", "5", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={},
    )

    assert ran.stdout.startswith("seed 7: 5 cases"), ran.stderr
