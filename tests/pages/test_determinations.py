"""Details of determinations in words, for a page."""

import pytest

from cds_service.crd.codes import DetailCategory
from cds_service.crd.decision.determination import Detail
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject
from cds_service.pages.determinations import describe_detail
from cds_service.policy.run.rules import DynamicDetail


def detail(value_type: str, value: object, *, qualification: str = "") -> DynamicDetail:
    """A detail with this value that is always given."""
    fixed = Detail(
        category=DetailCategory.OTHER,
        code=Coding("", "instructions"),
        value_type=value_type,
        value=value,
        qualification=qualification,
    )
    return DynamicDetail(detail=fixed, when=None, value=None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"valueString": "Call us."}, "Call us."),
        ({"valueBoolean": False}, "no"),
        ({"valuePeriod": {"start": "2025-01-01"}}, "2025-01-01 to any time"),
        ({"valueQuantity": {"comparator": "<", "value": 3, "unit": "visits"}}, "< 3 visits"),
        ({"valueUrl": "https://payer.example/form"}, "https://payer.example/form"),
    ],
)
def test_a_detail_is_shown_whatever_its_type(value: JsonObject, shown: str) -> None:
    """Each type of value a detail may have reads as text."""
    [(value_type, content)] = value.items()

    assert describe_detail(detail(value_type, content)).text == shown


def test_a_qualification_follows_the_value() -> None:
    """A limit and what qualifies it read as one text."""
    limit = detail("valueString", "Three visits", qualification="in a year")

    assert describe_detail(limit).text == "Three visits in a year"
