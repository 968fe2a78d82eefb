"""What a library holds, counted: no policy is left out of the count, whatever its status."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from small_library import organization, policy, write_library

from cds_service.crd.codes import PAYER_ID
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.inventory import Inventory, Standing, take_inventory

TODAY = date(2025, 6, 1)
URL = "https://policies.example.invalid/PlanDefinition/p"


def inventory(directory: Path, *resources: dict[str, Any]) -> Inventory:
    """The inventory of a library of these resources and the payer `acme`."""
    library = read_library([write_library(directory, organization(), *resources)])
    return take_inventory(library, compile_library(library, base_url=""), TODAY)


def test_an_empty_library_has_no_policy_in_force(tmp_path: Path) -> None:
    """Nothing else is counted, so nothing else is shown."""
    assert str(inventory(tmp_path)) == "no policies in force"


def test_one_policy_in_force_is_counted_in_the_singular(tmp_path: Path) -> None:
    """A count of nought is left out."""
    assert str(inventory(tmp_path, policy())) == "1 policy in force"


@pytest.mark.parametrize("status", ["draft", "retired", "unknown"])
def test_what_is_not_active_is_counted_by_its_status(tmp_path: Path, status: str) -> None:
    """A policy that was left a draft does not vanish without a word."""
    counted = inventory(tmp_path, policy(), policy(name="other", status=status))

    assert str(counted) == f"1 policy in force, 1 {status}"


def test_a_draft_is_a_draft_whenever_it_begins(tmp_path: Path) -> None:
    """Its days mean nothing yet."""
    counted = inventory(tmp_path, policy(start="2030-01-01", status="draft"))

    assert counted.standings == {"acme-1": Standing.DRAFT}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-06-02", None, Standing.NOT_YET_IN_FORCE),
        ("2025-06-01", None, Standing.IN_FORCE),
        ("2025-06-01", "2025-06-01", Standing.IN_FORCE),
        ("2025-05-01", "2025-05-31", Standing.PAST),
    ],
)
def test_an_active_policy_stands_where_its_days_put_it(
    tmp_path: Path, start: str, end: str | None, expected: Standing
) -> None:
    """Its first and its last day are both its own."""
    period = {"start": start, "end": end} if end else {"start": start}

    assert inventory(tmp_path, policy(effectivePeriod=period)).standings == {"acme-1": expected}


def test_a_version_whose_successor_has_begun_is_past(tmp_path: Path) -> None:
    """Payers seldom go back to write an end into the old version."""
    old = policy(name="old", url=URL, version="1", start="2024-01-01")
    new = policy(name="new", url=URL, version="2", start="2025-01-01")

    assert inventory(tmp_path, old, new).standings == {
        "old": Standing.PAST,
        "new": Standing.IN_FORCE,
    }


def test_a_policy_of_two_payers_is_counted_once(tmp_path: Path) -> None:
    """One document, one PlanDefinition, though each payer has a policy of it."""
    shared = policy()
    coding = shared["useContext"][0]["valueCodeableConcept"]["coding"]
    coding.append({"system": PAYER_ID, "code": "other"})

    assert str(inventory(tmp_path, organization("other"), shared)) == "1 policy in force"


def test_all_counts_stand_in_one_line(tmp_path: Path) -> None:
    """In force first, then what will be, was, and is not active."""
    counted = inventory(
        tmp_path,
        policy(name="a"),
        policy(name="b"),
        policy(name="c", start="2026-01-01"),
        policy(name="d", effectivePeriod={"start": "2024-01-01", "end": "2024-12-31"}),
        policy(name="e", status="draft"),
        policy(name="f", status="retired"),
        policy(name="g", status="unknown"),
    )

    assert counted.count(Standing.IN_FORCE) == 2
    assert str(counted) == (
        "2 policies in force, 1 not yet in force, 1 past, 1 draft, 1 retired, 1 unknown"
    )
