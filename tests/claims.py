"""The tests that claim each requirement of a standard, by a mark on them, read with `ast`.

`@pytest.mark.crd(…)` claims rows of `requirements.csv`, which are the guide's, and
`@pytest.mark.cds_hooks(…)` those of `requirements-cds-hooks.csv`. Each row is claimed by a test, or
has a reason there why it is not.
"""

import ast
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
TABLES: Mapping[str, Path] = {  # by the mark that claims its rows
    "crd": TESTS / "requirements.csv",
    "cds_hooks": TESTS / "requirements-cds-hooks.csv",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One statement on servers; `not_tested` is our reason, empty where tests claim it.

    `reading` is how a claimed statement is read, and what of it no test can show.
    """

    key: str
    conformance: str
    not_tested: str
    reading: str

    @property
    def must_hold(self) -> bool:
        """Whether the standard leaves no choice."""
        return "SHALL" in self.conformance


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One test that says it proves a requirement; `test` is its node id without parameters."""

    key: str
    test: str


def read_requirements(mark: str) -> tuple[Requirement, ...]:
    """Every row of the table whose rows a mark claims."""
    with TABLES[mark].open(encoding="utf-8", newline="") as lines:
        return tuple(
            Requirement(
                key=row["key"],
                conformance=row["conformance"],
                not_tested=row["not_tested"],
                reading=row["reading"],
            )
            for row in csv.DictReader(lines)
        )


def read_claims(mark: str, directory: Path = TESTS) -> tuple[Claim, ...]:
    """Every claim by a mark in the sources under a directory.

    Raises:
        ValueError: a mark stands where it claims nothing.
    """
    files = sorted(directory.rglob("*.py"))
    named = (
        (file.read_text("utf-8"), file.relative_to(directory.parent).as_posix()) for file in files
    )
    return tuple(claim for source, name in named for claim in claims_in(source, name, mark))


def tests_by_key(claims: Iterable[Claim]) -> Mapping[str, tuple[str, ...]]:
    """The node ids of the tests that claim each key."""
    tests: dict[str, tuple[str, ...]] = {}
    for claim in claims:
        tests[claim.key] = (*tests.get(claim.key, ()), claim.test)
    return tests


def claims_in(source: str, name: str, mark: str) -> list[Claim]:
    """The claims by a mark in one module.

    Raises:
        ValueError: a mark is on no test, in a file that pytest does not read, or has no literal
            keys.
    """
    written = f"pytest.mark.{mark}"
    if written not in source:
        return []
    tree = ast.parse(source)
    claimed = list(_claimed(tree, written)) if Path(name).name.startswith("test_") else []
    if len(claimed) != sum(_is_mark(node, written) for node in ast.walk(tree)):
        raise ValueError(f"{name}: @{written} stands where it claims nothing")
    return [
        Claim(key=key, test=f"{name}::{test}")
        for test, call in claimed
        for key in _keys(call, f"{name}:{call.lineno}: @{written}")
    ]


def _claimed(tree: ast.Module, written: str) -> Iterator[tuple[str, ast.Call]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _is_mark(decorator.func, written):
                    yield node.name, decorator


def _is_mark(node: ast.AST, written: str) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == written


def _keys(call: ast.Call, where: str) -> list[str]:
    keys = [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    if not keys or len(keys) != len(call.args) + len(call.keywords):
        raise ValueError(f"{where} takes keys, written out")
    return keys


def table(
    requirements: Iterable[Requirement],
    claims: Iterable[Claim],
    outcomes: Mapping[str, str],
    mutants: Mapping[str, str],
    *,
    names: bool = False,
) -> Iterator[str]:
    """A line a requirement: key, level, number of tests, mutants, state; and the tests if asked.

    `outcomes` are those of this run by node id without parameters; `mutants` is what there is to
    say, by key, of the mutants that the tests of a key have to kill.
    """
    tests_of = tests_by_key(claims)
    yield f"{'key':<16} {'level':<14} {'tests':>5} {'mutants':>12}  state"
    for requirement in requirements:
        key, tests = requirement.key, tests_of.get(requirement.key, ())
        state = requirement.not_tested or _state([outcomes.get(test, "") for test in tests])
        count = f"{len(tests):>5} {mutants.get(key, ''):>12}"
        yield f"{key:<16} {requirement.conformance:<14} {count}  {state}"
        yield from (f"{'':<16} {test}" for test in tests if names)


def _state(outcomes: list[str]) -> str:
    """What became of the tests of one key, of which some may not have been run."""
    return "failed" if "failed" in outcomes else "passed" if "passed" in outcomes else "not run"
