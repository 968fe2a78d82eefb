"""Each requirement of CRD and CDS Hooks on servers is claimed by a test, or has a reason why not.

Each claim of a SHALL has a mutant; that they are killed is `pytest --crd-mutants`'s to see.
"""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from claims import TABLES, Claim, Requirement, claims_in, read_claims, read_requirements, table
from mutants_of_claims import Mutant, mutated, read_mutants, read_trials
from package_under_test import ROOT

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COUNT = 144  # CRD 2.2.1, Requirements-fromNarrative, statements for crd-server
# sha256 of the sorted keys, one a line
KEYS = "0977b06be24474dff738e195d9f11bbfab47e0a0b7f3bb0d4ce754f4e19ecbc5"
REQUIREMENTS = {mark: read_requirements(mark) for mark in TABLES}
CLAIMS = {mark: read_claims(mark) for mark in TABLES}
CLAIMED = {claim.key for claims in CLAIMS.values() for claim in claims}
EVERY = [requirement for requirements in REQUIREMENTS.values() for requirement in requirements]
MUTANTS = read_mutants()
MARK = '@pytest.mark.crd("hook-13")\n'


def test_the_guides_table_holds_its_keys_and_no_other() -> None:
    """The keys are those the guide has for servers, each once."""
    keys = sorted(requirement.key for requirement in REQUIREMENTS["crd"])

    assert len(set(keys)) == len(keys) == COUNT
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest() == KEYS


def test_no_key_stands_twice() -> None:
    """Neither in one table nor in both: a key tells which of them it is from."""
    keys = Counter(requirement.key for requirement in EVERY)

    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("mark", TABLES)
def test_no_test_claims_what_is_not_asked(mark: str) -> None:
    """A misspelt key would claim nothing."""
    known = {requirement.key for requirement in REQUIREMENTS[mark]}

    assert [claim for claim in CLAIMS[mark] if claim.key not in known] == []


@pytest.mark.parametrize("requirement", EVERY, ids=lambda requirement: requirement.key)
def test_each_requirement_is_claimed_or_has_a_reason_and_never_both(
    requirement: Requirement,
) -> None:
    """No requirement is forgotten, no reason stays once there is a test, nor a reading without."""
    assert (requirement.key in CLAIMED) != bool(requirement.not_tested)
    assert requirement.key in CLAIMED or not requirement.reading


@pytest.mark.parametrize("mark", TABLES)
def test_every_level_is_one_of_the_standard(mark: str) -> None:
    """Levels are written as the guide writes them."""
    levels = {level for row in REQUIREMENTS[mark] for level in row.conformance.split("|")}

    assert {"SHALL", "SHALL-NOT"} <= levels <= {"SHALL", "SHALL-NOT", "SHOULD", "SHOULD-NOT", "MAY"}


@pytest.mark.parametrize(
    "requirement",
    [requirement for requirement in EVERY if requirement.must_hold and not requirement.not_tested],
    ids=lambda requirement: requirement.key,
)
def test_each_claimed_shall_has_a_mutant(requirement: Requirement) -> None:
    """There is a bug to try the tests of the claim with."""
    assert [mutant.breaks for mutant in MUTANTS if requirement.key in mutant.keys]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_each_mutant_can_be_made_and_breaks_what_is_claimed(mutant: Mutant) -> None:
    """What it changes is there, once; a key that it breaks is one that a test claims."""
    source = (ROOT / mutant.file).read_text("utf-8")

    assert mutated(source, mutant) != source
    assert [key for key in mutant.keys if key not in CLAIMED] == []


def test_a_mutant_that_does_not_fit_is_an_error() -> None:
    """What has moved is not tried in the wrong place."""
    twice = Mutant(keys=("hook-13",), breaks="all", file="one.py", old="1", new="2")

    with pytest.raises(ValueError, match="2 times"):
        mutated("1 + 1", twice)


def test_each_trial_has_a_name_of_its_own() -> None:
    """By which it is found."""
    names = Counter(map(str, read_trials()))

    assert [name for name, count in names.items() if count > 1] == []


def test_the_readme_shows_the_counts() -> None:
    """The figures in the README are those of the tables."""
    shown = re.findall(
        r"\b(\d+) of (\d+) server requirements\b[^|]*?\b(\d+)\s+with\s+a\s+reason", README
    )
    expected = []
    for requirements in REQUIREMENTS.values():
        reasons = sum(bool(requirement.not_tested) for requirement in requirements)
        total = len(requirements)
        expected.append((str(total - reasons), str(total), str(reasons)))

    assert shown == expected


def test_the_readme_shows_how_many_mutants_there_are() -> None:
    """As many as are written down."""
    assert re.findall(r"`tests/mutants` that break it, (\d+) in all", README) == [str(len(MUTANTS))]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tests/fakes.py", f"{MARK}def test_one() -> None: ..."),
        ("tests/test_one.py", f"{MARK}def helper() -> None: ..."),
        ("tests/test_one.py", 'pytestmark = pytest.mark.crd("hook-13")'),
        ("tests/test_one.py", 'ROW = pytest.param(1, marks=pytest.mark.crd("hook-13"))'),
        ("tests/test_one.py", "@pytest.mark.crd()\ndef test_one() -> None: ..."),
        ("tests/test_one.py", "@pytest.mark.crd(*KEYS)\ndef test_one() -> None: ..."),
    ],
)
def test_a_mark_that_claims_nothing_is_an_error(name: str, source: str) -> None:
    """A mark must be on a test, in a file that pytest reads, and have literal keys."""
    with pytest.raises(ValueError, match=r"claims nothing|written out"):
        claims_in(source, name, "crd")


def test_a_claim_is_a_key_and_the_test_that_bears_the_mark() -> None:
    """Found without running anything."""
    source = f'{MARK}@pytest.mark.parametrize("x", [1])\ndef test_one(x: int) -> None: ...'

    assert claims_in(source, "tests/test_one.py", "crd") == [
        Claim(key="hook-13", test="tests/test_one.py::test_one")
    ]


def test_the_table_shows_what_became_of_each() -> None:
    """Passed, failed, not run, or the reason there is no test; the tests by name if asked."""
    rows = [
        Requirement(key=key, conformance="SHALL", not_tested=reason, reading="")
        for key, reason in [("a-1", ""), ("a-2", ""), ("a-3", ""), ("a-4", "business: not ours")]
    ]
    claims = [
        Claim(key=key, test=test)
        for key, test in [("a-1", "x"), ("a-2", "x"), ("a-2", "y"), ("a-3", "z")]
    ]
    lines = list(table(rows, claims, {"x": "passed", "y": "failed"}, {"a-1": "1/1 killed"}))

    assert [line.split(maxsplit=2)[2].split() for line in lines[1:]] == [
        ["1", "1/1", "killed", "passed"],
        ["2", "failed"],
        ["1", "not", "run"],
        ["0", "business:", "not", "ours"],
    ]
    assert any(line.endswith(" y") for line in table(rows, claims, {}, {}, names=True))
