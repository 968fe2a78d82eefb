"""Asking: an expression evaluated over an order, a member and a plan, each of which can be changed.

A variable is given as its value, as a list of values, or as a collection that may be open.
"""

from decimal import Decimal
from typing import Any

from policy.language.charts_made import A_SYSTEM, Chart

from cds_service.fhir.coding import Coding
from cds_service.fhir.truth import Truth
from cds_service.policy.language.code_sets import CodePart, CodeSet
from cds_service.policy.language.collection import Collection, truth, unknown
from cds_service.policy.language.expressions import ExpressionCompiler

VALUE_SET = "https://sets.invalid/some|1"
ORDINARY_WORDS = "https://sets.invalid/words|1"
NOT_READ = unknown("it could not be read")
ORDER: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "id": "order-1",
    "status": "draft",
    "code": {
        "text": "Pulsed field ablation",
        "coding": [{"system": "s", "code": "a"}, {"system": "s", "code": "b"}],
    },
    "quantityQuantity": {"value": Decimal("1.50"), "unit": "mg", "code": "mg"},
    "occurrenceDateTime": "2024-10-08",
    "note": [{"text": "first"}, {"text": "second"}],
    "performer": [{"reference": "Organization/1"}],
    "doNotPerform": False,
}
BOUND: dict[str, Any] = {
    "order": ORDER,
    "codes": [{"system": A_SYSTEM, "code": "a1"}],
    "words": ["Pulsed field ablation", "first", "second"],
    "indications": [],
    "coverage": {"resourceType": "Coverage", "status": "active"},
    "patient": {"resourceType": "Patient", "gender": "female", "birthDate": "1974-12-25"},
    "plan": [],
    "dos": "2025-03-01",
    "age": 50,
}


def find_code_set(canonical: str) -> CodeSet:
    """A ValueSet of one code, which covers one system; or one of ordinary words."""
    if canonical == ORDINARY_WORDS:
        words = tuple(Coding("https://words.invalid", word) for word in ("first", "second"))
        return CodeSet(includes=(), covered=frozenset(), codings=words, is_listed=True)
    key = Coding(A_SYSTEM, "a1").key
    return CodeSet(includes=((CodePart(keys=frozenset({key})),),), covered=frozenset({key.system}))


def chart_of(**bound: Any) -> Chart:
    """The variables, with these changed."""
    values = {name: _collection(value) for name, value in {**BOUND, **bound}.items()}
    return Chart(values, {"Organization/1": ({"resourceType": "Organization", "name": "Hill"},)})


def _collection(value: Any) -> Collection:
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def evaluate(source: str, **bound: Any) -> Collection:
    """What an expression yields."""
    return ExpressionCompiler(find_code_set).compile(source).evaluate(chart_of(**bound))


def ask(source: str, **bound: Any) -> Truth:
    """What a condition comes to."""
    return truth(evaluate(source, **bound))
