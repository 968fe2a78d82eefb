"""Expressions: compiled once, three answers, an error is never "no", and no input too hostile."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.language.asking import NOT_READ, ORDER, ask, chart_of, evaluate
from policy.language.charts_made import A_SYSTEM, B_SYSTEM, make_chart, unread
from policy.language.expressions_made import Maker
from policy.language.oracle import code_set

from cds_service.errors import ExpressionError
from cds_service.fhir.resource import encode
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import is_open, truth
from cds_service.policy.language.elements import Place
from cds_service.policy.language.expressions import VARIABLES, ExpressionCompiler
from cds_service.policy.language.functions import FUNCTIONS
from cds_service.policy.language.values import same


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%order.exists()", Truth.TRUE),
        ("%plan.exists()", Truth.FALSE),
        ("%plan.where(id = 'x').empty()", Truth.TRUE),
        ("%order.status = 'draft'", Truth.TRUE),
        ("%order.status = 'active'", Truth.FALSE),
        ("%order.priority = 'urgent'", Truth.UNKNOWN),
        ("%plan.name = 'x'", Truth.UNKNOWN),
        ("%dos >= '2025-01-01'", Truth.TRUE),
        ("%dos < @2025-01-01", Truth.FALSE),
        ("%order.doNotPerform", Truth.FALSE),
        ("%order.occurrence.exists()", Truth.TRUE),
        ("%order.occurrence.ofType(dateTime) = @2024-10-08", Truth.TRUE),
        ("%order.occurrence.ofType(Period).exists()", Truth.FALSE),
        ("%order.priority = 'urgent' and %plan.exists()", Truth.FALSE),
        ("%order.priority = 'urgent' or %plan.empty()", Truth.TRUE),
        ("%order.priority = 'urgent' or %plan.exists()", Truth.UNKNOWN),
        ("true", Truth.TRUE),
        ("{}", Truth.UNKNOWN),
    ],
)
def test_a_condition_is_true_false_or_unknown(source: str, expected: Truth) -> None:
    """FHIRPath's empty collection is unknown: missing data is not a no."""
    assert ask(source) is expected


@pytest.mark.parametrize("name", VARIABLES)
def test_what_could_not_be_read_is_neither_there_nor_missing(name: str) -> None:
    """The natural pair of rules, one with `exists` and one with `empty`, is silent together."""
    for source in (f"%{name}.exists()", f"%{name}.empty()", f"%{name}.exists().not()"):
        assert ask(source, **{name: NOT_READ}) is Truth.UNKNOWN


@pytest.mark.parametrize(
    "source", ["%order.status", "%order.code.coding.code", "%order.code", "1", "'true'", "%dos"]
)
def test_what_is_no_boolean_is_an_error(source: str) -> None:
    """A text, several values or a whole element decide nothing."""
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
        "%order.quantity.ofType(Quantity) > 1",
        "%order.code > %order.code",
        "%age.lower() = ''",
        "%age & ''",
        "%words.where(code)",
        "%words.iif(true, 1)",
        "%order.status + 1 day",
        "%dos + 9999 years",
    ],
)
def test_what_cannot_be_evaluated_raises(source: str) -> None:
    """An error is never false and never true."""
    with pytest.raises(ExpressionError):
        evaluate(source, words=[{"code": "a"}, {"code": "b"}])


@pytest.mark.parametrize(
    "name",
    ["orders", "context", "resource", "ucum", "loinc", "`Order`", "'order'", "vs-x", "Order"],
)
def test_only_these_variables_may_be_read(name: str) -> None:
    """FHIRPath has variables of its own; a policy may not use them."""
    with pytest.raises(ExpressionError, match="is not one of"):
        ExpressionCompiler().compile(f"%{name}.exists()")


@pytest.mark.parametrize("name", VARIABLES)
def test_each_of_the_variables_may_be_read(name: str) -> None:
    """Order, codes, words, indications, coverage, patient, plan, date of service and age."""
    assert ask(f"%{name}.exists()") in (Truth.TRUE, Truth.FALSE)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("status = 'draft'", "`status` begins nowhere: write `%order.status`"),
        ("order.status = 'draft'", "`order` is a variable: write `%order`"),
        ("$this.exists()", "criteria of a function only"),
        ("exists()", "is called on something"),
        ("%order.code.text.startsWith(status)", "`status` begins nowhere"),
        ("%order is ServiceRequest", "ofType"),
        ("%words.where($index = 1)", "`\\$index`"),
        ("%order.where($total)", "`\\$total`"),
        ("@T10:00 = @T10:00", "a time of day"),
        ("%order.status ~ 'draft'", "`~` is not for policies"),
        ("7 div 2", "`div` is not for policies"),
        ("%order.code.coding[%age]", "an index is a whole number"),
        ("%order.code.coding[0.5]", "an index is a whole number"),
        ("@2024-02-30", "is no date"),
        ("@2024-01-01T10:00:61", "is no date"),
        ("%dos + 3 hours", "years, months, weeks or days"),
        ("1 + 'a'", "different kinds"),
        ("%order.status.ofType(string)", "no resource"),
        ("%order.code.ofType(string)", "`code` is never a string"),
        ("today() > %dos", "the date of service is `%dos`"),
    ],
)
def test_what_policies_may_not_write_is_refused_in_words(source: str, message: str) -> None:
    """When it is compiled, before any order is."""
    with pytest.raises(ExpressionError, match=message):
        ExpressionCompiler().compile(source)


@pytest.mark.parametrize(
    "call",
    [
        "matchesFull('x')",
        "replaceMatches('(a+)+b', '')",
        "repeat(code)",
        "trace('x')",
        "aggregate($total + 1)",
        "children()",
        "descendants()",
        "extension('https://e.invalid')",
        "now()",
        "today()",
        "as(string)",
        "Exists()",
        "system()",
    ],
)
def test_functions_that_loop_reach_out_or_tell_the_time_are_refused(call: str) -> None:
    """What a rule says depends on its variables alone, and is soon said; the message lists ours."""
    name = call.split("(", maxsplit=1)[0]
    listed = ", ".join(f"{function}\\(\\)" for function in sorted(FUNCTIONS))

    with pytest.raises(ExpressionError, match=f"`{name}\\(\\)` is not for policies.*{listed}"):
        ExpressionCompiler().compile(f"%order.{call}.exists()")


def test_a_forbidden_function_is_found_however_deep_it_hides() -> None:
    """In an argument, a projection, a branch or behind an operator."""
    for source in (
        "%order.where(code.where(text.trace('x')).exists()).exists()",
        "%order.note.select(descendants().count()).exists()",
        "iif(true, 1, now())",
        "true or %order.trace('x').exists()",
    ):
        with pytest.raises(ExpressionError, match="is not for policies"):
            ExpressionCompiler().compile(source)


def test_the_same_text_is_compiled_once() -> None:
    """Rules share conditions; not those that read what only their own rule binds."""
    compiler = ExpressionCompiler()
    own = [compiler.compile("%own.exists()", {"own": number}) for number in range(2)]

    assert compiler.compile("%order.exists()") is compiler.compile("%order.exists()")
    assert [dict(expression.inputs) for expression in own] == [{"own": 0}, {"own": 1}]


def test_an_expression_tells_what_it_reads() -> None:
    """Its variables, the places in them, and whether it needs the chart."""
    plain, reaching = (
        ExpressionCompiler().compile(source)
        for source in ("%order.code.where(text = 'a').exists()", "%order.performer.resolve().name")
    )

    assert plain.variables == {"order"}
    assert not plain.reads_chart
    assert Place("%order", ("code", "text")) in plain.places
    assert reaching.reads_chart


def test_what_was_read_is_kept_for_the_explanation() -> None:
    """Each path with the values at its end."""
    chart = chart_of()
    ExpressionCompiler().compile("%order.code.text = 'x' and %age > 1").evaluate(chart)

    assert chart.read == {"%order.code.text": ("Pulsed field ablation",)}


def test_the_words_found_can_be_joined_to_a_sentence() -> None:
    """An expression may yield words instead of a truth."""
    source = "'It says ' & %order.code.text.mentions('pulsed-field ablation' | 'PFA').join(', ')"

    assert evaluate(source) == ("It says pulsed-field ablation",)


def test_evaluating_leaves_the_resources_alone() -> None:
    """An order goes back as it came."""
    before = encode(ORDER)
    for source in (
        "%order.code.coding.where(code = 'a').exists()",
        "%order.quantity.ofType(Quantity).value > 1",
        "(%order.note | %order.note).distinct().exists()",
    ):
        ask(source)

    assert encode(ORDER) == before


def test_expressions_answer_many_threads_at_once() -> None:
    """Compiled once, used by all; no thread sees another's order."""
    expression = ExpressionCompiler().compile("%order.note.text.mentions('yes').exists()")
    charts = [
        chart_of(order={"note": [{"text": "yes" if number % 3 else "else"}]})
        for number in range(200)
    ]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda chart: truth(expression.evaluate(chart)), charts))

    assert found == [Truth.TRUE if number % 3 else Truth.FALSE for number in range(200)]


WHOLE = ExpressionCompiler(lambda _canonical: code_set(A_SYSTEM, B_SYSTEM))
IN_PART = ExpressionCompiler(lambda _canonical: code_set(A_SYSTEM))


@settings(max_examples=300, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_what_is_known_holds_whatever_the_unknown_turns_out_to_be(random: Random) -> None:
    """Unknown is never no: an answer given with parts unread is the answer with all of them read.

    Parts of the variables, resources behind references, and what a ValueSet says of another system.
    """
    source = Maker(random).make()
    chart = make_chart(random)
    try:
        before = IN_PART.compile(source).evaluate(unread(random, chart))
        after = WHOLE.compile(source).evaluate(chart)
    except ExpressionError:
        return  # no answer at all

    if is_open(before):
        assert all(any(same(value, other) for other in after) for value in before)
    else:
        assert len(before) == len(after)
        assert all(same(value, other) for value, other in zip(before, after, strict=True))


@settings(max_examples=100, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_exists_is_the_opposite_of_empty(random: Random) -> None:
    """Of whatever is asked, with parts unread or not."""
    source = Maker(random).make()
    chart = unread(random, make_chart(random))
    try:
        exists, empty = (
            truth(IN_PART.compile(f"({source}).{name}()").evaluate(chart))
            for name in ("exists", "empty")
        )
    except ExpressionError:
        return

    opposite = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}
    assert empty is opposite[exists]
