"""The functions of the table: each with its example, and with what it makes of every answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from policy.language.asking import (
    NOT_READ,
    ORDINARY_WORDS,
    VALUE_SET,
    ask,
    chart_of,
    evaluate,
    find_code_set,
)
from policy.language.charts_made import A_SYSTEM, B_SYSTEM

from cds_service.errors import ExpressionError
from cds_service.fhir.coding import CodingKey
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import Collection, Open, causes_of, is_open
from cds_service.policy.language.concept_coding import ConceptCoding, concept_codings
from cds_service.policy.language.expressions import ExpressionCompiler
from cds_service.policy.language.functions import FUNCTIONS

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
IN, OUT, ELSEWHERE = (
    {"system": system, "code": code}
    for system, code in ((A_SYSTEM, "a1"), (A_SYSTEM, "a2"), (B_SYSTEM, "b1"))
)
WORDS = {"system": A_SYSTEM}


def part(*values: Any) -> Collection:
    """What could be read, of more."""
    return Open(values, ["it could not be read"])


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition over some variables, and what it comes to."""

    source: str
    answer: Truth
    bound: Mapping[str, Any] = field(default_factory=dict)


def asked(source: str, answer: Truth, **bound: Any) -> Asked:
    """A condition over some variables, and what it comes to."""
    return Asked(source, answer, bound)


CASES: Mapping[str, tuple[Asked, ...]] = {
    "where": (
        asked("%words.where($this = 'first').count() = 1", T),
        asked("%words.where($this = 'first').exists()", F, words=["a"]),
        asked("%words.where($this = 'first').exists()", F, words=[]),
        asked("%words.where($this = 'first').exists()", U, words=part("a")),
        asked("%words.where($this = 'first').exists()", T, words=part("first")),
        asked("%words.where(%age > 1).exists()", U, age=NOT_READ),
        asked("%words.where(%age > 1).empty()", U, age=NOT_READ),
        asked("%words.where({}).empty()", T),
        asked("('a' | 'b').where($this = 'a').count() = 1", T),
    ),
    "exists": (
        asked("%codes.exists()", T),
        asked("%codes.exists()", F, codes=[]),
        asked("%codes.exists()", U, codes=NOT_READ),
        asked("%codes.exists()", T, codes=part(IN)),
        asked("%codes.exists(code = 'a1')", T, codes=part(IN)),
        asked("%codes.exists(code = 'x')", F),
        asked("%codes.exists(code = 'x')", U, codes=part(IN)),
    ),
    "empty": (
        asked("%codes.empty()", F),
        asked("%codes.empty()", T, codes=[]),
        asked("%codes.empty()", U, codes=NOT_READ),
        asked("%codes.empty()", F, codes=part(IN)),
    ),
    "not": (
        asked("true.not()", F),
        asked("%order.doNotPerform.not()", T),
        asked("{}.not()", U),
        asked("(%age > 1).not()", U, age=NOT_READ),
    ),
    "all": (
        asked("%codes.all(code = 'a1')", T),
        asked("%codes.all(code = 'a1')", T, codes=[]),
        asked("%codes.all(code = 'a1')", F, codes=[IN, OUT]),
        asked("%codes.all(code = 'a1')", F, codes=part(OUT)),
        asked("%codes.all(code = 'a1')", U, codes=part(IN)),
        asked("%codes.all(code = 'a1')", F, codes=[WORDS]),
        asked("%codes.all(%age > 1)", U, age=NOT_READ),
    ),
    "count": (
        asked("%words.count() = 3", T),
        asked("%words.count() = 0", T, words=[]),
        asked("%words.count() > 1", U, words=part("a", "b")),
    ),
    "first": (
        asked("%words.first() = 'first'", T, words=["first", "a"]),
        asked("%words.first().empty()", T, words=[]),
        asked("%words.first() = 'first'", U, words=part("first")),
    ),
    "last": (
        asked("%words.last() = 'second'", T),
        asked("%words.last().empty()", T, words=[]),
        asked("%words.last() = 'second'", U, words=part("second")),
    ),
    "distinct": (
        asked("%words.distinct().count() = 1", T, words=["a", "a"]),
        asked("%words.distinct().empty()", T, words=[]),
        asked("%words.distinct().exists()", T, words=part("a")),
        asked("%words.distinct().count() = 1", U, words=part("a")),
        asked("%codes.distinct().count() = 2", T, codes=[IN, OUT, dict(IN)]),
        asked("%words.distinct().count() = 2", F, words=["2024-01-31", "2024-01-31"]),
    ),
    "select": (
        asked("%codes.select(system & '|' & code) = 'https://codes.invalid/a|a1'", T),
        asked("%codes.select(display).empty()", T),
        asked("%codes.select(code).exists()", T, codes=part(IN)),
        asked("%codes.select(code).count() = 1", U, codes=part(IN)),
        asked("%codes.select(%age).exists()", U, age=NOT_READ),
        asked("%codes.select(%words).count() = 6", T, codes=[IN, OUT]),
    ),
    "iif": (
        asked("iif(%age > 1, true, false)", T),
        asked("iif(%age > 99, true, false)", F),
        asked("iif({}, true, false)", F),
        asked("iif(%age > 1, true, false)", U, age=NOT_READ),
        asked("iif(%age > 1, true, true)", U, age=NOT_READ),
        asked("iif(false, true).empty()", T),
        asked("%order.iif(status = 'draft', code.text, id).startsWith('Pulsed')", T),
        asked("iif(true, true, 1 > %order)", T),
    ),
    "ofType": (
        asked("%order.occurrence.ofType(dateTime) = '2024-10-08'", T),
        asked("%order.occurrence.ofType(Period).exists()", F),
        asked("%order.occurrence.ofType(dateTime).exists()", U, order=NOT_READ),
        asked("%order.performer.resolve().ofType(Organization).exists()", T),
        asked("%order.performer.resolve().ofType(Practitioner).exists()", F),
        asked("%order.where(true).ofType(ServiceRequest).exists()", T),
    ),
    "resolve": (
        asked("%order.performer.resolve().name = 'Hill'", T),
        asked("%order.requester.resolve().exists()", F),
        asked(
            "%order.performer.resolve().exists()",
            U,
            order={"performer": [{"reference": "Organization/2"}]},
        ),
        asked(
            "%order.performer.resolve().exists(name = 'Hill')",
            T,
            order={"performer": [{"reference": "Organization/2"}, {"reference": "Organization/1"}]},
        ),
    ),
    "memberOf": (
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", T),
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", F, codes=[OUT]),
        asked(f"%codes.where(memberOf('{VALUE_SET}')).empty()", T, codes=[OUT]),
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", F, codes=[]),
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", U, codes=[ELSEWHERE]),
        asked(f"%codes.where(memberOf('{VALUE_SET}')).empty()", U, codes=[OUT, ELSEWHERE]),
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", U, codes=[WORDS]),
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", U, codes=part(OUT)),
        asked(f"%codes.exists(memberOf('{VALUE_SET}'))", T, codes=part(IN, ELSEWHERE)),
        asked(f"%order.code.memberOf('{VALUE_SET}')", T, order={"code": {"coding": [IN, OUT]}}),
        asked(f"%order.code.memberOf('{VALUE_SET}')", F, order={"code": {"coding": [OUT]}}),
        asked(f"%order.code.memberOf('{VALUE_SET}')", U, order={"code": {"text": "words"}}),
        asked(f"%order.code.memberOf('{VALUE_SET}')", U, order={}),
    ),
    "mentions": (
        asked(f"%words.mentions('Pulsed-FIELD ablation', '{ORDINARY_WORDS}').exists()", T),
        asked("%words.mentions('pulsed field ablation').exists()", F),
        asked("%order.note.text.mentions('FIRST' | 'second').exists()", T),
        asked("%order.note.text.mentions('FIRST' | 'third').exists()", F),
        asked("%words.mentions('third').exists()", F),
        asked("%words.mentions('third').exists()", F, words=[]),
        asked("%words.mentions('third').exists()", U, words=part("first")),
        # Whether it is plainly said depends on the texts that could not be read, too.
        asked("%words.mentions('first').exists()", U, words=part("first")),
    ),
    "matches": (
        asked("%order.code.text.matches('^P.*n$')", T),
        asked("%order.code.text.matches('^f')", F),
        asked("'a\\nb'.matches('a.b')", T),
        asked("''.matches('')", T),
        asked("%order.priority.matches('a')", U),
        asked("%order.priority.matches('a').empty()", T),
        asked("%order.code.text.matches('^P')", U, order=NOT_READ),
        asked("%order.code.text.matches('^P').empty()", U, order=NOT_READ),
    ),
    "contains": (
        asked("%order.code.text.contains('field')", T),
        asked("%order.code.text.contains('Field')", F),
        asked("%order.code.text.contains('')", T),
        asked("%order.code.text.contains({})", U),
        asked("%order.priority.contains('a').empty()", T),
        asked("%order.code.text.contains('field')", U, order=NOT_READ),
    ),
    "startsWith": (
        asked("%order.code.text.startsWith('Pulsed')", T),
        asked("%order.code.text.startsWith('field')", F),
        asked("''.startsWith('')", T),
        asked("%order.priority.startsWith('a').empty()", T),
        asked("'a'.startsWith(%order.status)", U, order=NOT_READ),
    ),
    "endsWith": (
        asked("%order.code.text.endsWith('ablation')", T),
        asked("%order.code.text.endsWith('field')", F),
        asked("%order.priority.endsWith('a').empty()", T),
        asked("%order.code.text.endsWith('ablation')", U, order=NOT_READ),
    ),
    "lower": (
        asked("%order.code.text.lower() = 'pulsed field ablation'", T),
        asked("%order.code.text.lower() = 'Pulsed field ablation'", F),
        asked("%order.priority.lower().empty()", T),
        asked("%order.status.lower().empty()", U, order=NOT_READ),
    ),
    "upper": (
        asked("%order.status.upper() = 'DRAFT'", T),
        asked("%order.status.upper() = 'draft'", F),
        asked("%order.priority.upper().empty()", T),
        asked("%order.status.upper().empty()", U, order=NOT_READ),
    ),
    "join": (
        asked("%order.note.text.join(' ') = 'first second'", T),
        asked("%order.note.text.join() = 'firstsecond'", T),
        asked("%order.note.text.join(' ') = 'second first'", F),
        asked("%words.join(' ').empty()", T, words=[]),
        asked("%words.join(' ').contains('a')", U, words=part("a")),
    ),
}


def test_every_function_of_the_table_has_its_cases() -> None:
    """A function that is added is tried with true, false and unknown."""
    assert CASES.keys() == FUNCTIONS.keys()
    for name, cases in CASES.items():
        assert {case.answer for case in cases} >= {T, U}
        assert all(f"{name}(" in case.source for case in cases)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.source) for cases in CASES.values() for case in cases],
)
def test_a_function_answers_true_false_or_unknown(case: Asked) -> None:
    """As FHIRPath has it where everything is known; unknown where it matters that it is not."""
    assert ask(case.source, **case.bound) is case.answer


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_function_can_be_used(name: str) -> None:
    """It compiles, is answered for an order, and unknown or unchanged if nothing could be read."""
    example = FUNCTIONS[name].example.replace("{ValueSet}", VALUE_SET)
    example = example.replace("{words}", ORDINARY_WORDS)
    expression = ExpressionCompiler(find_code_set).compile(example)
    nothing = dict.fromkeys(expression.variables, NOT_READ)

    assert f"{name}(" in example
    assert not is_open(expression.evaluate(chart_of()))
    assert is_open(expression.evaluate(chart_of(**nothing)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_in_the_table_what_it_does(name: str) -> None:
    """The guide is printed from it."""
    function = FUNCTIONS[name]

    assert function.meaning
    assert function.unknown
    assert function.least <= function.most
    assert bool(function.arguments) == (function.most > 0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_too_few_and_too_many_arguments_are_refused(name: str) -> None:
    """With how the function is written."""
    function = FUNCTIONS[name]
    counts = [number for number in (function.least - 1, function.most + 1) if number >= 0]
    for count in counts:
        arguments = ", ".join(["'a'"] * count)
        with pytest.raises(ExpressionError, match=f"^write `{name}\\("):
            ExpressionCompiler(find_code_set).compile(f"%order.{name}({arguments})")


@pytest.mark.parametrize(
    "source",
    [
        "%words.mentions(%order.status)",
        "%words.mentions('a' | %order.status)",
        "%codes.where(memberOf(%order.status))",
        "%words.join(%order.status)",
    ],
)
def test_what_must_be_known_before_any_order_is_written_out(source: str) -> None:
    """Phrases, canonicals and separators do not come from requests."""
    with pytest.raises(ExpressionError, match="written as"):
        ExpressionCompiler(find_code_set).compile(source)


def test_a_value_set_that_is_not_in_the_library_is_refused() -> None:
    """When the condition is compiled."""
    with pytest.raises(ExpressionError, match="is not in the library"):
        ExpressionCompiler().compile("%codes.where(memberOf('https://sets.invalid/none')).exists()")


@pytest.mark.parametrize(
    ("codes", "cause"),
    [
        ([WORDS], "not coded"),
        ([ELSEWHERE], "of codes.invalid/b"),
    ],
)
def test_an_unknown_membership_has_its_cause(codes: list[Any], cause: str) -> None:
    """For the explanation."""
    yielded = evaluate(f"%codes.where(memberOf('{VALUE_SET}'))", codes=codes)

    assert cause in causes_of(yielded)[0]


@pytest.mark.parametrize(
    ("others", "answer"),
    [([OUT], F), ([IN], T), ([], U)],
)
def test_a_code_speaks_for_its_translations(others: list[Any], answer: Truth) -> None:
    """Codings of one concept say the same: one in a covered system answers for those beside it."""
    codings = concept_codings({"coding": [ELSEWHERE, *others]}, "code")

    assert ask(f"%codes.where(memberOf('{VALUE_SET}')).exists()", codes=list(codings)) is answer


def test_a_coding_of_a_concept_is_the_coding_that_came() -> None:
    """With the keys of the codings beside it, and where it was read."""
    first, second = concept_codings({"coding": [IN, {"code": "x"}, ELSEWHERE]}, "reasonCode")

    assert (dict(first), dict(second)) == (IN, ELSEWHERE)
    assert isinstance(first, ConceptCoding)
    assert first.source == "reasonCode"
    assert (
        first.concept
        == second.concept
        == (
            CodingKey("codes.invalid/a", "A1"),
            CodingKey("codes.invalid/b", "B1"),
        )
    )
