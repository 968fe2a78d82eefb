"""One writer a CRD version: what an older client cannot read is said in a way it can (standards: 3.4).

The model is the CRD 2.2 superset. Going down never makes an answer looser: what cannot be said becomes `conditional`
with a reason in words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cds_service.cds_hooks.response import Card, HookResponse, SystemAction
from cds_service.crd.codes import CARD_TYPES, COVERAGE_DETAIL, CRD_TEMP, DETAIL_CODE
from cds_service.crd.coverage_information import part
from cds_service.errors import UnsupportedVersion
from cds_service.fhir.extension import value_of
from cds_service.fhir.resource import JsonObject, first, objects, text

Parts = list[JsonObject]

ADVERTISED = ("2.1", "2.2")  # crdver-1's own pattern refuses "2.0"
_ASKED = re.compile(r"^(\d+\.\d+)(?:\.\d+)?$")
_OLD_REASONS = frozenset({"gold-card", "detail-code"})  # all that 2.0 and 2.1 define


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How one version is written; `refuses_without_coverage` is hook-13, new in 2.1."""

    name: str
    write_parts: Callable[[Parts], Parts]
    topic_system: str
    about: Callable[[str], object]
    always_system_actions: bool
    refuses_without_coverage: bool
    answers_on_order: bool  # an appointment made for an order is answered on the order

    def card(self, card: Card) -> JsonObject:
        """A card as JSON, without empty elements."""
        topic = {"system": self.topic_system, "code": str(card.topic)}
        shown: JsonObject = {
            "uuid": card.uuid,
            "summary": card.summary,
            "detail": card.detail,
            "indicator": card.indicator.value,
            "source": {"label": card.source_label, "topic": topic},
            "overrideReasons": [reason.to_json() for reason in card.override_reasons],
            "links": [link.to_json() for link in card.links],
            "extension": {"davinci-crd.associated-resource": [self.about(one) for one in card.about]},
        }
        if not card.about:
            del shown["extension"]
        return {name: value for name, value in shown.items() if value}

    def response(self, cards: Sequence[Card], actions: Sequence[SystemAction], *, primary: bool) -> HookResponse:
        """The whole response; CDS Hooks allows no empty `systemActions`, CRD 2.0 clients want one on primary hooks."""
        written = tuple(action.to_json() for action in actions)
        silent = not written and not (primary and self.always_system_actions)
        return HookResponse(tuple(self.card(card) for card in cards), None if silent else written)


def _as_2_2(inside: Parts) -> Parts:
    return inside


def _as_2_1(inside: Parts) -> Parts:
    """`indeterminate`, `detail-code`, detail categories and ContactDetail are 2.2's."""
    asks_code = part("info-needed", "valueCode", "detail-code") in inside
    written = [new for one in inside for new in _DOWN_TO_2_1.get(one["url"], _same)(one)]
    if asks_code:
        written = [_with_detail_code(one) if one["url"] == "reason" else one for one in written]
    return _with_other_info(written) if _is_conditional(written) else written


def _as_2_0(inside: Parts) -> Parts:
    """Besides: one `doc-needed`, no expiry date or link, and `pa-needed` in every answer (crd-ci-q2 as published)."""
    written = [new for one in _as_2_1(inside) for new in _DOWN_TO_2_0.get(one["url"], _same)(one)]
    written = _one_doc_needed(written)
    if not any(one["url"] == "pa-needed" for one in written):
        written = _inserted(written, part("pa-needed", "valueCode", "conditional"), after="covered")
    return _with_other_info(written) if _is_conditional(written) else written


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
    return coding["system"] == CRD_TEMP and coding["code"] not in _OLD_REASONS


def _with_detail_code(reason: JsonObject) -> JsonObject:
    concept = first(reason["valueCodeableConcept"])
    codings = [DETAIL_CODE.to_json(), *objects(concept.get("coding"))]
    return part("reason", "valueCodeableConcept", {**concept, "coding": codings})


def _detail_2_1(one: JsonObject) -> Parts:
    inside = [inner for inner in objects(one["extension"]) if inner["url"] != "category"]
    return [{**one, "extension": [_old_detail_code(inner) if inner["url"] == "code" else inner for inner in inside]}]


def _old_detail_code(code: JsonObject) -> JsonObject:
    codings = objects(first(code["valueCodeableConcept"]).get("coding"))
    moved = [{**one, "system": CRD_TEMP} if one["system"] == COVERAGE_DETAIL else one for one in codings]
    return part("code", "valueCodeableConcept", {"coding": moved})


def _detail_2_0(one: JsonObject) -> Parts:
    """2.0 has neither links nor codes for them and for instructions: links go, instructions are named in words."""
    if any(value_of(inner)[0] == "valueUrl" for inner in objects(one["extension"])):
        return []
    return [{**one, "extension": [_worded(inner) if inner["url"] == "code" else inner for inner in one["extension"]]}]


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
_DOWN_TO_2_0: Mapping[str, Callable[[JsonObject], Parts]] = {"detail": _detail_2_0, "expiry-date": _nothing}


def _one_doc_needed(inside: Parts) -> Parts:
    codes = {one["valueCode"] for one in inside if one["url"] == "doc-needed"}
    if not codes:
        return inside
    without = [one for one in inside if one["url"] != "doc-needed"]
    return _inserted(without, part("doc-needed", "valueCode", _old_doc_needed(codes)), after="covered")


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
    at = 1 + max(number for number, one in enumerate(inside) if one["url"] in ("covered", "pa-needed", "doc-needed"))
    return [*inside[:at], part("info-needed", "valueCode", "OTH"), *inside[at:]]


def _inserted(inside: Parts, new: JsonObject, *, after: str) -> Parts:
    at = 1 + max(number for number, one in enumerate(inside) if one["url"] == after)
    return [*inside[:at], new, *inside[at:]]


def _reference(target: str) -> object:
    return {"reference": target}


VERSIONS: Mapping[str, Version] = {
    "2.0": Version(
        name="2.0",
        write_parts=_as_2_0,
        topic_system=CRD_TEMP,
        about=lambda target: target,
        always_system_actions=True,
        refuses_without_coverage=False,
        answers_on_order=False,
    ),
    "2.1": Version(
        name="2.1",
        write_parts=_as_2_1,
        topic_system=CRD_TEMP,
        about=_reference,
        always_system_actions=False,
        refuses_without_coverage=True,
        answers_on_order=True,
    ),
    "2.2": Version(
        name="2.2",
        write_parts=_as_2_2,
        topic_system=CARD_TYPES,
        about=_reference,
        always_system_actions=False,
        refuses_without_coverage=True,
        answers_on_order=True,
    ),
}
DEFAULT = VERSIONS["2.0"]  # a client that asks for none is older than asking


def agree_version(extension: JsonObject, default: Version = DEFAULT) -> Version:
    """The version a request asks for, `default` if it asks for none.

    Raises:
        UnsupportedVersion: it asks for one this service does not speak.
    """
    asked = extension.get("davinci-crd.requestedVersion")
    if asked is None:
        return default
    matched = _ASKED.match(text(asked))
    version = VERSIONS.get(matched.group(1)) if matched else None
    if version is None:
        where = "$.extension['davinci-crd.requestedVersion']"
        raise UnsupportedVersion(f"this service speaks CRD {', '.join(VERSIONS)}", where)
    return version
