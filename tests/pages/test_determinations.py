"""Determinations and their details in words."""

import pytest

from cds_service.crd.codes import (
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.determination import Detail, Determination, Reason
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject
from cds_service.pages.determinations import MEANINGS, describe_detail, describe_determination
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


def test_every_code_a_determination_may_have_has_words() -> None:
    """The table holds the guide's codes, letter for letter, and no others."""
    parts = {
        "covered": Covered,
        "pa-needed": PaNeeded,
        "doc-needed": DocNeeded,
        "doc-purpose": DocPurpose,
        "info-needed": InfoNeeded,
    }

    assert set(MEANINGS) == {(name, code.value) for name, codes in parts.items() for code in codes}


def test_coverage_stands_first_and_the_rest_in_one_order() -> None:
    """Codes that are a set in a determination are always described in the same order."""
    determination = Determination(
        covered=Covered.CONDITIONAL,
        pa_needed=PaNeeded.AUTH_NEEDED,
        doc_needed=frozenset({DocNeeded.PATIENT, DocNeeded.CLINICAL}),
        doc_purpose=frozenset({DocPurpose.RETAIN_DOC}),
        info_needed=frozenset({InfoNeeded.TIMEFRAME}),
        reasons=(Reason(text="because"),),
    )

    assert describe_determination(determination) == (
        "Depends on further information",
        "Prior authorization is needed",
        "Clinical documentation is needed",
        "Documentation from the patient is needed",
        "Keep the documentation on file",
        "Needed: the date of service",
    )


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
