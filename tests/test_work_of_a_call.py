"""The work of one call, in function calls: exact, and the same on every machine.

A bound that fails is not to be raised without looking: profile the call (`python -m cProfile`, or
`count_calls` below around the stages of `pipeline.py`), find what is now done on every call, and
move it to where it is done once: the compiler for what a policy fixes, `Chart` for what a request
does. Lower a bound when the work has become less.
"""

import re
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from fakes import builtin_index, fake_pipeline
from replaying import record_call

from cds_service.audit.journal import Journal
from cds_service.audit.rows import make_write
from cds_service.audit.standing import Standing
from cds_service.audit.store import open_store
from cds_service.audit.writer import Writer
from cds_service.database.time_limit import TimeLimit
from cds_service.fhir.resource import decode
from cds_service.warm_up import warm_up

EXAMPLES = Path(__file__).parents[1] / "examples"
# The most function calls, of Python and of C functions, that one call may make; the order of sets
# moves them by a few.
MOST_CALLS = {
    "order-sign-no-policy-for-the-service": 1_435,
    "order-sign-icare-0600t": 1_930,
    "order-sign-anthem-93799-pulsed-field": 3_450,
}

MOST_CALLS_OF_A_COMMIT = 170


def count_calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls, its own aside."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls - 2  # `work` itself, and setting the profile back


@pytest.mark.parametrize(("example", "most"), MOST_CALLS.items(), ids=MOST_CALLS)
def test_a_call_does_no_more_work_than_it_should(example: str, most: int) -> None:
    """No policy, one rule with a listed code, and five rules over the words of an order."""
    body = (EXAMPLES / example / "request.json").read_bytes()
    pipeline = fake_pipeline(builtin_index())
    pipeline.respond(body)

    assert count_calls(lambda: pipeline.respond(body)) <= most


@pytest.mark.parametrize("example", MOST_CALLS)
def test_the_first_call_after_the_start_does_no_work_that_the_start_should_have_done(
    example: str,
) -> None:
    """Nothing is compiled when it is first wanted: the first clinician waits no longer."""
    body = (EXAMPLES / example / "request.json").read_bytes()
    re.purge()  # what other tests have compiled
    pipeline = fake_pipeline(builtin_index())
    warm_up([pipeline])
    first = count_calls(lambda: pipeline.respond(body))
    later = count_calls(lambda: pipeline.respond(body))

    assert first <= later * 1.1


def test_a_record_is_made_durable_with_no_more_work_than_it_should(tmp_path: Path) -> None:
    """In a transaction of its own, as when nobody else calls."""
    body = decode((EXAMPLES / "order-sign-icare-0600t" / "request.json").read_bytes())
    record = record_call(builtin_index(), body)
    first, second = (make_write(replace(record, id=identity)) for identity in ("a-1", "a-2"))
    engine, limit = open_store(f"sqlite:///{tmp_path / 'crd.sqlite3'}"), TimeLimit(2.0)
    writer = Writer(engine, Journal(tmp_path, 0), Standing(), limit)
    with closing(limit):
        writer.commit([first])
        calls = count_calls(lambda: writer.commit([second]))
        writer.release()
    engine.dispose()

    assert calls <= MOST_CALLS_OF_A_COMMIT


def test_the_counter_counts() -> None:
    """Two C functions in one Python function, which counts where another calls it."""

    def inner() -> int:
        return len(sorted([2, 1]))

    def outer() -> int:
        return abs(inner())

    assert count_calls(inner) == 2
    assert count_calls(outer) == 4
