"""Each of the guide's requirements on servers is claimed by a test, or has a reason why not."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from claims import Claim, Requirement, claims_in, read_claims, read_requirements, table

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COUNT = 144  # CRD 2.2.1, Requirements-fromNarrative, statements for crd-server
# sha256 of the sorted keys, one a line
KEYS = "0977b06be24474dff738e195d9f11bbfab47e0a0b7f3bb0d4ce754f4e19ecbc5"
REQUIREMENTS = read_requirements()
CLAIMS = read_claims()
CLAIMED = {claim.key for claim in CLAIMS}
MARK = '@pytest.mark.crd("hook-13")\n'


def test_the_table_holds_the_guides_keys_and_no_other() -> None:
    """The keys are those the guide has for servers, each once."""
    keys = sorted(requirement.key for requirement in REQUIREMENTS)

    assert len(set(keys)) == len(keys) == COUNT
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest() == KEYS


def test_no_test_claims_what_the_guide_does_not_ask() -> None:
    """A misspelt key would claim nothing."""
    known = {requirement.key for requirement in REQUIREMENTS}

    assert [claim for claim in CLAIMS if claim.key not in known] == []


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.key)
def test_each_requirement_is_claimed_or_has_a_reason_and_never_both(
    requirement: Requirement,
) -> None:
    """No requirement is forgotten, and no reason stays once there is a test."""
    assert (requirement.key in CLAIMED) != bool(requirement.not_tested)


def test_every_level_is_one_the_guide_has() -> None:
    """All levels occur, and every SHALL without a reason is claimed."""
    levels = Counter(
        level for requirement in REQUIREMENTS for level in requirement.conformance.split("|")
    )

    assert set(levels) == {"SHALL", "SHALL-NOT", "SHOULD", "SHOULD-NOT", "MAY"}
    open_keys = [
        requirement.key
        for requirement in REQUIREMENTS
        if "SHALL" in requirement.conformance and not requirement.not_tested
    ]
    assert [key for key in open_keys if key not in CLAIMED] == []


def test_the_readme_shows_the_count() -> None:
    """The figures in the README are those of the table."""
    shown = re.findall(r"^.*\b(\d+) of 144\b.*\b(\d+) with a reason\b.*$", README, re.MULTILINE)
    reasons = sum(bool(requirement.not_tested) for requirement in REQUIREMENTS)

    assert shown == [(str(COUNT - reasons), str(reasons))]


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
        claims_in(source, name)


def test_a_claim_is_a_key_and_the_test_that_bears_the_mark() -> None:
    """Found without running anything."""
    source = f'{MARK}@pytest.mark.parametrize("x", [1])\ndef test_one(x: int) -> None: ...'

    assert claims_in(source, "tests/test_one.py") == [
        Claim(key="hook-13", test="tests/test_one.py::test_one")
    ]


def test_the_table_shows_what_became_of_each() -> None:
    """Passed, failed, not run, or the reason there is no test; the tests by name if asked."""
    rows = [
        Requirement(
            key=key, conformance="SHALL", conditionality="", category="", page="", not_tested=reason
        )
        for key, reason in [("a-1", ""), ("a-2", ""), ("a-3", ""), ("a-4", "business: not ours")]
    ]
    claims = [
        Claim(key=key, test=test)
        for key, test in [("a-1", "x"), ("a-2", "x"), ("a-2", "y"), ("a-3", "z")]
    ]
    lines = list(table(rows, claims, {"x": "passed", "y": "failed"}))

    assert [line.split(maxsplit=3)[2:] for line in lines[1:]] == [
        ["1", "passed"],
        ["2", "failed"],
        ["1", "not run"],
        ["0", "business: not ours"],
    ]
    assert any(line.endswith(" y") for line in table(rows, claims, {}, names=True))
