"""The details of a determination, and the expressions on which some of them depend."""

from collections.abc import Mapping

from cds_service.crd.codes import DetailCategory
from cds_service.crd.decision.determination import Detail
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding, read_coding
from cds_service.fhir.extension import parts, value_of
from cds_service.fhir.resource import JsonObject, first, text
from cds_service.policy.language.expressions import Expression
from cds_service.policy.library.rule_expressions import RuleExpressions
from cds_service.policy.run.rules import DynamicDetail

_PARTS = ("category", "code", "value", "qualification", "when")
# CRD ext-coverage-information, detail.value; ours besides: an expression that yields the words.
_VALUES = frozenset(
    (
        "valueBoolean",
        "valueString",
        "valuePeriod",
        "valueQuantity",
        "valueUrl",
        "valueExpression",
    )
)


def read_detail(part: JsonObject, expressions: RuleExpressions) -> DynamicDetail:
    """One `detail` of a determination, which may depend on the order.

    Raises:
        ValueError: it lacks a part, has one too many, or one that is not what the guide wants.
    """
    named = parts(part)
    for name, given in named.items():
        if name not in _PARTS:
            raise ValueError(f"a detail has no `{name}`, but {', '.join(_PARTS)}")
        if len(given) > 1:
            raise ValueError(f"a detail has at most one `{name}`")
    value_type, value = value_of(_needed(named, "value"))
    is_yielded = value_type == "valueExpression"
    code = _detail_code(first(value_of(_needed(named, "code"))[1]))
    _check_value(code, value_type)
    detail = Detail(
        category=_category(text(value_of(_needed(named, "category"))[1])),
        code=code,
        value_type="valueString" if is_yielded else value_type,
        value="" if is_yielded else value,
        qualification=text(value_of(first(named.get("qualification")))[1]),
    )
    when = named.get("when")
    return DynamicDetail(
        detail=detail,
        when=read_expression(value_of(when[0])[1], expressions) if when else None,
        value=read_expression(value, expressions) if is_yielded else None,
        when_in_words=in_words(value_of(when[0])[1]) if when else "",
        value_in_words=in_words(value) if is_yielded else "",
    )


def is_dynamic(detail: DynamicDetail) -> bool:
    """Whether it depends on the order; else it is a detail like any other."""
    return detail.when is not None or detail.value is not None


def _category(code: str) -> DetailCategory:
    try:
        return DetailCategory(code)
    except ValueError as error:
        known = ", ".join(DetailCategory)
        raise ValueError(f"a detail's category is one of {known}, not `{code}`") from error


def _check_value(code: Coding, value_type: str) -> None:
    if value_type not in _VALUES:
        raise ValueError(
            f"a detail's value is one of {', '.join(sorted(_VALUES))}, not {value_type}"
        )
    if code.code == "instructions" and value_type not in ("valueString", "valueExpression"):
        raise ValueError(f"instructions are a valueString, not {value_type}")


def _needed(named: Mapping[str, list[JsonObject]], name: str) -> JsonObject:
    """A part of a detail that must be there; it is there once at most."""
    if name not in named:
        raise ValueError(f"a detail has exactly one `{name}`")
    return named[name][0]


def _detail_code(concept: JsonObject) -> Coding:
    coding = read_coding(first(concept.get("coding")))
    if not coding.code:
        raise ValueError("a detail's code has a coding")
    return coding


def read_expression(value: object, expressions: RuleExpressions) -> Expression:
    """An Expression, compiled.

    Raises:
        ExpressionError: it is in another language, or cannot be used.
    """
    expression = first(value)
    if expression.get("language") != "text/fhirpath":
        raise ExpressionError("the language of an expression is text/fhirpath")
    return expressions.compile(text(expression.get("expression")))


def in_words(value: object) -> str:
    """How a person reads an expression."""
    expression = first(value)
    return text(expression.get("description")) or text(expression.get("expression"))
