"""The shapes that come parsed with the program are what the grammar makes of them.

`python tests/policy/language/test_known_shapes.py` writes those of the built-in policies anew.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cds_service.policy import language
from cds_service.policy.language.grammar import parse
from cds_service.policy.language.parser import Node, Parser, known_trees, read_tree
from cds_service.policy.library.artifacts import builtin_library, read_library

FILE = Path(language.__path__[0]) / "known_shapes.json"
# Compiles the built-in library, and names the parser's module if that was needed.
_COMPILING = """
import sys
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
compile_library(read_library([builtin_library()]), base_url="")
slow = ("antlr4", "fhirpathpy", "pydantic", "fhir.resources")
print([name for name in slow if name in sys.modules])
"""


def test_a_known_shape_has_the_tree_that_the_grammar_gives_it() -> None:
    """To its last token: what is known is never another expression than what is written."""
    assert {shape: read_tree(parse(shape)) for shape in known_trees()} == known_trees()


def test_the_built_in_policies_need_neither_grammar_nor_models() -> None:
    """Their shapes are known and their files sealed; else write the shapes, or seal, anew."""
    done = subprocess.run(
        [sys.executable, "-c", _COMPILING], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_another_shape_is_left_to_the_grammar() -> None:
    """And the tree is the same, whichever of the two it comes from."""
    for shape in known_trees():
        wrapped = f"({shape}) = true"

        assert Parser().parse(wrapped).tree == read_tree(parse(wrapped))


def _written(node: Node) -> list[Any]:
    return [node.kind, list(node.tokens), [_written(child) for child in node.children]]


def _shapes() -> dict[str, Node]:
    """Those of every expression in the built-in library, by the grammar alone."""
    parser = Parser({})
    library = read_library([builtin_library()])
    for artifact in library.by_key.values():
        for source in _expressions(artifact.resource):
            parser.parse(source)
    return parser.trees


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.get("language") == "text/fhirpath":
        yield value["expression"]
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from _expressions(inner)


if __name__ == "__main__":
    rows = [
        f"{json.dumps(shape)}: {json.dumps(_written(node))}" for shape, node in _shapes().items()
    ]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
