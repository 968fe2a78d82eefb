"""Rules and policies as they run: when a policy is in force, and which codes a rule lists."""

from datetime import date
from pathlib import Path

import pytest
from small_library import policy, rule, small_index

from cds_service.fhir.coding import CPT, Coding
from cds_service.fhir.dates import ANY_DAY, Days, parse_days
from cds_service.fhir.truth import Truth
from cds_service.policy.run.rules import Policy, Rule

IN_FORCE = {"start": "2025-03-31", "end": "2025-06-01"}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """A policy that is in force from the last day of March to the first day of June 2025."""
    index = small_index(tmp_path_factory.mktemp("library"), policy(effectivePeriod=IN_FORCE))
    (compiled,) = index.policies
    return compiled


@pytest.mark.parametrize(
    ("date_of_service", "in_force"),
    [
        ("2025-03-30", Truth.FALSE),
        ("2025-03-31", Truth.TRUE),
        ("2025-04", Truth.TRUE),
        ("2025-06-01", Truth.TRUE),
        ("2025-06-02", Truth.FALSE),
        ("2025-02", Truth.FALSE),
        ("2025-07", Truth.FALSE),
        ("2024", Truth.FALSE),
        ("2026", Truth.FALSE),
        # Of March only the last day is inside, and of June the first: enough to leave it open.
        ("2025-03", Truth.UNKNOWN),
        ("2025-06", Truth.UNKNOWN),
        ("2025", Truth.UNKNOWN),
    ],
)
def test_a_vague_date_is_outside_a_policy_only_if_all_its_days_are(
    limited: Policy, date_of_service: str, in_force: Truth
) -> None:
    """True if every day it may be lies inside, false if none does, else unknown."""
    days = parse_days(date_of_service)

    assert days is not None
    assert limited.in_force(days) is in_force


def test_a_date_that_cannot_be_read_leaves_it_unknown(limited: Policy) -> None:
    """Unknown is neither today nor never."""
    assert limited.in_force(ANY_DAY) is Truth.UNKNOWN


def test_both_bounds_are_days_in_force(limited: Policy) -> None:
    """From the first day to the last, and no further on either side."""
    first, last = date(2025, 3, 31), date(2025, 6, 1)

    assert limited.in_force(Days(first, last)) is Truth.TRUE
    assert limited.in_force(Days(date(2025, 3, 30), last)) is Truth.UNKNOWN
    assert limited.in_force(Days(first, date(2025, 6, 2))) is Truth.UNKNOWN


def test_a_rule_names_codes_as_its_policy_writes_them(tmp_path: Path) -> None:
    """In the policy's order and letters, however the order has them."""
    compiled = rule_listing(tmp_path, "0001T", "0002T", "0003T")
    ordered = [Coding(CPT, "0003t"), Coding(CPT, "0001T"), Coding(CPT, "0003T")]

    assert [coding.code for coding in compiled.as_written(ordered)] == ["0001T", "0003T"]


def test_a_rule_matches_the_codes_it_lists_and_no_others(tmp_path: Path) -> None:
    """A code of another system is another code."""
    compiled = rule_listing(tmp_path, "0001T", "0002T")
    listed, other = Coding(CPT, "0002T"), Coding("https://else.example.invalid", "0001T")

    assert compiled.matches([other, listed]) == (listed,)


def rule_listing(tmp_path: Path, *codes: str) -> Rule:
    """The one rule of a policy, for these codes."""
    (compiled,) = small_index(tmp_path, policy(rule(codes=codes))).rules
    return compiled
