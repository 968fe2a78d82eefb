"""Which tests claim which requirement of the guide: every `@pytest.mark.crd(…)`, read from the sources with `ast`.

The requirements themselves stand in `requirements.csv`: each is claimed, or not tested for the reason given there.
"""

import ast
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One statement a CRD server is held to; `not_tested` is our reason, empty where tests claim it."""

    key: str
    conformance: str
    conditionality: str
    category: str
    page: str
    not_tested: str

    @property
    def is_a_must(self) -> bool:
        """Whether the guide says SHALL or SHALL NOT."""
        return "SHALL" in self.conformance


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One test that says it proves a requirement; `test` is its node id without parameters."""

    key: str
    test: str


def read_requirements(file: Path = TESTS / "requirements.csv") -> tuple[Requirement, ...]:
    """Every row of the table."""
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(Requirement(**row) for row in csv.DictReader(lines))


def read_claims(directory: Path = TESTS) -> tuple[Claim, ...]:
    """Every claim in the sources under a directory.

    Raises:
        ValueError: a mark stands where it claims nothing: on no test, in a file pytest does not read, without keys.
    """
    return tuple(
        claim
        for file in sorted(directory.rglob("*.py"))
        for claim in claims_in(file.read_text("utf-8"), file.relative_to(directory.parent).as_posix())
    )


def claims_in(source: str, name: str) -> Iterator[Claim]:
    """The claims in one module.

    Raises:
        ValueError: a mark stands where it claims nothing.
    """
    tree = ast.parse(source)
    claimed = list(_claimed(tree))
    marks = [node for node in ast.walk(tree) if _is_mark(node)]
    if len(marks) != len(claimed) or (marks and not Path(name).name.startswith("test_")):
        raise ValueError(f"{name}: @pytest.mark.crd on something that is not a test")
    for test, mark in claimed:
        for key in _keys(mark, name):
            yield Claim(key=key, test=f"{name}::{test}")


def _claimed(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield from ((node.name, mark.func) for mark in node.decorator_list if _is_call_of_mark(mark))


def _is_call_of_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _is_mark(node.func)
