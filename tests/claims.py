"""The tests that claim each requirement of the guide, by `@pytest.mark.crd(…)`, read with `ast`.

The requirements are in `requirements.csv`: each is claimed by a test, or has a reason there why
it is not tested.
"""

import ast
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One statement on CRD servers; `not_tested` is our reason, empty where tests claim it."""

    key: str
    conformance: str
    conditionality: str
    category: str
    page: str
    not_tested: str


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
        ValueError: a mark stands where it claims nothing.
    """
    files = sorted(directory.rglob("*.py"))
    named = (
        (file.read_text("utf-8"), file.relative_to(directory.parent).as_posix()) for file in files
    )
    return tuple(claim for source, name in named for claim in claims_in(source, name))


def claims_in(source: str, name: str) -> list[Claim]:
    """The claims in one module.

    Raises:
        ValueError: a mark is on no test, in a file that pytest does not read, or has no literal
            keys.
    """
    tree = ast.parse(source)
    claimed = list(_claimed(tree)) if Path(name).name.startswith("test_") else []
    if len(claimed) != sum(_is_mark(node) for node in ast.walk(tree)):
        raise ValueError(f"{name}: @pytest.mark.crd stands where it claims nothing")
    return [
        Claim(key=key, test=f"{name}::{test}")
        for test, mark in claimed
        for key in _keys(mark, name)
    ]


def _claimed(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _is_mark(decorator.func):
                    yield node.name, decorator


def _is_mark(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "crd"
        and ast.unparse(node) == "pytest.mark.crd"
    )


def _keys(mark: ast.Call, name: str) -> list[str]:
    keys = [
        argument.value
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    if not keys or len(keys) != len(mark.args) + len(mark.keywords):
        raise ValueError(f"{name}:{mark.lineno}: @pytest.mark.crd takes keys, written out")
    return keys


def table(
    requirements: Iterable[Requirement],
    claims: Iterable[Claim],
    outcomes: Mapping[str, str],
    *,
    names: bool = False,
) -> Iterator[str]:
    """A line a requirement: key, level, number of tests, state; and the tests by name if asked.

    `outcomes` are those of this run by node id without parameters.
    """
    tests_of: dict[str, list[str]] = {}
    for claim in claims:
        tests_of.setdefault(claim.key, []).append(claim.test)
    yield f"{'key':<10} {'level':<14} {'tests':>5}  state"
    for requirement in requirements:
        tests = tests_of.get(requirement.key, [])
        of_this_run = [outcomes[test] for test in tests if test in outcomes]
        state = requirement.not_tested or _state(of_this_run)
        yield f"{requirement.key:<10} {requirement.conformance:<14} {len(tests):>5}  {state}"
        yield from (f"{'':<10} {test}" for test in tests if names)


def _state(outcomes: list[str]) -> str:
    return "failed" if "failed" in outcomes else "passed" if outcomes else "not run"
