"""The coverage-information extension: a determination as the order carries it (CRD ext-coverage-information).

Written here in full, as CRD 2.2 has it; `versions` takes from it what an older client cannot read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.crd.decision.determination import Contact, Detail, Determination, Reason
from cds_service.fhir.coding import Coding
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import JsonObject, canonical, first, text

# What differs between two assertions of the same facts (CRD resp-35).
_RUN_TIME_PARTS = frozenset({"date", "coverage-assertion-id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What only run time knows: for which Coverage, on which day, under which assertion id."""

    coverage: ResourceKey
    day: date
    assertion_id: str


def part(url: str, value_type: str, value: Any) -> JsonObject:
    """One sub-extension."""
    return {"url": url, value_type: value}


def write_parts(determination: Determination, stamp: Stamp) -> list[JsonObject]:
    """The sub-extensions of one repetition, in the guide's order."""
    return list(_parts(determination, stamp))


def _parts(determination: Determination, stamp: Stamp) -> Iterator[JsonObject]:
    yield part("coverage", "valueReference", {"reference": str(stamp.coverage)})
    yield part("covered", "valueCode", determination.covered.value)
    if determination.pa_needed:
        yield part("pa-needed", "valueCode", determination.pa_needed.value)
    yield from _codes("doc-needed", determination.doc_needed)
    yield from _codes("doc-purpose", determination.doc_purpose)
    yield from _codes("info-needed", determination.info_needed)
    yield from (
        part("billingCode", "valueCoding", _coding(code)) for code in determination.billing_codes
    )
    yield from (
        part("reason", "valueCodeableConcept", _concept(reason)) for reason in determination.reasons
    )
    yield from (_detail(detail) for detail in determination.details)
    yield from (
        part("questionnaire", "valueCanonical", form) for form in determination.questionnaires
    )
    yield part("date", "valueDate", stamp.day.isoformat())
    yield part("coverage-assertion-id", "valueString", stamp.assertion_id)
    if determination.satisfied_pa_id:
        yield part("satisfied-pa-id", "valueString", determination.satisfied_pa_id)
    yield from (
        part("contact", "valueContactDetail", _contact(contact))
        for contact in determination.contacts
    )
    if determination.expiry_date:
        yield part("expiry-date", "valueDate", determination.expiry_date.isoformat())


def _codes(url: str, codes: Iterable[str]) -> Iterator[JsonObject]:
    return (part(url, "valueCode", str(code)) for code in sorted(codes))


def _coding(coding: Coding) -> JsonObject:
    return replace(coding, display="").to_json()


def _concept(reason: Reason) -> JsonObject:
    return (
        {"coding": [_coding(reason.coding)], "text": reason.text}
        if reason.coding
        else {"text": reason.text}
    )


def _detail(detail: Detail) -> JsonObject:
    inside = [
        part("category", "valueCode", detail.category.value),
        part("code", "valueCodeableConcept", {"coding": [_coding(detail.code)]}),
        part("value", detail.value_type, detail.value),
    ]
    if detail.qualification:
        inside.append(part("qualification", "valueString", detail.qualification))
    return {"url": "detail", "extension": inside}


def _contact(contact: Contact) -> JsonObject:
    telecom = [{"system": system, "value": value} for system, value in contact.telecom]
    shown: JsonObject = {"name": contact.name, "telecom": telecom}
    return {name: value for name, value in shown.items() if value}


def repetition(inside: Sequence[JsonObject]) -> JsonObject:
    """One repetition of the extension."""
    return {"url": COVERAGE_INFORMATION, "extension": list(inside)}


def own_repetitions(order: JsonObject, coverage: ResourceKey) -> tuple[JsonObject, ...]:
    """What the order already says for this Coverage; every other payer's repetition is left alone."""
    return tuple(
        one for one in find_extensions(order, COVERAGE_INFORMATION) if _coverage_of(one) == coverage
    )


def _coverage_of(extension: JsonObject) -> ResourceKey | None:
    named = parts(extension).get("coverage", [])
    return parse_reference(text(first(value_of(named[0])[1]).get("reference"))) if named else None


def says_the_same(ours: Sequence[JsonObject], theirs: Sequence[JsonObject]) -> bool:
    """Whether two sets of repetitions state the same facts: dates, ids and the order of parts apart."""
    return len(ours) == len(theirs) and sorted(map(_facts, ours)) == sorted(map(_facts, theirs))


def _facts(extension: JsonObject) -> list[bytes]:
    inside = [
        one
        for name, ones in parts(extension).items()
        if name not in _RUN_TIME_PARTS
        for one in ones
    ]
    return sorted(canonical(_without_base(one)) for one in inside)


def _without_base(one: JsonObject) -> JsonObject:
    """A `coverage` part by the target's type and id: clients rewrite references to absolute ones."""
    if one.get("url") != "coverage":
        return one
    return {
        "url": "coverage",
        "target": str(parse_reference(text(first(value_of(one)[1]).get("reference")))),
    }
