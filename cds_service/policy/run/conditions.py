"""Conditions: FHIRPath over a few variables, parsed strictly and once, with three answers.

fhirpathpy accepts malformed expressions, so its grammar is run strictly and to the end of the text.
FHIRPath's empty result is our "unknown". An error is never "false": it raises.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from antlr4 import CommonTokenStream, InputStream, ParseTreeWalker
from antlr4.error.ErrorListener import ErrorListener
from fhirpathpy import apply_parsed_path
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from fhirpathpy.parser.ASTPathListener import ASTPathListener
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathListener import FHIRPathListener
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from cds_service.errors import ExpressionError
from cds_service.fhir.truth import Truth
from cds_service.policy.run.folding import fold_literals, read_existence
from cds_service.policy.run.mentions import Phrases, find_mentions, read_phrases

VARIABLES = ("order", "words", "coverage", "patient", "plan", "dos")
FUNCTIONS = frozenset(
    "where exists empty not all count first select lower upper startsWith contains join "
    "mentions".split()
)

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expression:
    """A compiled FHIRPath expression, and the variables it reads.

    One that asks whether something `exists()` or is `empty()` shares `count`, of how many there
    are, with its opposite; `if_any` is what it yields where there are any.
    """

    source: str
    variables: frozenset[str]
    count: "Expression | None" = None
    if_any: bool = True
    _tree: Mapping[str, Any] = field(repr=False)
    _literals: Mapping[str, Any] = field(repr=False)
    _options: Mapping[str, Any] = field(repr=False)

    def evaluate(self, variables: Variables) -> tuple[Any, ...]:
        """What the expression yields.

        Raises:
            ExpressionError: it cannot be evaluated for these values.
        """
        bound = {**{name: variables[name] for name in self.variables}, **self._literals}
        try:
            return tuple(_run(self._tree, bound, self._options))
        except RecursionError as error:
            raise ExpressionError("nested too deep") from error
        except Exception as error:  # fhirpathpy raises nothing narrower
            raise ExpressionError(type(error).__name__) from error


class ExpressionCompiler:
    """Compiles expressions; the same text is compiled once, since policies share many."""

    def __init__(self) -> None:
        self._known: dict[str, Expression] = {}
        self._counts: dict[str, Expression] = {}
        self._phrases: dict[tuple[Any, ...], Phrases] = {}
        self._options = {
            "userInvocationTable": {"mentions": {"fn": self._mentions, "arity": {1: ["AnyAtRoot"]}}}
        }

    def compile(self, source: str) -> Expression:
        """The expression in `source`.

        Raises:
            ExpressionError: not FHIRPath, or more of it than policies may use.
        """
        if source not in self._known:
            try:
                self._known[source] = self._compile(source)
            except RecursionError as error:
                raise ExpressionError("nested too deep") from error
        return self._known[source]

    def _compile(self, source: str) -> Expression:
        tree, variables = _parse(source)
        literals = fold_literals(tree, lambda node: _run({"children": [node]}, {}, self._options))
        for phrases in literals.values():
            self._phrases[tuple(phrases)] = read_phrases(map(str, phrases))
        expression = Expression(
            source=source,
            variables=variables,
            _tree=tree,
            _literals=literals,
            _options=self._options,
        )
        existence = read_existence(tree)
        if existence is None:
            return expression
        counting, if_any = existence
        known_as = json.dumps([counting, literals])
        count = self._counts.setdefault(known_as, replace(expression, _tree=counting))
        return replace(expression, count=count, if_any=if_any)

    def _mentions(self, texts: Any, phrases: Any) -> list[str]:
        wanted = _plain(phrases)
        known = self._phrases.get(tuple(wanted))
        words = [text for text in _plain(texts) if isinstance(text, str)]
        return find_mentions(words, known or read_phrases(map(str, wanted)))


def _run(tree: Mapping[str, Any], variables: Variables, options: Mapping[str, Any]) -> list[Any]:
    yielded: list[Any] = apply_parsed_path(  # type: ignore[no-untyped-call]
        {}, tree, variables, models["r4"], options
    )
    return yielded


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


def _parse(source: str) -> tuple[dict[str, Any], frozenset[str]]:
    """fhirpathpy's syntax tree of `source`, and the variables read in it.

    Raises:
        ExpressionError: `source` is not FHIRPath to its last character, or uses more of it than
            policies may.
    """
    lexer = FHIRPathLexer(InputStream(source))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for reader in (lexer, parser):
        reader.removeErrorListeners()
        reader.addErrorListener(_Refuse())
    whole = parser.entireExpression()  # type: ignore[no-untyped-call]
    allowed, syntax = _Allow(), ASTPathListener()  # type: ignore[no-untyped-call]
    walker = ParseTreeWalker()
    walker.walk(allowed, whole)
    walker.walk(syntax, whole.expression())
    return syntax.parentStack[0], frozenset(allowed.variables)


class _Refuse(ErrorListener):  # type: ignore[misc]  # antlr4 has no types
    def syntaxError(  # noqa: N802  # antlr4's name
        self, _recognizer: Any, _symbol: Any, _line: int, column: int, msg: str, _error: Any
    ) -> None:
        raise ExpressionError(f"column {column + 1}: {msg}")


class _Allow(FHIRPathListener):
    """Refuses what policies may not use, and notes the variables they read."""

    def __init__(self) -> None:
        self.variables: set[str] = set()

    def enterFunctn(self, ctx: Any) -> None:  # noqa: N802
        name = ctx.identifier().getText()
        if name not in FUNCTIONS:
            raise ExpressionError(f"`{name}()` is not for policies")

    def enterMemberInvocation(self, ctx: Any) -> None:  # noqa: N802
        is_term = isinstance(ctx.parentCtx.parentCtx, FHIRPathParser.TermExpressionContext)
        if is_term and ctx.getText() in VARIABLES:
            raise ExpressionError(f"`{ctx.getText()}` is a variable: write `%{ctx.getText()}`")

    def enterExternalConstant(self, ctx: Any) -> None:  # noqa: N802
        name = ctx.getText().removeprefix("%")
        if name not in VARIABLES:
            known = ", ".join(f"%{variable}" for variable in VARIABLES)
            raise ExpressionError(f"`%{name}` is not one of {known}")
        self.variables.add(name)


def _plain(nodes: Any) -> list[Any]:
    return [node.data if isinstance(node, ResourceNode) else node for node in nodes]
