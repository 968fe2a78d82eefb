"""What the functions of texts do (the table of all functions is in `functions`)."""

from collections.abc import Callable
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.policy.language.calls import Compile, FunctionCall, of_collection
from cds_service.policy.language.code_sets import CodeSet, compile_pattern
from cds_service.policy.language.collection import (
    Collection,
    is_open,
    single,
    undecided,
)
from cds_service.policy.language.parser import Node
from cds_service.policy.language.plain_mentions import (
    find_plain_mentions,
    read_plain_phrases,
    read_texts,
)
from cds_service.policy.language.steps import Compiled, Scope, Walk


def of_text(apply: Callable[[str], object]) -> Compile:
    """A function of one text, without arguments."""
    return of_collection(lambda found: _on_text(found, apply), keeps_place=False)


def of_texts(apply: Callable[[str, str], object]) -> Compile:
    """A function of one text and another that is its argument."""

    def compile_call(call: FunctionCall) -> Compiled:
        receive, argue = call.receiver.step, call.value(0).step

        def step(scope: Scope, focus: Collection) -> Collection:
            other = argue(scope, focus)
            wanted = single(other)
            found = receive(scope, focus)
            if wanted is None:
                return undecided(other, found)
            return _on_text(found, lambda written: apply(written, _checked(wanted)))

        return Compiled(step=step)

    return compile_call


def _on_text(found: Collection, apply: Callable[[str], object]) -> Collection:
    value = single(found)
    return undecided(found) if value is None else (apply(_checked(value)),)


def _checked(value: Any) -> str:
    if type(value) is not str:
        raise ExpressionError("a text is due")
    return value


def compile_join(call: FunctionCall) -> Compiled:
    """The texts in one, with the separator between them."""
    receive = call.receiver.step
    separator = call.literal(0, "a separator") if call.arguments else ""

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        if is_open(found) or not found:
            return undecided(found)
        return (separator.join(map(_checked, found)),)

    return Compiled(step=step)


def compile_matches(call: FunctionCall) -> Compiled:
    """Whether a regular expression of RE2 is met anywhere in a text."""
    try:
        pattern: Any = compile_pattern(call.literal(0, "a regular expression"), any_case=False)
    except ValueError as error:
        raise ExpressionError(str(error)) from error
    return of_text(lambda written: bool(pattern.search(written)))(call)


def compile_mentions(call: FunctionCall) -> Compiled:
    """Which of some phrases texts say, if beside them they say nothing but what is ordinary."""
    receive, written = call.receiver.step, call.receiver.written
    canonical = call.literal(1, "a ValueSet's canonical") if len(call.arguments) > 1 else ""
    ordinary = _words_of(call.walk.code_set(canonical)) if canonical else ()
    phrases = read_plain_phrases(_texts(call.arguments[0], call.walk), ordinary)
    known_as = (written, phrases.lines, canonical)

    def find(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        if is_open(found):  # what could not be read may not be plain
            return undecided(found)
        # Rules ask the same texts for several phrases: they are read once.
        read = scope.once((written, read_texts), lambda: _read(found)) if written else _read(found)
        return tuple(find_plain_mentions(read, phrases))

    def step(scope: Scope, focus: Collection) -> Collection:
        return scope.once(known_as, lambda: find(scope, focus)) if written else find(scope, focus)

    return Compiled(step=step)


def _read(found: Collection) -> Collection:
    return read_texts(value for value in found if type(value) is str)


def _words_of(code_set: CodeSet) -> tuple[str, ...]:
    if not code_set.is_listed:
        raise ExpressionError("a ValueSet of ordinary words lists them one by one")
    return tuple(coding.code for coding in code_set.codings)


def _texts(node: Node, walk: Walk) -> list[str]:
    """The texts in a union of literals.

    Raises:
        ExpressionError: it holds something else.
    """
    if node.kind == "UnionExpression":
        return [written for child in node.children for written in _texts(child, walk)]
    written = walk.text_of(node)
    if written is None:
        raise ExpressionError("phrases are written as texts: 'one' | 'another'")
    return [written]
