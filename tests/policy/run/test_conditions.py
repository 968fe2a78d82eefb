"""Conditions: parsed to the last character, three answers, and an error is never "no"."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import ExpressionError
from cds_service.fhir.resource import encode
from cds_service.fhir.truth import Truth
from cds_service.policy.run.conditions import FUNCTIONS, VARIABLES, ExpressionCompiler, truth

ORDER: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "id": "order-1",
    "status": "draft",
    "code": {
        "text": "Pulsed field ablation",
        "coding": [{"system": "s", "code": "a"}, {"system": "s", "code": "b"}],
    },
    "quantityQuantity": {"value": Decimal("1.50")},
    "note": [{"text": "first"}, {"text": "second"}],
    "doNotPerform": False,
}
BOUND: dict[str, Any] = {
    "order": ORDER,
    "words": ["Pulsed field ablation", "first", "second"],
    "coverage": {"resourceType": "Coverage", "status": "active"},
    "patient": {"resourceType": "Patient", "gender": "female"},
    "plan": [],
    "dos": "2025-03-01",
}


def ask(source: str, **bound: Any) -> Truth:
    return truth(ExpressionCompiler().compile(source).evaluate({**BOUND, **bound}))


def value(source: str, **bound: Any) -> tuple[Any, ...]:
    return ExpressionCompiler().compile(source).evaluate({**BOUND, **bound})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%order.exists()", Truth.TRUE),
        ("%plan.exists()", Truth.FALSE),
        ("%plan.empty()", Truth.TRUE),
        ("%plan.where(id = 'x').empty()", Truth.TRUE),
        ("%order.status = 'draft'", Truth.TRUE),
        ("%order.status = 'active'", Truth.FALSE),
        ("%order.priority = 'urgent'", Truth.UNKNOWN),
        ("%plan.name = 'x'", Truth.UNKNOWN),
        ("%patient.gender = 'male'", Truth.FALSE),
        ("%dos >= '2025-01-01'", Truth.TRUE),
        ("%dos < '2025-01-01'", Truth.FALSE),
        ("%order.code.coding.where(code = 'b').exists()", Truth.TRUE),
        ("%order.code.coding.exists(code = 'c')", Truth.FALSE),
        ("%order.code.coding.all(system = 's')", Truth.TRUE),
        ("%order.code.coding.count() = 2", Truth.TRUE),
        ("%order.doNotPerform", Truth.FALSE),
        ("%order.doNotPerform.not()", Truth.TRUE),
        ("%order.code.text.lower().contains('field')", Truth.TRUE),
        ("%order.code.text.upper().startsWith('PULSED')", Truth.TRUE),
        ("%order.code.coding.first().code = 'a'", Truth.TRUE),
        ("%order.note.select(text).join(' ') = 'first second'", Truth.TRUE),
        ("%words.mentions('SECOND' | 'third').exists()", Truth.TRUE),
        ("%order.note.text.mentions('SECOND' | 'third').exists()", Truth.TRUE),
        ("%plan.empty() and %order.status = 'draft'", Truth.TRUE),
        ("%order.priority = 'urgent' and %plan.exists()", Truth.FALSE),
        ("%order.priority = 'urgent' or %plan.empty()", Truth.TRUE),
        ("%order.priority = 'urgent' or %plan.exists()", Truth.UNKNOWN),
        ("true", Truth.TRUE),
        ("{}", Truth.UNKNOWN),
    ],
)
def test_a_condition_is_true_false_or_unknown(source: str, expected: Truth) -> None:
    """FHIRPath's empty result is unknown: missing data is not a no."""
    assert ask(source) is expected


def test_an_unbound_date_of_service_is_unknown() -> None:
    """A vague date is handed over as nothing at all."""
    assert ask("%dos >= '2025-01-01'", dos=[]) is Truth.UNKNOWN


@pytest.mark.parametrize(
    "source", ["%order.status", "%order.code.coding.code", "%order.code", "1", "'true'", "%dos"]
)
def test_what_is_no_boolean_is_an_error(source: str) -> None:
    """A string, several values or a whole element decide nothing."""
    with pytest.raises(ExpressionError, match="not a boolean"):
        ask(source)


@pytest.mark.parametrize(
    "source",
    [
        "%order.code.coding.code.lower() = 'a'",
        "%order.note.text.startsWith('x')",
        "%order.code.coding.code > 1",
        "%order.note + %order.note",
        "%order.code.text > 1",
    ],
)
def test_what_cannot_be_evaluated_raises(source: str) -> None:
    """An error is never false and never true."""
    with pytest.raises(ExpressionError):
        ask(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "%order.exists() garbage",
        "%order.exists())",
        "%order.exists(",
        "%order..exists()",
        "%order.exists() // and more\n garbage",
        "%order.exists();",
        "%order.status == 'draft'",
        '%order.status = "draft"',
        "%order.status = 'draft",
        "%order.exists() and",
        "and %order.exists()",
        "%",
        "%order exists()",
        "%order.exists()\x00",
        "§",
        "%order.status = 'draft' # comment",
    ],
    ids=repr,
)
def test_what_is_not_fhirpath_to_its_last_character_is_refused(source: str) -> None:
    """fhirpathpy alone would accept some of these and forget the rest."""
    with pytest.raises(ExpressionError):
        ExpressionCompiler().compile(source)


@pytest.mark.parametrize(
    "name",
    ["orders", "context", "resource", "ucum", "loinc", "`order`", "'order'", "vs-x", "Order"],
)
def test_only_these_variables_may_be_read(name: str) -> None:
    """The evaluator has variables of its own; a policy may not use them."""
    with pytest.raises(ExpressionError, match="is not one of"):
        ExpressionCompiler().compile(f"%{name}.exists()")


@pytest.mark.parametrize("name", VARIABLES)
def test_each_of_the_variables_may_be_read(name: str) -> None:
    """Order, its words, coverage, patient, plan and date of service."""
    assert ask(f"%{name}.exists()") in (Truth.TRUE, Truth.FALSE)


@pytest.mark.parametrize(
    "call",
    [
        "matches('(a+)+b')",
        "matchesFull('x')",
        "replaceMatches('(a+)+b', '')",
        "repeat(code)",
        "resolve()",
        "trace('x')",
        "aggregate($total + 1)",
        "memberOf('https://e.invalid')",
        "children()",
        "descendants()",
        "extension('https://e.invalid')",
        "now()",
        "today()",
        "as(string)",
        "ofType(string)",
        "iif(true, true, false)",
        "Exists()",
        "system()",
    ],
)
def test_functions_that_loop_reach_out_or_tell_the_time_are_refused(call: str) -> None:
    """What a rule says depends on its variables alone, and is soon said."""
    name = call.split("(", maxsplit=1)[0]
    with pytest.raises(ExpressionError, match=f"`{name}\\(\\)` is not for policies"):
        ExpressionCompiler().compile(f"%order.{call}.exists()")


def test_a_forbidden_function_is_found_however_deep_it_hides() -> None:
    """In an argument, an index or behind an operator."""
    for source in (
        "%order.where(code.where(text.matches('x')).exists()).exists()",
        "%order.note[%order.descendants().count()].exists()",
        "true or %order.trace('x').exists()",
    ):
        with pytest.raises(ExpressionError, match="is not for policies"):
            ExpressionCompiler().compile(source)


def test_these_functions_and_no_others_may_be_used() -> None:
    """The list is as long as what policies need."""
    assert (
        set(
            "where exists empty not all count first select lower upper startsWith contains join "
            "mentions".split()
        )
        == FUNCTIONS
    )


def test_the_same_text_is_compiled_once() -> None:
    """Rules share conditions."""
    compiler = ExpressionCompiler()

    assert compiler.compile("%order.exists()") is compiler.compile("%order.exists()")


def test_the_words_found_can_be_joined_to_a_sentence() -> None:
    """An expression may yield words instead of a truth."""
    source = "'It says ' & %order.code.text.mentions('pulsed-field' | 'PFA').join(', ')"

    assert value(source) == ("It says pulsed-field",)


@settings(max_examples=100, deadline=None)
@given(source=st.text(alphabet="%orde.xists()'=<>|&+- \n{}[]$@`12\"/\\ü\x00", max_size=30))
def test_any_text_is_compiled_or_refused(source: str) -> None:
    """Nothing but an ExpressionError comes of a text that is no expression."""
    try:
        ExpressionCompiler().compile(source)
    except ExpressionError:
        return

    ExpressionCompiler().compile(source)


@pytest.mark.parametrize(
    "source", ["(" * 400 + "true" + ")" * 400, "%order" + ".where(true" * 200 + ")" * 200]
)
def test_an_expression_nested_too_deep_is_refused_or_answered(source: str) -> None:
    """It never takes the service down."""
    try:
        answered = ask(source)
    except ExpressionError:
        return

    assert answered in Truth


def test_evaluating_leaves_the_resources_alone() -> None:
    """An order goes back as it came."""
    before = encode(ORDER)
    for source in (
        "%order.code.coding.where(code = 'a').exists()",
        "%order.quantityQuantity.value > 1",
    ):
        ask(source)

    assert encode(ORDER) == before


def test_expressions_answer_many_threads_at_once() -> None:
    """Compiled once, used by all; no thread sees another's order."""
    expression = ExpressionCompiler().compile("%order.note.text.mentions('yes').exists()")
    orders = [
        {"resourceType": "ServiceRequest", "note": [{"text": "yes" if number % 3 else "else"}]}
        for number in range(200)
    ]
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(lambda order: truth(expression.evaluate({**BOUND, "order": order})), orders)
        )

    assert found == [Truth.TRUE if number % 3 else Truth.FALSE for number in range(200)]
