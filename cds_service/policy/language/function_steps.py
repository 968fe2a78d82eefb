"""What the functions of collections do (the table of all functions is in `functions`)."""

from typing import Any

from cds_service.errors import ExpressionError
from cds_service.policy.language.calls import FunctionCall
from cds_service.policy.language.collection import (
    EMPTY,
    FALSE,
    TRUE,
    Collection,
    as_open,
    boolean,
    is_open,
    undecided,
)
from cds_service.policy.language.operators import negated
from cds_service.policy.language.steps import Compiled, Scope, Step
from cds_service.policy.language.values import distinct


def exists(found: Collection) -> Collection:
    """Whether there is any; unknown if none is known of and there may be some."""
    return TRUE if found else negated(empty(found))


def empty(found: Collection) -> Collection:
    """Whether there is none."""
    if found:
        return FALSE
    return undecided(found) if is_open(found) else TRUE


def count(found: Collection) -> Collection:
    """How many there are."""
    return undecided(found) if is_open(found) else (len(found),)


def first(found: Collection) -> Collection:
    """The first, if all are known."""
    return undecided(found) if is_open(found) else found[:1]


def last(found: Collection) -> Collection:
    """The last, if all are known."""
    return undecided(found) if is_open(found) else found[-1:]


def once_each(found: Collection) -> Collection:
    """Each once."""
    return as_open(distinct(found), found)


def compile_where(call: FunctionCall) -> Compiled:
    """Those for which the criteria hold; open if they are unknown for any."""
    return Compiled(step=_where(call), places=call.receiver.places)


def _where(call: FunctionCall) -> Step:
    receive, criteria = call.receiver.step, call.argument(0).step

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        kept: list[Any] = []
        doubts: list[Collection] = [found]
        for value in found:
            answer = criteria(scope, (value,))
            if boolean(answer):
                kept.append(value)
            elif is_open(answer):
                doubts.append(answer)
        return as_open(kept, *doubts)

    return step


def compile_exists(call: FunctionCall) -> Compiled:
    """`exists()`, or with criteria `where(…).exists()`."""
    receive = _where(call) if call.arguments else call.receiver.step

    def step(scope: Scope, focus: Collection) -> Collection:
        return exists(receive(scope, focus))

    return Compiled(step=step)


def compile_all(call: FunctionCall) -> Compiled:
    """Whether the criteria hold for all of them."""
    receive, criteria = call.receiver.step, call.argument(0).step

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        answers = [criteria(scope, (value,)) for value in found]
        if any(not boolean(answer) and not is_open(answer) for answer in answers):
            return FALSE
        return undecided(found, *answers) if any(map(is_open, (found, *answers))) else TRUE

    return Compiled(step=step)


def compile_select(call: FunctionCall) -> Compiled:
    """What the projection yields for each, together."""
    receive, projection = call.receiver.step, call.argument(0)

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        yielded = [projection.step(scope, (value,)) for value in found]
        return as_open([value for values in yielded for value in values], found, *yielded)

    return Compiled(step=step, places=projection.places)


def compile_iif(call: FunctionCall) -> Compiled:
    """The second argument if the first holds, else the third; unknown if the first is.

    All of them see what `iif` is called on as `$this`.
    """
    receive = call.receiver.step
    criterion, chosen, *rest = (call.argument(number) for number in range(len(call.arguments)))
    otherwise = rest[0].step if rest else _nothing

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        if len(found) > 1:
            raise ExpressionError(f"`iif` is called on one value, and there are {len(found)}")
        answer = criterion.step(scope, found)
        if is_open(answer):
            return undecided(answer)
        return (chosen.step if boolean(answer) else otherwise)(scope, found)

    places = [place for branch in (chosen, *rest) for place in branch.places]
    return Compiled(step=step, places=tuple(places))


def _nothing(_scope: Scope, _focus: Collection) -> Collection:
    return EMPTY
