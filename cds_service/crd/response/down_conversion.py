"""Down-conversion: a determination in the terms and shapes of CRD 2.1 and 2.0.

Going down never makes a determination looser: what an older version cannot state becomes
`conditional` with a reason in words. Where the older version has a word for it, the typed
determination changes; what only its JSON has (a single `doc-needed`, `both`, `pa-needed` beside
`not-covered`, other shapes of detail and contact) is done on the parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from cds_service.crd.codes import (
    COVERAGE_DETAIL,
    CRD_TEMP,
    DETAIL_CODE,
    Covered,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.combination import without_documentation
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import Determination, Reason
from cds_service.crd.response.coverage_information import Assertion, Parts, part, write_parts
from cds_service.fhir.extension import value_of
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, objects, text

Shapes = Mapping[str, Callable[[JsonObject], Parts]]

_OLD_REASONS = frozenset({"gold-card", "detail-code"})  # all that 2.0 and 2.1 define
_OTHER = frozenset({InfoNeeded.OTHER})
_FOR_AUTHORIZATION = part("doc-purpose", "valueCode", DocPurpose.WITH_PA.value)
_FOR_OTHER = part("doc-purpose", "valueCode", DocPurpose.OTHER.value)

Code = TypeVar("Code", Covered, PaNeeded, DocNeeded)


def write_2_2(determination: Determination, assertion: Assertion) -> Parts:
    """As it is, for the model is 2.2's, but for `withpa` (crd-ci-q4)."""
    return _without_withpa(write_parts(determination, assertion))


def write_2_1(determination: Determination, assertion: Assertion) -> Parts:
    """Without what is new in 2.2.

    That is `indeterminate`, `detail-code`, most reason codes, detail categories, ContactDetail and
    prescriptions of glasses as a dependency.
    """
    return _without_withpa(_write_older(determination, assertion))


def write_2_0(determination: Determination, assertion: Assertion) -> Parts:
    """Besides: no links, one `doc-needed`, `pa-needed` always, `withpa`, the last day in words."""
    if not assertion.primary:  # what a patient must supply would be asked of the administration
        determination = without_documentation(determination, frozenset({DocNeeded.PATIENT}))
    parts = _write_older(_with_expiry_in_words(determination), assertion)
    return _with_pa_needed(_with_one_doc_needed(_shaped(parts, _SHAPES_2_0)))


def _with_expiry_in_words(determination: Determination) -> Determination:
    """2.0 has no `expiry-date`; without it a promise would reach too far (CRD resp-30)."""
    last = determination.expiry_date
    if last is None:
        return determination
    words = Reason(text=f"This holds for services until {last}.")
    return replace(determination, expiry_date=None, reasons=(*determination.reasons, words))


def _write_older(determination: Determination, assertion: Assertion) -> Parts:
    parts = write_parts(to_2_1(determination), assertion)
    if InfoNeeded.DETAIL_CODE in determination.info_needed:
        parts = [_with_detail_code(new) if new["url"] == "reason" else new for new in parts]
    return _shaped(parts, _SHAPES_2_1)


def _without_withpa(parts: Parts) -> Parts:
    """`OTH` in place of `withpa`: a reason stands beside it then (crd-ci-q8)."""
    if _FOR_AUTHORIZATION not in parts:
        return parts
    others = [stated for stated in parts if stated not in (_FOR_AUTHORIZATION, _FOR_OTHER)]
    return _inserted(others, _FOR_OTHER, ("covered", "pa-needed", "doc-needed"))


def to_2_1(determination: Determination) -> Determination:
    """The determination in the codes of CRD 2.1, which are those of 2.0 too."""
    covered = _known(determination.covered, Covered.CONDITIONAL)
    pa_needed = determination.pa_needed
    pa_needed = pa_needed and _known(pa_needed, PaNeeded.CONDITIONAL)
    doc_needed = frozenset(_known(need, DocNeeded.CONDITIONAL) for need in determination.doc_needed)
    info_needed = frozenset(map(_known_info, determination.info_needed))
    is_conditional = "conditional" in (covered.value, pa_needed, *doc_needed)
    return replace(
        determination,
        covered=covered,
        pa_needed=pa_needed,
        doc_needed=doc_needed,
        # crd-ci-q3: what has just become conditional states which information is needed.
        info_needed=(info_needed or _OTHER) if is_conditional else frozenset(),
        reasons=tuple(dict.fromkeys(map(_old_reason, _reasons(determination)))),
        dependencies=tuple(
            other for other in determination.dependencies if not _is_new_target(other)
        ),
    )


def _known(code: Code, conditional: Code) -> Code:
    """`indeterminate` is 2.2's; before, what could not be determined was conditional."""
    return conditional if code.value == "indeterminate" else code


def _known_info(info: InfoNeeded) -> InfoNeeded:
    return InfoNeeded.OTHER if info is InfoNeeded.DETAIL_CODE else info


def _reasons(determination: Determination) -> tuple[Reason, ...]:
    """Its reasons, and in words what 2.1 has no place for.

    crd-ci-q6: what was `detail-code` becomes OTH, which needs a reason.
    """
    words = [
        f"This depends on another order: {dependency.name}."
        for dependency in determination.dependencies
        if _is_new_target(dependency)
    ]
    if not determination.reasons and InfoNeeded.DETAIL_CODE in determination.info_needed:
        words.append("A more exact code or description of the service is needed.")
    return (*determination.reasons, *(Reason(text=sentence) for sentence in words))


def _is_new_target(dependency: Dependency) -> bool:
    """Whether 2.1 and 2.0 allow no dependency on an order of this type."""
    key = parse_reference(dependency.reference)
    return key is not None and key.type == "VisionPrescription"


def _old_reason(reason: Reason) -> Reason:
    """The same words, without a code of the guide that came with 2.2."""
    coding = reason.coding
    is_new = coding and coding.system == CRD_TEMP and coding.code not in _OLD_REASONS
    return replace(reason, coding=None) if is_new else reason


def _with_detail_code(reason: JsonObject) -> JsonObject:
    """As a reason, `detail-code` is older than as an info-needed."""
    concept = first(reason["valueCodeableConcept"])
    codings = [DETAIL_CODE.to_json(), *objects(concept.get("coding"))]
    return part("reason", "valueCodeableConcept", {**concept, "coding": codings})


def _shaped(parts: Parts, shapes: Shapes) -> Parts:
    """The parts in their older shapes, which may be several or none."""
    shaped: Parts = []
    for new in parts:
        shape = shapes.get(new["url"])
        shaped.extend(shape(new) if shape else [new])
    return shaped


def _detail_2_1(detail: JsonObject) -> Parts:
    """No category, and the codes of detail in the guide's own temporary system."""
    inside = [inner for inner in detail["extension"] if inner["url"] != "category"]
    moved = [_moved(inner) if inner["url"] == "code" else inner for inner in inside]
    return [{**detail, "extension": moved}]


def _moved(code: JsonObject) -> JsonObject:
    codings = objects(first(code["valueCodeableConcept"]).get("coding"))
    moved = [
        {**coding, "system": CRD_TEMP} if coding["system"] == COVERAGE_DETAIL else coding
        for coding in codings
    ]
    return part("code", "valueCodeableConcept", {"coding": moved})


def _contact_points(contact: JsonObject) -> Parts:
    """One ContactPoint each; the name has no place."""
    telecom = objects(first(contact["valueContactDetail"]).get("telecom"))
    return [part("contact", "valueContactPoint", point) for point in telecom]


def _detail_2_0(detail: JsonObject) -> Parts:
    """2.0 has no links, and no code for instructions, which are named in words."""
    if any(value_of(inner)[0] == "valueUrl" for inner in detail["extension"]):
        return []
    inside = [_worded(inner) if inner["url"] == "code" else inner for inner in detail["extension"]]
    return [{**detail, "extension": inside}]


def _worded(code: JsonObject) -> JsonObject:
    coding = first(first(code["valueCodeableConcept"]).get("coding"))
    if text(coding.get("code")) != "instructions":
        return code
    return part("code", "valueCodeableConcept", {"text": "Instructions"})


_SHAPES_2_1: Shapes = {"detail": _detail_2_1, "contact": _contact_points}
_SHAPES_2_0: Shapes = {"detail": _detail_2_0}


def _with_one_doc_needed(parts: Parts) -> Parts:
    """2.0 has one `doc-needed`, with `both` for two of them."""
    codes = {stated["valueCode"] for stated in parts if stated["url"] == "doc-needed"}
    if not codes:
        return parts
    others = [stated for stated in parts if stated["url"] != "doc-needed"]
    return _inserted(others, part("doc-needed", "valueCode", _old_doc_needed(codes)), ("covered",))


def _old_doc_needed(codes: set[str]) -> str:
    """2.0 has no `patient`: what a patient must supply is asked of the administration."""
    if "conditional" in codes:
        return "conditional"
    wanted = {"admin" if code == "patient" else code for code in codes}
    return "both" if len(wanted) > 1 else wanted.pop()


def _with_pa_needed(parts: Parts) -> Parts:
    """2.0's crd-ci-q2 as published fails without `pa-needed`; `no-auth` would mislead.

    A conditional `pa-needed` in turn needs an `info-needed` (crd-ci-q3).
    """
    stated = {present["url"] for present in parts}
    if "pa-needed" in stated:
        return parts
    parts = _inserted(parts, part("pa-needed", "valueCode", "conditional"), ("covered",))
    if "info-needed" in stated:
        return parts
    other = part("info-needed", "valueCode", InfoNeeded.OTHER.value)
    return _inserted(parts, other, ("covered", "pa-needed", "doc-needed"))


def _inserted(parts: Parts, new: JsonObject, after: tuple[str, ...]) -> Parts:
    """The parts with a new one behind the last of those named."""
    place = 1 + max(number for number, stated in enumerate(parts) if stated["url"] in after)
    return [*parts[:place], new, *parts[place:]]
