"""The list of policies: its order, and what each entry holds."""

from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest
from hosted_policies import list_of, numbered, two_versions
from small_library import USAGE, organization, policy, rule

from cds_service.crd.codes import PAYER_ID
from cds_service.pages.policy_list import PolicyList, Standing


def ids(policy_list: PolicyList) -> list[str]:
    """The ids of the listed policies, in their order."""
    return [listed.policy.id for listed in policy_list.policies]


def test_policies_stand_by_payer_number_and_first_day(tmp_path: Path) -> None:
    """Ids and the order of files do not matter."""
    policy_list = list_of(
        tmp_path,
        organization("zenith"),
        numbered("a", "N.1", payer="zenith"),
        numbered("b", "N.2"),
        *two_versions(),
    )

    assert ids(policy_list) == ["old", "new", "b", "a"]


def test_a_policy_is_found_by_its_id(tmp_path: Path) -> None:
    """The entry found is the one listed; an unknown id finds nothing."""
    policy_list = list_of(tmp_path, policy(name="a"), policy(name="b"))

    assert policy_list.find("b") is policy_list.policies[1]
    assert policy_list.find("c") is None


def test_an_entry_holds_the_rules_of_its_policy_in_their_order(tmp_path: Path) -> None:
    """No rule of another policy is among them."""
    policy_list = list_of(
        tmp_path,
        policy(rule("first"), rule("second", codes=["0002T"]), name="a"),
        policy(rule("other"), name="b"),
    )

    rules = policy_list.policies[0].rules
    assert [found.citation.rule_id for found in rules] == ["first", "second"]


def test_a_code_that_two_rules_list_counts_once(tmp_path: Path) -> None:
    """The count is of codes, not of filters."""
    first, second = rule("a", codes=["0001T", "0002T"]), rule("b", codes=["0002T", "0003T"])

    [listed] = list_of(tmp_path, policy(first, second)).policies

    assert listed.code_count == 3


def test_the_versions_of_a_policy_are_those_of_its_url(tmp_path: Path) -> None:
    """A policy of another URL is no version of it."""
    policy_list = list_of(tmp_path, *two_versions(), policy(name="other"))

    others = {
        listed.policy.id: [version.id for version in listed.other_versions]
        for listed in policy_list.policies
    }
    assert others == {"old": ["new"], "new": ["old"], "other": []}


def test_a_policy_of_two_payers_is_listed_for_each(tmp_path: Path) -> None:
    """Each entry has its own payer; the page of the id is the first payer's."""
    shared = policy(name="shared")
    program = {"coding": [{"system": PAYER_ID, "code": "zenith"}]}
    code = {"system": USAGE, "code": "program"}
    shared["useContext"].append({"code": code, "valueCodeableConcept": program})

    policy_list = list_of(tmp_path, organization("zenith"), shared)

    assert [listed.payer.id for listed in policy_list.policies] == ["acme", "zenith"]
    assert [len(listed.rules) for listed in policy_list.policies] == [1, 1]
    assert policy_list.find("shared") is policy_list.policies[0]


@pytest.mark.parametrize(
    ("day", "standing"),
    [
        (date(2023, 12, 31), Standing.NOT_YET),
        (date(2024, 1, 1), Standing.IN_FORCE),
        (date(2024, 12, 31), Standing.IN_FORCE),
        (date(2025, 1, 1), Standing.ENDED),
    ],
)
def test_a_version_stands_from_its_first_day_to_its_last(
    tmp_path: Path, day: date, standing: Standing
) -> None:
    """Both days are in force; the next version begins on the day after."""
    policy_list = list_of(tmp_path, *two_versions())

    assert policy_list.policies[0].standing_on(day) is standing


def test_a_version_without_an_end_has_no_last_day(tmp_path: Path) -> None:
    """It never ends; the day before the next version is the last of an earlier one."""
    policy_list = list_of(tmp_path, *two_versions())

    last_days = [listed.last_day for listed in policy_list.policies]
    assert last_days == [date(2024, 12, 31), None]
    assert policy_list.policies[1].standing_on(date.max) is Standing.IN_FORCE


def test_the_list_never_changes(tmp_path: Path) -> None:
    """It is read once; nobody writes to it."""
    policy_list = list_of(tmp_path, policy())

    with pytest.raises(FrozenInstanceError):
        policy_list.policies = ()  # type: ignore[misc]
