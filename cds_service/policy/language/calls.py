"""Functions of the rule language, and calls of them."""

from collections.abc import Callable
from dataclasses import dataclass

from cds_service.errors import ExpressionError
from cds_service.policy.language.collection import Collection
from cds_service.policy.language.parser import Node
from cds_service.policy.language.steps import Compiled, Places, Scope, Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    """One call of a function: what it is called on, its arguments, and the walk that met it.

    `focus` is what `$this` is around the call, and `this` what it is in a criterion.
    """

    receiver: Compiled
    arguments: tuple[Node, ...]
    walk: Walk
    focus: Places
    this: Places

    def argument(self, number: int) -> Compiled:
        """An argument that is evaluated with what the function is called on as `$this`."""
        return self.walk.compile(self.arguments[number], self.this)

    def value(self, number: int) -> Compiled:
        """An argument that is evaluated as if it stood outside of the call."""
        return self.walk.compile(self.arguments[number], self.focus)

    def literal(self, number: int, what: str) -> str:
        """An argument that must be a text, known before any order is.

        Raises:
            ExpressionError: it is something else.
        """
        written = self.walk.text_of(self.arguments[number])
        if written is None:
            raise ExpressionError(f"{what} is written as a text: '…'")
        return written


Compile = Callable[[FunctionCall], Compiled]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function: its arguments, what it means, an example, and what "unknown" does to it.

    `least` and `most` are how many arguments it takes.
    """

    arguments: str
    meaning: str
    example: str
    unknown: str
    compile: Compile
    least: int = 0
    most: int = 0

    def call(self, name: str, call: FunctionCall) -> Compiled:
        """The compiled call.

        Raises:
            ExpressionError: the arguments are too few, too many, or of the wrong kind.
        """
        if not self.least <= len(call.arguments) <= self.most:
            raise ExpressionError(f"write `{name}({self.arguments})`")
        return self.compile(call)


def of_collection(apply: Callable[[Collection], Collection], *, keeps_place: bool) -> Compile:
    """A function without arguments."""

    def compile_call(call: FunctionCall) -> Compiled:
        receive = call.receiver.step

        def step(scope: Scope, focus: Collection) -> Collection:
            return apply(receive(scope, focus))

        return Compiled(step=step, places=call.receiver.places if keeps_place else ())

    return compile_call
