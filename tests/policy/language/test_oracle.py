"""The oracle: fhirpathpy answers as we do wherever everything is known."""

import pytest
from policy.language import oracle
from policy.language.charts_made import Chart
from policy.language.oracle import (
    FAULTS,
    REFUSED,
    SAMPLE,
    Answer,
    Both,
    Case,
    Difference,
    Fault,
    make_cases,
    run,
)

from cds_service.policy.language.functions import FUNCTIONS
from cds_service.policy.language.operators import OPERATORS

SEED, COUNT = 20261126, 4_000


class Mistaken(Both):
    """Ours with a mistake: what is unknown is no."""

    def theirs(self, source: str) -> oracle.Asked:
        asked = super().theirs(source)

        def answer(chart: Chart) -> Answer:
            return asked(chart) or (("false", "a truth value"),)

        return answer


def test_ours_and_fhirpathpy_answer_alike() -> None:
    """But for the faults that are known; `python tests/policy/language/oracle.py` asks more."""
    done = run(make_cases(SEED, COUNT), Both())

    assert done.differences == []
    assert done.cases["agreed"] > 0.98 * COUNT


def test_a_mistake_is_found() -> None:
    """An answer where there is none makes a difference."""
    done = run(make_cases(SEED, 200), Mistaken())

    assert done.differences


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_is_known_is_still_there(fault: Fault) -> None:
    """Once fhirpathpy has mended it, it must not excuse any more; a plain case it never does."""
    both = Both()
    ours, theirs = both.ours(fault.example)(SAMPLE), both.theirs(fault.example)(SAMPLE)
    difference = Difference(Case(fault.example, SAMPLE), ours, theirs)
    plain = Difference(Case(fault.example, SAMPLE, is_plain=True), ours, theirs)

    assert ours != REFUSED
    assert ours != theirs
    assert fault.reason
    assert fault.befalls(difference)
    assert not fault.befalls(plain)


def test_every_function_and_operator_is_asked() -> None:
    """In plain expressions, which are not excused."""
    sources = " ".join({case.source for case in make_cases(SEED, COUNT) if case.is_plain})

    assert [name for name in FUNCTIONS if f"{name}(" not in sources] == []
    assert [name for name in OPERATORS if f" {name} " not in sources] == []


@pytest.mark.parametrize(
    "source",
    [
        "%order.note.text.lower()",
        "%order.note.text.startsWith('a')",
        "%order.note.text in %words",
        "%order.status < 1",
        "%order.status + 1",
        "%order.status * 2",
        "%coverage.order / %order.status",
        "%coverage.order & 'a'",
        "%order and true",
        "%order.status or false",
        "%order.note.text > 'a'",
        "%coverage.order.join()",
        "-%order.status",
    ],
)
def test_what_has_no_meaning_is_refused_by_both(source: str) -> None:
    """Several values where one is due, and values of another kind."""
    both = Both()

    assert (both.ours(source)(SAMPLE), both.theirs(source)(SAMPLE)) == (REFUSED, REFUSED)


def test_the_same_seed_makes_the_same_cases() -> None:
    """A difference can be reproduced from its seed."""
    once, again = ([case.source for case in make_cases(7, 500)] for _ in range(2))

    assert once == again
    assert once != [case.source for case in make_cases(8, 500)]


def test_the_command_fails_if_anything_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """And says how many cases agreed, and what was excluded for which fault."""
    assert oracle.main(["--count", "200", "--seed", "1"], Both()) == 0
    assert "seed 1: 200 cases, " in capsys.readouterr().out
    assert oracle.main(["--count", "200", "--seed", "1"], Mistaken()) == 1
    assert " differ" in capsys.readouterr().out
