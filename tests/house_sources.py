"""The modules of the house as text and syntax tree, for the checks that read them."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HOUSE = Path(__file__).parents[1] / "cds_service"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One module of the house; `name` is what stands behind `cds_service.`."""

    name: str
    text: str

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def at(self, line: int, problem: str) -> str:
        return f"{self.name}:{line}: {problem}"

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


# A check yields the faults it finds, each with its place.
Check = Callable[[Sequence[Source]], Iterator[str]]


def read_house() -> tuple[Source, ...]:
    """Every module, the package's own map aside."""
    files = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")
    names = (".".join(path.relative_to(HOUSE).with_suffix("").parts) for path in files)
    return tuple(
        Source(name, path.read_text("utf-8")) for name, path in zip(names, files, strict=True)
    )


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Each name a module imports, with its line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (
                (node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}")
                for alias in node.names
            )
