"""Conditions: FHIRPath over `%order %coverage %patient %plan %dos`, parsed strictly and once, with three answers.

fhirpathpy accepts malformed expressions, so a strict parse of the whole text comes first. FHIRPath's empty result is
our "unknown". An error is never "false": it raises.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antlr4 import CommonTokenStream, InputStream, ParseTreeWalker
from antlr4.error.ErrorListener import ErrorListener
from fhirpathpy import compile as compile_fhirpath
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathListener import FHIRPathListener
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from cds_service.fhir.truth import Truth
from cds_service.policy.run.mentions import find_mentions

VARIABLES = ("order", "coverage", "patient", "plan", "dos")
FUNCTIONS = frozenset(
    "where exists empty not all count first select lower upper startsWith contains join mentions".split()
)

Variables = Mapping[str, Any]


class ExpressionError(ValueError):
    """An expression that cannot be used, or that failed for one order."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled FHIRPath expression."""

    source: str
    run: Callable[[Any, Any], Sequence[Any]]

    def evaluate(self, variables: Variables) -> tuple[Any, ...]:
        """What the expression yields.

        Raises:
            ExpressionError: it cannot be evaluated for these values.
        """
        try:
            return tuple(self.run({}, dict(variables)))
        except RecursionError as error:
            raise ExpressionError("nested too deep") from error
        except Exception as error:
            raise ExpressionError(type(error).__name__) from error


class ExpressionCompiler:
    """Compiles expressions; the same text is compiled once, since policies share many."""

    def __init__(self) -> None:
        self._known: dict[str, Expression] = {}

    def compile(self, source: str) -> Expression:
        """The expression in `source`.

        Raises:
            ExpressionError: not FHIRPath, or more of it than policies may use.
        """
        if source not in self._known:
            check_expression(source)
            self._known[source] = Expression(source, _Run(source))
        return self._known[source]


@dataclass(slots=True, eq=False)
class _Run:
    """The compiled form of a checked expression, made when it is first wanted: most of a large library never is."""

    source: str
    compiled: Callable[[Any, Any], Sequence[Any]] | None = None

    def __call__(self, resource: Any, variables: Any) -> Sequence[Any]:
        if self.compiled is None:
            options = {
                "userInvocationTable": {"mentions": {"fn": _mentions, "arity": {1: ["AnyAtRoot"]}}}
            }
            self.compiled = compile_fhirpath(self.source, models["r4"], options)
        return self.compiled(resource, variables)


def truth(result: Sequence[Any]) -> Truth:
    """The answer of a condition.

    Raises:
        ExpressionError: the result is not a boolean.
    """
    match list(result):
        case []:
            return Truth.UNKNOWN
        case [bool(value)]:
            return Truth.TRUE if value else Truth.FALSE
        case _:
            raise ExpressionError("the result is not a boolean")


def check_expression(source: str) -> None:
    """Pass if `source` is FHIRPath to its last character and uses only what policies may use.

    Raises:
        ExpressionError: it does not.
    """
    lexer = FHIRPathLexer(InputStream(source))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(_Refuse())
    ParseTreeWalker().walk(_Allow(), parser.entireExpression())  # type: ignore[no-untyped-call]


class _Refuse(ErrorListener):  # type: ignore[misc]  # antlr4 has no types
    def syntaxError(
        self, recognizer: Any, symbol: Any, line: int, column: int, msg: str, e: Any
    ) -> None:  # noqa: ARG002, N802
        raise ExpressionError(f"column {column + 1}: {msg}")


class _Allow(FHIRPathListener):
    def enterFunctn(self, ctx: Any) -> None:  # noqa: N802
        name = ctx.identifier().getText()
        if name not in FUNCTIONS:
            raise ExpressionError(f"`{name}()` is not for policies")

    def enterMemberInvocation(self, ctx: Any) -> None:  # noqa: N802
        if (
            isinstance(ctx.parentCtx.parentCtx, FHIRPathParser.TermExpressionContext)
            and ctx.getText() in VARIABLES
        ):
            raise ExpressionError(f"`{ctx.getText()}` is a variable: write `%{ctx.getText()}`")

    def enterExternalConstant(self, ctx: Any) -> None:  # noqa: N802
        name = ctx.getText().removeprefix("%")
        if name not in VARIABLES:
            raise ExpressionError(
                f"`%{name}` is not one of {', '.join('%' + one for one in VARIABLES)}"
            )


def _mentions(texts: Any, phrases: Any) -> list[str]:
    return find_mentions(
        [one for one in _plain(texts) if isinstance(one, str)],
        [str(one) for one in _plain(phrases)],
    )


def _plain(nodes: Any) -> list[Any]:
    return [node.data if isinstance(node, ResourceNode) else node for node in nodes]
