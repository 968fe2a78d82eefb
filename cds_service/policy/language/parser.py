"""Parsing: the syntax tree of an expression, strictly and to its last character.

The rules of a payer differ in little but their texts: those are taken out first, and what is left,
the shape, is parsed once for all. The shapes of the built-in policies come parsed with the program
(`known_shapes.json`); any other is for the grammar, whose first run costs a tenth of a second.
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.fhir.resource import Json, decode

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
    """Parses expressions; the trees of those that differ in their texts only are one.

    `trees` are those of the shapes it knows: at first what comes with the program, unless others
    are given.
    """

    def __init__(self, trees: dict[str, Node] | None = None) -> None:
        self.trees = known_trees() if trees is None else trees

    def parse(self, source: str, names: Container[str] = ()) -> Parsed:
        """The syntax of `source`; `names` are variables that may be written with a dash, unquoted.

        Raises:
            ExpressionError: it is not FHIRPath to its last character.
        """
        quoted = _MARKED.sub(lambda found: _quoted(found, names), source) if names else source
        shape, texts = _take_texts(quoted)
        if shape not in self.trees:
            self.trees[shape] = read_tree(_parse_shape(shape, quoted))
        return Parsed(self.trees[shape], tuple(map(_unescaped, texts)))


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
    from cds_service.policy.language.grammar import parse  # noqa: PLC0415  # slow to import

    try:
        return parse(shape)
    except ExpressionError:
        parse(source)
        raise


def known_trees() -> dict[str, Node]:
    """The shapes that come with the program, and the tree of each."""
    written = decode((resources.files(__package__) / "known_shapes.json").read_bytes())
    return {shape: _read_node(node) for shape, node in written.items()}


def _read_node(written: Json) -> Node:
    kind, tokens, children = written
    return Node(kind, tuple(tokens), tuple(map(_read_node, children)))


def read_tree(tree: dict[str, Any]) -> Node:
    """The tree that the grammar gives, without what only wraps one other node."""
    children = tuple(read_tree(child) for child in tree.get("children", ()))
    if tree["type"] in _WRAPPERS and len(children) == 1:
        return children[0]
    return Node(tree["type"], tuple(tree["terminalNodeText"]), children)


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
