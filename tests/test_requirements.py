"""Each of the guide's requirements on servers is claimed by a test, or the reason it is not stands in the table."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from claims import Claim, Requirement, claims_in, read_claims, read_requirements, table

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COUNT = 144  # CRD 2.2.1, Requirements-fromNarrative, statements for crd-server
KEYS = "0977b06be24474dff738e195d9f11bbfab47e0a0b7f3bb0d4ce754f4e19ecbc5"  # sha256 of the sorted keys, a line each
REQUIREMENTS = read_requirements()
CLAIMS = read_claims()
CLAIMED = {claim.key for claim in CLAIMS}
MARK = '@pytest.mark.crd("hook-13")\n'


def test_the_table_holds_the_guides_keys_and_no_other() -> None:
    """As many as the guide has for servers, each once, and the very same."""
    keys = sorted(one.key for one in REQUIREMENTS)

    assert len(set(keys)) == len(keys) == COUNT
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest() == KEYS


def test_no_test_claims_what_the_guide_does_not_ask() -> None:
    """A key with a slip of the pen would claim nothing."""
    known = {one.key for one in REQUIREMENTS}

    assert [claim for claim in CLAIMS if claim.key not in known] == []


@pytest.mark.parametrize("one", REQUIREMENTS, ids=lambda one: one.key)
def test_each_requirement_is_claimed_or_has_a_reason_and_never_both(one: Requirement) -> None:
    """Nothing is forgotten, and no reason outlives its test."""
    assert (one.key in CLAIMED) != bool(one.not_tested)


def test_every_level_is_one_the_guide_has() -> None:
    """Most of them are SHALL, and none of those is left out."""
    levels = Counter(level for one in REQUIREMENTS for level in one.conformance.split("|"))

    assert set(levels) == {"SHALL", "SHALL-NOT", "SHOULD", "SHOULD-NOT", "MAY"}
    open_ones = [
        one.key for one in REQUIREMENTS if "SHALL" in one.conformance and not one.not_tested
    ]
    assert [key for key in open_ones if key not in CLAIMED] == []


def test_the_readme_shows_the_count() -> None:
    """A figure in a document is a figure to keep."""
    shown = re.findall(r"^.*\b(\d+) of 144\b.*\b(\d+) with a reason\b.*$", README, re.MULTILINE)
    reasons = sum(bool(one.not_tested) for one in REQUIREMENTS)

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
    """On no test, in a file pytest does not read, for several tests at once, or without keys to read."""
    with pytest.raises(ValueError, match=r"claims nothing|written out"):
        claims_in(source, name)


def test_a_claim_is_a_key_and_the_test_that_bears_the_mark() -> None:
    """Found without running anything."""
    source = f'{MARK}@pytest.mark.parametrize("x", [1])\ndef test_one(x: int) -> None: ...'

    assert claims_in(source, "tests/test_one.py") == [
        Claim(key="hook-13", test="tests/test_one.py::test_one")
    ]


def test_the_table_shows_what_became_of_each() -> None:
    """Passed, failed, not run, or why there is nothing to run; the tests by name if asked."""
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
