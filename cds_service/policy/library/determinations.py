"""The `coverage-determination` extension: a rule's determination, as its payer wrote it.

Its parts are those of CRD coverage-information that are known when a policy is written; a breach
of the guide's invariants is found here, when the library is compiled.
"""

from typing import NamedTuple

from cds_service.crd.codes import (
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.determination import Contact, Detail, Determination, Reason
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding, read_coding
from cds_service.fhir.extension import parts, value_of
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.run.conditions import Expression, ExpressionCompiler
from cds_service.policy.run.rules import DynamicDetail

# The parts of an extension by name, each as often as it is given.
NamedParts = dict[str, list[JsonObject]]

KNOWN_PARTS = frozenset(
    (
        "covered",
        "pa-needed",
        "doc-needed",
        "doc-purpose",
        "info-needed",
        "reason",
        "detail",
        "questionnaire",
        "contact",
    )
)

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


class RuleDetermination(NamedTuple):
    """A rule's determination, the details it has besides for some orders only, and all its details.

    All of them stand in the order in which the payer wrote them.
    """

    determination: Determination
    dynamic: tuple[DynamicDetail, ...]
    details: tuple[DynamicDetail, ...]


def read_determination(extension: JsonObject, compiler: ExpressionCompiler) -> RuleDetermination:
    """The determination in a `coverage-determination` extension.

    Raises:
        ValueError: an unknown part or code, or a determination the guide forbids.
    """
    named = parts(extension)
    if unknown := set(named) - KNOWN_PARTS:
        raise ValueError(f"unknown part `{min(unknown)}`")
    details = [_detail(part, compiler) for part in named.get("detail", ())]
    determination = Determination(
        covered=Covered(_text(named, "covered")),
        pa_needed=PaNeeded(code) if (code := _text(named, "pa-needed")) else None,
        doc_needed=frozenset(map(DocNeeded, _texts(named, "doc-needed"))),
        doc_purpose=frozenset(map(DocPurpose, _texts(named, "doc-purpose"))),
        info_needed=frozenset(map(InfoNeeded, _texts(named, "info-needed"))),
        reasons=tuple(_reason(part) for part in named.get("reason", ())),
        details=tuple(detail.detail for detail in details if not _is_dynamic(detail)),
        questionnaires=tuple(str(value_of(part)[1]) for part in named.get("questionnaire", ())),
        contacts=tuple(_contact(first(value_of(part)[1])) for part in named.get("contact", ())),
    )
    dynamic = tuple(filter(_is_dynamic, details))
    return RuleDetermination(determination, dynamic, tuple(details))


def _is_dynamic(detail: DynamicDetail) -> bool:
    """Whether it depends on the order; else it is a detail like any other."""
    return detail.when is not None or detail.value is not None


def _texts(named: NamedParts, name: str) -> list[str]:
    return [text(value_of(part)[1]) for part in named.get(name, ())]


def _text(named: NamedParts, name: str) -> str:
    """The value of a part that is given at most once; empty if it is not."""
    texts = _texts(named, name)
    if len(texts) > 1:
        raise ValueError(f"`{name}` is given more than once")
    return texts[0] if texts else ""


def _reason(part: JsonObject) -> Reason:
    concept = first(value_of(part)[1])
    coding = read_coding(first(concept.get("coding")))
    return Reason(text=text(concept.get("text")), coding=coding if coding.code else None)


def _contact(detail: JsonObject) -> Contact:
    points = objects(detail.get("telecom"))
    telecom = tuple((text(point.get("system")), text(point.get("value"))) for point in points)
    return Contact(name=text(detail.get("name")), telecom=telecom)


def _detail(part: JsonObject, compiler: ExpressionCompiler) -> DynamicDetail:
    named = parts(part)
    for name, given in named.items():
        if len(given) > 1:
            raise ValueError(f"a detail has at most one `{name}`")
    value_type, value = value_of(_needed(named, "value"))
    is_yielded = value_type == "valueExpression"
    code = _detail_code(first(value_of(_needed(named, "code"))[1]))
    _check_value(code, value_type)
    detail = Detail(
        category=DetailCategory(text(value_of(_needed(named, "category"))[1])),
        code=code,
        value_type="valueString" if is_yielded else value_type,
        value="" if is_yielded else value,
        qualification=_text(named, "qualification"),
    )
    when = named.get("when")
    return DynamicDetail(
        detail=detail,
        when=_expression(value_of(when[0])[1], compiler) if when else None,
        value=_expression(value, compiler) if is_yielded else None,
        when_in_words=_in_words(value_of(when[0])[1]) if when else "",
        value_in_words=_in_words(value) if is_yielded else "",
    )


def _check_value(code: Coding, value_type: str) -> None:
    if value_type not in _VALUES:
        raise ValueError(
            f"a detail's value is one of {', '.join(sorted(_VALUES))}, not {value_type}"
        )
    if code.code == "instructions" and value_type not in ("valueString", "valueExpression"):
        raise ValueError(f"instructions are a valueString, not {value_type}")


def _needed(named: NamedParts, name: str) -> JsonObject:
    """A part of a detail that must be there; it is there once at most."""
    if name not in named:
        raise ValueError(f"a detail has exactly one `{name}`")
    return named[name][0]


def _detail_code(concept: JsonObject) -> Coding:
    coding = read_coding(first(concept.get("coding")))
    if not coding.code:
        raise ValueError("a detail's code has a coding")
    return coding


def _expression(value: object, compiler: ExpressionCompiler) -> Expression:
    expression = first(value)
    if expression.get("language") != "text/fhirpath":
        raise ExpressionError("the language of an expression is text/fhirpath")
    return compiler.compile(text(expression.get("expression")))


def _in_words(value: object) -> str:
    """How a person reads an expression."""
    expression = first(value)
    return text(expression.get("description")) or text(expression.get("expression"))
