"""The words of the house: names that style.md gave up must not come back, as checks over syntax."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from house_sources import Function, Source

# A part of a name that is no longer used, and the word for what it meant.
OLD_WORDS: Mapping[str, str] = {
    "consider": "evaluate",
    "fallback": "default determination",
    "fallbacks": "default determinations",
    "foreign": "other patients",
    "news": "determination, or unreported",
    "said": "determination",
    "says": "determination",
    "stranger": "other patients",
    "strangers": "other patients",
    "told": "determination",
}
_WORD = re.compile(r"[A-Z]?[a-z]+")


def nameless_variables(house: Sequence[Source]) -> Iterator[str]:
    """Variables and parameters called `one`, `each` or a letter: name the thing."""
    for source in house:
        for line, name in _bound_names(source.tree):
            if name in ("one", "each") or (len(name) == 1 and name.islower()):
                yield source.at(line, f"`{name}` names nothing")


def old_words(house: Sequence[Source]) -> Iterator[str]:
    """Modules, functions, classes, variables and fields named with a word that was given up."""
    for source in house:
        names = [(1, source.name), *_defined_names(source.tree), *_bound_names(source.tree)]
        for line, name in names:
            for word in _WORD.findall(name):
                if word.lower() in OLD_WORDS:
                    yield source.at(line, f"`{name}`: say {OLD_WORDS[word.lower()]}")


def _bound_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Variables of assignments, loops, comprehensions and `with`, and all parameters."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name


def _defined_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.lineno, node.name
