"""The grammar of FHIRPath, strictly: fhirpathpy's, run with listeners that refuse.

fhirpathpy itself accepts malformed expressions. Importing the grammar and running it for the first
time takes longer than all else that a small library needs (see `parser`).
"""

from typing import Any

from antlr4 import CommonTokenStream, InputStream, ParseTreeWalker
from antlr4.error.ErrorListener import ErrorListener
from fhirpathpy.parser.ASTPathListener import ASTPathListener
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from cds_service.errors import ExpressionError


def parse(source: str) -> dict[str, Any]:
    """The syntax tree of an expression, as fhirpathpy gives it.

    Raises:
        ExpressionError: it is not FHIRPath to its last character; names the column.
    """
    lexer = FHIRPathLexer(InputStream(source))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for reader in (lexer, parser):
        reader.removeErrorListeners()
        reader.addErrorListener(_Refuse())
    whole = parser.entireExpression()  # type: ignore[no-untyped-call]
    syntax = ASTPathListener()  # type: ignore[no-untyped-call]
    ParseTreeWalker().walk(syntax, whole.expression())
    tree: dict[str, Any] = syntax.parentStack[0]["children"][0]
    return tree


class _Refuse(ErrorListener):  # type: ignore[misc]  # antlr4 has no types
    def syntaxError(  # noqa: N802  # antlr4's name
        self, _recognizer: Any, _symbol: Any, _line: int, column: int, msg: str, _error: Any
    ) -> None:
        raise ExpressionError(f"column {column + 1}: {msg}")
