"""Writers: the parts of one coverage-information as CRD 2.2, 2.1 and 2.0 have them (standards: 3.4).

Going down never makes an answer looser: what an older version cannot say becomes `conditional` with a reason in words.
"""

from collections.abc import Callable, Iterable, Mapping

from cds_service.crd.codes import COVERAGE_DETAIL, CRD_TEMP, DETAIL_CODE
from cds_service.crd.response.coverage_information import part
from cds_service.fhir.extension import value_of
from cds_service.fhir.resource import JsonObject, first, objects, text

Parts = list[JsonObject]

_OLD_REASONS = frozenset({"gold-card", "detail-code"})  # all that 2.0 and 2.1 define


def as_2_2(inside: Parts) -> Parts:
    """As they are: the model is 2.2's."""
    return inside


def as_2_1(inside: Parts) -> Parts:
    """`indeterminate`, `detail-code`, detail categories and ContactDetail are 2.2's."""
    asks_code = part("info-needed", "valueCode", "detail-code") in inside
    written = _distinct(new for one in inside for new in _DOWN_TO_2_1.get(one["url"], _same)(one))
    if asks_code:
        written = _with_reason(written)
        written = [_with_detail_code(one) if one["url"] == "reason" else one for one in written]
    return _with_other_info(written) if _is_conditional(written) else written


def as_2_0(inside: Parts) -> Parts:
    """Besides: one `doc-needed`, no expiry date or link, and `pa-needed` in every answer (crd-ci-q2 as published)."""
    written = [new for one in as_2_1(inside) for new in _DOWN_TO_2_0.get(one["url"], _same)(one)]
    written = _one_doc_needed(written)
    if not any(one["url"] == "pa-needed" for one in written):
        written = _inserted(written, part("pa-needed", "valueCode", "conditional"), after="covered")
    return _with_other_info(written) if _is_conditional(written) else written


def _distinct(inside: Iterable[JsonObject]) -> Parts:
    kept: Parts = []
    for one in inside:
        if one not in kept:
            kept.append(one)
    return kept


def _with_reason(inside: Parts) -> Parts:
    """crd-ci-q6: what was `detail-code` becomes OTH, which needs a reason."""
    if any(one["url"] == "reason" for one in inside):
        return inside
    words = {"text": "A more exact code or description of the service is needed."}
    return _inserted(inside, part("reason", "valueCodeableConcept", words), after="info-needed")


def _same(one: JsonObject) -> Parts:
    return [one]


def _nothing(_one: JsonObject) -> Parts:
    return []


def _no_indeterminate(one: JsonObject) -> Parts:
    return [{**one, "valueCode": "conditional"} if one["valueCode"] == "indeterminate" else one]


def _no_detail_code(one: JsonObject) -> Parts:
    return [{**one, "valueCode": "OTH"} if one["valueCode"] == "detail-code" else one]


def _old_reason(one: JsonObject) -> Parts:
    """Without codings of the guide that came with 2.2; the words stay."""
    concept = first(one["valueCodeableConcept"])
    codings = [coding for coding in objects(concept.get("coding")) if not _is_new_reason(coding)]
    kept = {"coding": codings} if codings else {}
    return [part("reason", "valueCodeableConcept", {**kept, "text": concept["text"]})]


def _is_new_reason(coding: JsonObject) -> bool:
    return coding.get("system") == CRD_TEMP and coding["code"] not in _OLD_REASONS


def _with_detail_code(reason: JsonObject) -> JsonObject:
    concept = first(reason["valueCodeableConcept"])
    codings = [DETAIL_CODE.to_json(), *objects(concept.get("coding"))]
    return part("reason", "valueCodeableConcept", {**concept, "coding": codings})


def _detail_2_1(one: JsonObject) -> Parts:
    inside = [inner for inner in objects(one["extension"]) if inner["url"] != "category"]
    return [
        {
            **one,
            "extension": [
                _old_detail_code(inner) if inner["url"] == "code" else inner for inner in inside
            ],
        }
    ]


def _old_detail_code(code: JsonObject) -> JsonObject:
    codings = objects(first(code["valueCodeableConcept"]).get("coding"))
    moved = [
        {**one, "system": CRD_TEMP} if one["system"] == COVERAGE_DETAIL else one for one in codings
    ]
    return part("code", "valueCodeableConcept", {"coding": moved})


def _detail_2_0(one: JsonObject) -> Parts:
    """2.0 has neither links nor codes for them and for instructions: links go, instructions are named in words."""
    if any(value_of(inner)[0] == "valueUrl" for inner in objects(one["extension"])):
        return []
    return [
        {
            **one,
            "extension": [
                _worded(inner) if inner["url"] == "code" else inner for inner in one["extension"]
            ],
        }
    ]


def _worded(code: JsonObject) -> JsonObject:
    coding = first(first(code["valueCodeableConcept"]).get("coding"))
    if text(coding.get("code")) != "instructions":
        return code
    return part("code", "valueCodeableConcept", {"text": "Instructions"})


def _contact_points(one: JsonObject) -> Parts:
    telecom = objects(first(one["valueContactDetail"]).get("telecom"))
    return [part("contact", "valueContactPoint", point) for point in telecom]


_DOWN_TO_2_1: Mapping[str, Callable[[JsonObject], Parts]] = {
    "covered": _no_indeterminate,
    "pa-needed": _no_indeterminate,
    "doc-needed": _no_indeterminate,
    "info-needed": _no_detail_code,
    "reason": _old_reason,
    "detail": _detail_2_1,
    "contact": _contact_points,
}
_DOWN_TO_2_0: Mapping[str, Callable[[JsonObject], Parts]] = {
    "detail": _detail_2_0,
    "expiry-date": _nothing,
}


def _one_doc_needed(inside: Parts) -> Parts:
    codes = {one["valueCode"] for one in inside if one["url"] == "doc-needed"}
    if not codes:
        return inside
    without = [one for one in inside if one["url"] != "doc-needed"]
    return _inserted(
        without, part("doc-needed", "valueCode", _old_doc_needed(codes)), after="covered"
    )


def _old_doc_needed(codes: set[str]) -> str:
    """2.0 has no `patient`: what a patient must supply is asked of the administration."""
    if "conditional" in codes:
        return "conditional"
    wanted = {"admin" if code == "patient" else code for code in codes}
    return "both" if len(wanted) > 1 else wanted.pop()


def _is_conditional(inside: Parts) -> bool:
    asked = ("covered", "pa-needed", "doc-needed")
    return any(one["url"] in asked and one["valueCode"] == "conditional" for one in inside)


def _with_other_info(inside: Parts) -> Parts:
    """crd-ci-q3: what is conditional says which information is needed."""
    if any(one["url"] == "info-needed" for one in inside):
        return inside
    at = 1 + max(
        number
        for number, one in enumerate(inside)
        if one["url"] in ("covered", "pa-needed", "doc-needed")
    )
    return [*inside[:at], part("info-needed", "valueCode", "OTH"), *inside[at:]]


def _inserted(inside: Parts, new: JsonObject, *, after: str) -> Parts:
    at = 1 + max(number for number, one in enumerate(inside) if one["url"] == after)
    return [*inside[:at], new, *inside[at:]]
