"""Steps of the interpreter: what work costs, told without a clock, the same on every machine."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

TENFOLD = 12  # times the steps that ten times as much may cost


def count_steps(work: Callable[[], object]) -> int:
    """How many bytecode instructions run while this work is done.

    Calls of functions would not do: a scan in one comprehension is one call. What C code does
    within one instruction is not seen; see `Tick`.
    """
    steps = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return steps


def growth(cost: Callable[[int], int], few: int) -> float:
    """How many times what `few` cost ten times as many cost, less what one costs.

    Where the cost does not depend on the number at all, it is 0.
    """
    least = cost(1)
    return (cost(10 * few) - least) / max(1, cost(few) - least)


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """A value whose comparison takes steps: it is done in Python.

    As the first member of JSON objects it shows that C code compares them, which `item in a_list`
    does with each item. As JSON it is `{}`.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tick)

    def __hash__(self) -> int:
        return 0


class TickingText(str):
    """A text whose comparison takes steps: plain ones are compared in C."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)


def with_ticks(value: Any) -> Any:
    """A JSON value with a Tick of its own in every object."""
    match value:
        case dict():
            return {"tick": Tick(), **{name: with_ticks(inner) for name, inner in value.items()}}
        case list():
            return [with_ticks(inner) for inner in value]
    return value
