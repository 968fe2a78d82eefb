"""Determinations in words."""

import pytest

from cds_service.crd.codes import Covered, DocNeeded, DocPurpose, InfoNeeded, PaNeeded
from cds_service.fhir.resource import JsonObject
from cds_service.pages.determinations import ANSWERS, read_answers, read_details

INSTRUCTIONS = {"url": "code", "valueCodeableConcept": {"coding": [{"code": "instructions"}]}}


def detail(*more: JsonObject) -> JsonObject:
    """One detail with these parts."""
    return {"url": "detail", "extension": [INSTRUCTIONS, *more]}


def test_every_code_an_answer_may_have_has_words() -> None:
    """The table holds the guide's codes, letter for letter, and no others."""
    parts = {
        "covered": Covered,
        "pa-needed": PaNeeded,
        "doc-needed": DocNeeded,
        "doc-purpose": DocPurpose,
        "info-needed": InfoNeeded,
    }

    assert set(ANSWERS) == {(name, code.value) for name, codes in parts.items() for code in codes}


def test_coverage_is_said_first() -> None:
    """Whatever the order of the parts, the answer begins with coverage."""
    said = {
        "info-needed": [{"url": "info-needed", "valueCode": "timeframe"}],
        "covered": [{"url": "covered", "valueCode": "conditional"}],
    }

    assert list(read_answers(said)) == [
        "Depends on further information",
        "Needed: the date of service",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"valueString": "Call us."}, "Call us."),
        ({"valueBoolean": False}, "no"),
        ({"valuePeriod": {"start": "2025-01-01"}}, "2025-01-01 to any time"),
        ({"valueQuantity": {"comparator": "<", "value": 3, "unit": "visits"}}, "< 3 visits"),
        ({"valueUrl": "https://payer.example/form"}, "https://payer.example/form"),
        (
            {"valueExpression": {"expression": "'a'", "description": "Words of the order"}},
            "Words of the order",
        ),
    ],
)
def test_a_detail_is_shown_whatever_its_type(value: JsonObject, shown: str) -> None:
    """Each type of value a detail may have reads as text."""
    found = read_details({"detail": [detail({"url": "value", **value})]})

    assert [one.text for one in found] == [shown]


def test_a_condition_without_a_description_is_shown_as_written() -> None:
    """`when` falls back to its expression, so that a condition is never hidden."""
    when = {
        "url": "when",
        "valueExpression": {"language": "text/fhirpath", "expression": "%plan.empty()"},
    }

    found = read_details({"detail": [detail({"url": "value", "valueString": "x"}, when)]})

    assert found[0].when == "%plan.empty()"
