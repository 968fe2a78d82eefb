"""The `coverage-determination` extension: what a rule says, as its payer wrote it, made a Determination.

Its parts are those of CRD coverage-information that are known when a policy is written; a breach of the guide's
invariants is found here, when the library is compiled.
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
from cds_service.fhir.coding import Coding, read_coding
from cds_service.fhir.extension import parts, value_of
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.run.conditions import Expression, ExpressionCompiler, ExpressionError
from cds_service.policy.run.rules import DynamicDetail

KNOWN_PARTS = frozenset(
    "covered pa-needed doc-needed doc-purpose info-needed reason detail questionnaire contact".split()
)


# CRD ext-coverage-information, detail.value; ours besides: an expression that yields the words.
_VALUES = frozenset(
    "valueBoolean valueString valuePeriod valueQuantity valueUrl valueExpression".split()
)


class Template(NamedTuple):
    """What a rule always says, and the details it says depending on the order.

    `details` are all of them, as the payer wrote them.
    """

    determination: Determination
    dynamic: tuple[DynamicDetail, ...]
    details: tuple[DynamicDetail, ...]


def read_template(extension: JsonObject, compiler: ExpressionCompiler) -> Template:
    """What the extension says.

    Raises:
        ValueError: an unknown part or code, or a determination the guide forbids.
    """
    said = parts(extension)
    if unknown := set(said) - KNOWN_PARTS:
        raise ValueError(f"unknown part `{min(unknown)}`")
    details = [_detail(part, compiler) for part in said.get("detail", ())]
    determination = Determination(
        covered=Covered(_one_code(said, "covered")),
        pa_needed=PaNeeded(code) if (code := _one_code(said, "pa-needed")) else None,
        doc_needed=frozenset(DocNeeded(code) for code in _codes(said, "doc-needed")),
        doc_purpose=frozenset(DocPurpose(code) for code in _codes(said, "doc-purpose")),
        info_needed=frozenset(InfoNeeded(code) for code in _codes(said, "info-needed")),
        reasons=tuple(_reason(part) for part in said.get("reason", ())),
        details=tuple(one.detail for one in details if not (one.when or one.value)),
        questionnaires=tuple(str(value_of(part)[1]) for part in said.get("questionnaire", ())),
        contacts=tuple(_contact(first(value_of(part)[1])) for part in said.get("contact", ())),
    )
    dynamic = tuple(one for one in details if one.when or one.value)
    return Template(determination, dynamic, tuple(details))


def _codes(said: dict[str, list[JsonObject]], name: str) -> list[str]:
    return [text(value_of(part)[1]) for part in said.get(name, ())]


def _one_code(said: dict[str, list[JsonObject]], name: str) -> str:
    codes = _codes(said, name)
    if len(codes) > 1:
        raise ValueError(f"`{name}` is given more than once")
    return codes[0] if codes else ""


def _reason(part: JsonObject) -> Reason:
    concept = first(value_of(part)[1])
    coding = read_coding(first(concept.get("coding")))
    return Reason(text=text(concept.get("text")), coding=coding if coding.code else None)


def _contact(detail: JsonObject) -> Contact:
    telecom = (
        (text(one.get("system")), text(one.get("value"))) for one in objects(detail.get("telecom"))
    )
    return Contact(name=text(detail.get("name")), telecom=tuple(telecom))


def _detail(part: JsonObject, compiler: ExpressionCompiler) -> DynamicDetail:
    said = parts(part)
    if repeated := [one for one, found in said.items() if len(found) > 1]:
        raise ValueError(f"a detail has at most one `{repeated[0]}`")
    name, value = value_of(_one(said, "value"))
    when = said.get("when")
    dynamic = name == "valueExpression"
    code = _detail_code(first(value_of(_one(said, "code"))[1]))
    _check_value(code, name)
    detail = Detail(
        category=DetailCategory(text(value_of(_one(said, "category"))[1])),
        code=code,
        value_type="valueString" if dynamic else name,
        value="" if dynamic else value,
        qualification=text(value_of(said["qualification"][0])[1])
        if "qualification" in said
        else "",
    )
    return DynamicDetail(
        detail=detail,
        when=_expression(value_of(when[0])[1], compiler) if when else None,
        value=_expression(value, compiler) if dynamic else None,
        when_in_words=_in_words(value_of(when[0])[1]) if when else "",
        value_in_words=_in_words(value) if dynamic else "",
    )


def _check_value(code: Coding, name: str) -> None:
    if name not in _VALUES:
        raise ValueError(f"a detail's value is one of {', '.join(sorted(_VALUES))}, not {name}")
    if code.code == "instructions" and name not in ("valueString", "valueExpression"):
        raise ValueError(f"instructions are a valueString, not {name}")


def _one(said: dict[str, list[JsonObject]], name: str) -> JsonObject:
    if len(said.get(name, ())) != 1:
        raise ValueError(f"a detail has exactly one `{name}`")
    return said[name][0]


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
