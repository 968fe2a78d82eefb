"""Expressions: FHIRPath compiled once, evaluated for every order, and always with three answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.policy.language.closures import FindCodeSet, TreeWalk
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.collection import Collection
from cds_service.policy.language.elements import ElementModel, Place
from cds_service.policy.language.parser import Parser
from cds_service.policy.language.steps import Scope, Step

VARIABLES = (
    "order",
    "codes",
    "words",
    "indications",
    "coverage",
    "patient",
    "plan",
    "dos",
    "age",
)

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expression:
    """A compiled expression, the variables it reads, and the places in them.

    `inputs` are the variables of one rule among those, with what they stand for; `resolves` tells
    whether it follows references.
    """

    source: str
    variables: frozenset[str]
    places: tuple[Place, ...]
    inputs: Mapping[str, Any]
    resolves: bool
    step: Step = field(repr=False)

    @property
    def reads_chart(self) -> bool:
        """Whether it may need more than a call is about: history, or what a reference leads to."""
        return self.resolves or bool(self.inputs) or "indications" in self.variables

    def evaluate(self, scope: Scope) -> Collection:
        """What the expression yields over these variables; open if not all of it could be known.

        Raises:
            ExpressionError: it cannot be evaluated for these values.
        """
        try:
            return self.step(scope, ())
        except RecursionError as error:
            raise ExpressionError("nested too deep") from error


def no_code_sets(canonical: str) -> CodeSet:
    """Where there is no library, there is no ValueSet.

    Raises:
        ExpressionError: always.
    """
    raise ExpressionError(f"`{canonical}` is not in the library (pin `url|version`)")


class ExpressionCompiler:
    """Compiles expressions; the same text is compiled once, since policies share many.

    `sound` are the places, each with the type of its root, that were found to be there.
    """

    def __init__(self, find_code_set: FindCodeSet = no_code_sets) -> None:
        self._find_code_set = find_code_set
        self._parser = Parser()
        self._known: dict[str, Expression] = {}
        self.model = ElementModel()
        self.sound: set[tuple[Place, str]] = set()

    def compile(self, source: str, inputs: Mapping[str, Any] = NO_INPUTS) -> Expression:
        """The expression in `source`; `inputs` are variables that one rule has besides.

        Raises:
            ExpressionError: not FHIRPath, or more of it than policies may use.
        """
        if source not in self._known:
            expression = self._compile(source, inputs)
            if expression.inputs:
                return expression  # in another rule the same name may be bound to something else
            self._known[source] = expression
        return self._known[source]

    def _compile(self, source: str, inputs: Mapping[str, Any]) -> Expression:
        try:
            parsed = self._parser.parse(source, inputs.keys())
            known = (*VARIABLES, *sorted(inputs))
            walk = TreeWalk(parsed.texts, known, self._find_code_set, self.model)
            compiled = walk.compile(parsed.tree, ())
        except RecursionError as error:
            raise ExpressionError("nested too deep") from error
        return Expression(
            source=source,
            variables=frozenset(walk.variables),
            places=tuple(walk.places),
            inputs={name: inputs[name] for name in inputs if name in walk.variables},
            resolves=walk.resolves,
            step=compiled.step,
        )
