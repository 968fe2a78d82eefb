"""How mutants are tried: in a copy, restored afterwards, and dead only where a test fails."""

from pathlib import Path

import pytest
from mutants_of_claims import Copy, Mutant, copy_checkout
from package_under_test import ROOT

pytestmark = pytest.mark.long  # of a tool, not of the service

MODULE = "def twice(number):\n    return number + number\n"
TESTS = """
import pytest
from doubling import twice

@pytest.fixture
def four():
    return 8 // twice(1)

def test_two(): assert twice(2) == 4
def test_three(): assert twice(3) == 6
def test_with_a_fixture(four): assert four
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A checkout of one module and its tests."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "doubling.py").write_text(MODULE)
    (root / "test_doubling.py").write_text(TESTS)
    return Copy(root)


def bug(new: str) -> Mutant:
    """Another way to double."""
    return Mutant(keys=(), breaks="it", file="doubling.py", old="number + number", new=new)


def killed(copy: Copy, new: str, test: str) -> bool:
    """Whether a test kills a bug."""
    with copy.holding(bug(new)):
        return copy.run([f"test_doubling.py::{test}"]).kills


def test_a_mutant_lives_if_no_test_notices(copy: Copy) -> None:
    """Two squared is four."""
    assert not killed(copy, "number**2", "test_two")


@pytest.mark.parametrize(
    ("new", "test"),
    [("number +", "test_two"), ("0", "test_with_a_fixture"), ("number + 1", "test_of_nobody")],
    ids=["no Python", "an error before the test", "no such test"],
)
def test_an_error_before_any_test_kills_nothing(copy: Copy, new: str, test: str) -> None:
    """What keeps tests from running proves nothing of what they notice."""
    assert not killed(copy, new, test)


def test_one_mutant_after_another_is_tried_as_it_is_written(copy: Copy) -> None:
    """Of the same length and in the same second: what was compiled of the first is not used."""
    bugs = ["number + 1", "number * 2"]

    assert [killed(copy, new, "test_three") for new in bugs] == [True, False]


def test_the_copy_is_as_before_afterwards(copy: Copy) -> None:
    """Whatever happens while the bug is in it."""
    with pytest.raises(KeyboardInterrupt), copy.holding(bug("0")):
        raise KeyboardInterrupt

    assert (copy.root / "doubling.py").read_text() == MODULE


def test_a_copy_of_the_checkout_holds_what_tests_read(tmp_path: Path) -> None:
    """Sources, policies, examples, tests and CI, and nothing that was built or kept."""
    copy = copy_checkout(tmp_path / "copy")
    names = {entry.name for entry in copy.root.iterdir()}

    assert {"cds_service", "fhir_library", "examples", "tests", "pyproject.toml", ".ci"} <= names
    assert {".git", ".venv"}.isdisjoint(names)
    assert (copy.root / "README.md").read_text("utf-8") == (ROOT / "README.md").read_text("utf-8")
