"""Hostile expressions and long lists: refused in words or answered in time, and never a crash."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from policy.language.asking import ask, chart_of, evaluate, find_code_set
from policy.language.charts_made import A_SYSTEM
from steps import TENFOLD, count_steps, growth

from cds_service.errors import ExpressionError
from cds_service.fhir.truth import Truth
from cds_service.policy.language.expressions import ExpressionCompiler

NESTED = {
    "parentheses": lambda depth: "(" * depth + "true" + ")" * depth,
    "criteria": lambda depth: "%order" + ".where(true" * depth + ")" * depth + ".exists()",
    "and": lambda depth: " and ".join(["%order.doNotPerform.not()"] * depth),
    "or": lambda depth: " or ".join(["%order.doNotPerform"] * depth + ["true"]),
    "plus": lambda depth: "+".join(["1"] * depth) + f" = {depth}",
    "union": lambda depth: f"'0' in ({' | '.join(repr(str(number)) for number in range(depth))})",
    "iif": lambda depth: "iif(%plan.exists(), false, " * depth + "true" + ")" * depth,
    "not": lambda depth: "true" + ".not().not()" * depth,
    "sign": lambda depth: "-" * 2 * depth + "1 = 1",
    "path": lambda depth: "%order" + ".contained" * depth + ".empty()",
}


@pytest.mark.parametrize("make", NESTED.values(), ids=NESTED.keys())
@pytest.mark.parametrize("depth", [10, 100, 1_000])
def test_what_nests_deep_is_answered_or_refused_when_compiled(
    make: Callable[[int], str], depth: int
) -> None:
    """What compiles is answered from a stack that is much deeper than the compiler's was."""
    try:
        expression = ExpressionCompiler().compile(make(depth))
    except ExpressionError as error:
        assert "nested too deep" in str(error)  # noqa: PT017
        assert depth > 10
        return

    assert deep_in_the_stack(300, lambda: expression.evaluate(chart_of())) == (True,)


def deep_in_the_stack(depth: int, call: Callable[[], Any]) -> Any:
    """What a call returns that many frames further down."""
    return deep_in_the_stack(depth - 1, call) if depth else call()


@pytest.mark.parametrize(
    "source",
    ["9" * 5_000, "1." + "9" * 5_000, f"%words[{'9' * 5_000}]", "9" * 5_000 + " days", "9" * 101],
    ids=len,
)
def test_a_number_without_end_is_refused(source: str) -> None:
    """Python would not even read it."""
    with pytest.raises(ExpressionError, match="100 digits"):
        ExpressionCompiler().compile(source)


@pytest.mark.parametrize(
    "source",
    ["@2024-01-01 + " + "9" * 100 + " years", "@2024-01-01 - " + "9" * 100 + " weeks"],
    ids=len,
)
def test_a_date_out_of_the_calendar_is_refused(source: str) -> None:
    """No day is that late or early."""
    with pytest.raises(ExpressionError, match="beyond the calendar"):
        evaluate(source)


def test_an_index_beyond_the_end_yields_nothing() -> None:
    """However far beyond."""
    assert evaluate(f"%words[{'9' * 100}]") == ()


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)(.*)(.*)(.*)(.*)x"],
)
def test_no_regular_expression_backtracks(pattern: str) -> None:
    """RE2 takes time that is linear in the text."""
    started = time.process_time()
    ask(f"%words.matches('{pattern}')", words="a" * 100_000 + "!")

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "pattern",
    ["(", "a{1001}", "((a{100}){100}){100}", r"(a)\\1", "(?=a)", "(?<!a)b", "[z-a]", "*"],
)
def test_what_is_no_regular_expression_of_re2_is_refused(pattern: str) -> None:
    """Also what would need more memory than RE2 grants."""
    with pytest.raises(ExpressionError, match="no regular expression of RE2"):
        ExpressionCompiler().compile(f"%order.status.matches('{pattern}')")


def test_a_regular_expression_is_known_before_any_order_is() -> None:
    """It cannot come from a request."""
    with pytest.raises(ExpressionError, match="is written as a text"):
        ExpressionCompiler().compile("%order.status.matches(%order.code.text)")


GROWING = (
    "%codes.distinct().count() = 0",
    "(%codes | %indications).count() = 0",
    "%words.distinct().exists()",
    "(%words | 'a' | 'b').exists()",
    "%codes.code.distinct().exists()",
    "%codes.exists(code = '93799')",
    "%codes.where(system = 's').code.select($this & 'x').distinct().empty()",
    "%codes.exists(memberOf('https://sets.invalid/some|1'))",
    "%codes.all(code in ('1' | '2' | '3'))",
    "'x' in %codes.code",
    "%codes.code = %indications.code",
    "%words.join(', ').contains('x')",
    "%words.mentions('pulsed field' | 'PFA').exists()",
    "%words.exists(matches('^x'))",
    "%codes.select(iif(code = 'x', system, code)).last() = 'x'",
    "%order.note.text.exists($this > 'x')",
)


@pytest.mark.parametrize("source", GROWING)
def test_ten_times_as_many_codings_cost_ten_times_as_much(source: str) -> None:
    """No function or operator looks at each beside each other."""
    expression = ExpressionCompiler(find_code_set).compile(source)

    def cost(many: int) -> int:
        codings = [{"system": A_SYSTEM, "code": str(number)} for number in range(many)]
        words = [f"word {number}" for number in range(many)]
        order = {"note": [{"text": text} for text in words]}
        chart = chart_of(codes=codings, indications=codings, words=words, order=order)
        return count_steps(lambda: expression.evaluate(chart))

    assert growth(cost, 30) < TENFOLD


def test_thousands_of_dates_are_told_apart_in_time() -> None:
    """Those that are the same moment in two zones count once."""
    zoned = [f"2024-03-{1 + number % 28:02}T10:{number % 60:02}:00Z" for number in range(5_000)]
    moved = [text.replace("T10", "T12").replace("Z", "+02:00") for text in zoned]
    started = time.process_time()

    assert ask(f"%words.distinct().count() = {len(set(zoned))}", words=zoned + moved) is Truth.TRUE
    assert time.process_time() - started < 5
