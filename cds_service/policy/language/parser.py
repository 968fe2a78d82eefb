"""Parsing: the syntax tree of an expression, strictly and to its last character.

fhirpathpy accepts malformed expressions, so its grammar is run with listeners that refuse. Running
it costs a millisecond, and the rules of a payer differ in little but their texts: those are taken
out first, and what is left is parsed once for all.
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from antlr4 import CommonTokenStream, InputStream, ParseTreeWalker
from antlr4.error.ErrorListener import ErrorListener
from fhirpathpy.parser.ASTPathListener import ASTPathListener
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from cds_service.errors import ExpressionError

# A text; or what may hold a quote that begins none: a delimited identifier, a comment; or a
# variable with a dash in its name.
_MARKED = re.compile(
    r"(?P<text>'(?:[^'\\]|\\.)*')|`(?:[^`\\]|\\.)*`|//[^\r\n]*|/\*.*?\*/"
    r"|%(?P<dashed>[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+)",
    re.DOTALL,
)
_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Node:
    """One node: the kind that the grammar gives it, its own tokens, and what stands inside."""

    kind: str
    tokens: tuple[str, ...]
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression as its tree and the texts in it, to which the tree refers by number."""

    tree: Node
    texts: tuple[str, ...]


class Parser:
    """Parses expressions; the trees of those that differ in their texts only are one."""

    def __init__(self) -> None:
        self._trees: dict[str, Node] = {}

    def parse(self, source: str, names: Container[str] = ()) -> Parsed:
        """The syntax of `source`; `names` are variables that may be written with a dash, unquoted.

        Raises:
            ExpressionError: it is not FHIRPath to its last character.
        """
        quoted = _MARKED.sub(lambda found: _quoted(found, names), source)
        shape, texts = _take_texts(quoted)
        if shape not in self._trees:
            self._trees[shape] = _node(_parse_shape(shape, quoted))
        return Parsed(self._trees[shape], tuple(map(_unescaped, texts)))


def _quoted(found: re.Match[str], names: Container[str]) -> str:
    """`%af-history` is a difference in FHIRPath's grammar, and the id of an input in FHIR's."""
    name = found["dashed"]
    return f"%`{name}`" if name and name in names else found[0]


def _take_texts(source: str) -> tuple[str, list[str]]:
    """The expression with numbers in place of its texts, and the texts."""
    texts: list[str] = []

    def taken(found: re.Match[str]) -> str:
        if found["text"] is None:
            return found[0]
        texts.append(found["text"])
        return f"'{len(texts) - 1}'"

    return _MARKED.sub(taken, source), texts


def _unescaped(written: str) -> str:
    """What a text literal stands for (FHIRPath, String).

    Raises:
        ExpressionError: it has half of a character, of those that UTF-16 writes in two.
    """

    def meant(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2])

    if "\\" not in written:
        return written[1:-1]
    try:
        return _ESCAPED.sub(meant, written[1:-1]).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ExpressionError(f"{written} holds half a character") from error


def _parse_shape(shape: str, source: str) -> dict[str, Any]:
    """The syntax of a shape; a fault is named by its place in the source."""
    try:
        return _parse(shape)
    except ExpressionError:
        _parse(source)
        raise


def _parse(source: str) -> dict[str, Any]:
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


def _node(tree: dict[str, Any]) -> Node:
    children = tuple(_node(child) for child in tree.get("children", ()))
    if tree["type"] in _WRAPPERS and len(children) == 1:
        return children[0]
    return Node(tree["type"], tuple(tree["terminalNodeText"]), children)


# What only wraps one other node.
_WRAPPERS = frozenset(
    "TermExpression InvocationTerm LiteralTerm ExternalConstantTerm ParenthesizedTerm".split()
)


def identifier(node: Node) -> str:
    """The name in an Identifier, or in what holds one, without backquotes."""
    (name,) = _identifiers(node) or ("",)
    return _unescaped(name) if name.startswith("`") else name


def _identifiers(node: Node) -> Sequence[str]:
    if node.kind == "Identifier":
        return node.tokens
    return tuple(_first_identifier(node.children))


def _first_identifier(children: tuple[Node, ...]) -> Iterator[str]:
    for child in children:
        if child.kind == "Identifier":
            yield from child.tokens
            return
