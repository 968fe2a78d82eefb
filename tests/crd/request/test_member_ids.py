"""Member ids: the numbers of a Coverage that are one member's alone."""

from typing import Any

import pytest

from cds_service.crd.request.member_ids import member_ids

MB = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}
SELF, CHILD = ({"coding": [{"code": code}]} for code in ("self", "child"))


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [
        ({"identifier": [{"type": MB, "value": "M-1"}]}, {"M-1"}),
        ({"identifier": {"type": MB, "value": " M-1 "}}, {"M-1"}),
        (
            {"identifier": [{"type": MB, "value": "M-1"}, {"type": MB, "value": "M-2"}]},
            {"M-1", "M-2"},
        ),
        ({"identifier": [{"value": "M-1"}]}, set()),
        ({"identifier": [{"type": MB}]}, set()),
        ({"subscriberId": "S-1", "relationship": SELF}, {"S-1"}),
        ({"subscriberId": "S-1", "relationship": CHILD}, set()),
        ({"subscriberId": "S-1"}, set()),
        ({"subscriberId": "S-1", "relationship": SELF, "dependent": "02"}, set()),
        (
            {
                "subscriberId": "S-1",
                "relationship": SELF,
                "identifier": [{"type": MB, "value": "M-1"}],
            },
            {"M-1"},
        ),
        ({"relationship": SELF}, set()),
        ({}, set()),
    ],
)
def test_only_a_number_of_the_very_member_is_one(
    coverage: dict[str, Any], expected: set[str]
) -> None:
    """A family shares the subscriber's, so it is the subscriber's alone."""
    assert member_ids(coverage) == expected
