"""The coverage-information extension: a determination as the order carries it.

Written here as CRD 2.2 has it; `down_conversion` says what an older client reads instead.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.crd.codes import COVERAGE_DETAIL, COVERAGE_INFORMATION, DetailCategory
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import (
    Citation,
    Contact,
    Detail,
    Determination,
    Reason,
)
from cds_service.crd.request.stated import coverage_in, coverage_of
from cds_service.fhir.coding import Coding
from cds_service.fhir.extension import find_extensions, parts
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject, canonical

# What differs between two assertions of the same facts (CRD resp-35).
_RUN_TIME_PARTS = frozenset({"date", "coverage-assertion-id"})
_POLICY_LINK = Coding(COVERAGE_DETAIL, "policy-link")

Parts = list[JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What only run time knows of a determination: for which Coverage, when, under which id.

    And whether the hook is a primary one: an early one asks for less (CRD hook-19).
    """

    coverage: ResourceKey
    day: date
    id: str
    primary: bool = True


def part(url: str, value_type: str, value: Any) -> JsonObject:
    """One sub-extension."""
    return {"url": url, value_type: value}


def write_parts(determination: Determination, assertion: Assertion) -> Parts:
    """The sub-extensions of one repetition, in the guide's order."""
    return list(_parts(determination, assertion))


def _parts(determination: Determination, assertion: Assertion) -> Iterator[JsonObject]:
    yield part("coverage", "valueReference", {"reference": str(assertion.coverage)})
    yield part("covered", "valueCode", determination.covered.value)
    if determination.pa_needed:
        yield part("pa-needed", "valueCode", determination.pa_needed.value)
    yield from _codes("doc-needed", determination.doc_needed)
    yield from _codes("doc-purpose", determination.doc_purpose)
    yield from _codes("info-needed", determination.info_needed)
    for coding in determination.billing_codes:
        yield part("billingCode", "valueCoding", _coding(coding))
    for reason in determination.reasons:
        yield part("reason", "valueCodeableConcept", _concept(reason))
    yield from map(_detail, determination.details)
    yield from map(_policy_link, determination.citations)
    yield from map(_dependency, determination.dependencies)
    for form in determination.questionnaires:
        yield part("questionnaire", "valueCanonical", form)
    yield part("date", "valueDate", assertion.day.isoformat())
    yield part("coverage-assertion-id", "valueString", assertion.id)
    if determination.satisfied_pa_id:
        yield part("satisfied-pa-id", "valueString", determination.satisfied_pa_id)
    for contact in determination.contacts:
        yield part("contact", "valueContactDetail", _contact(contact))
    if determination.expiry_date:
        yield part("expiry-date", "valueDate", determination.expiry_date.isoformat())


def _codes(url: str, codes: Iterable[str]) -> Iterator[JsonObject]:
    return (part(url, "valueCode", str(code)) for code in sorted(codes))


def _coding(coding: Coding) -> JsonObject:
    """Without display: a policy's codings have none, and CPT's are not ours to give."""
    shown = {"system": coding.system, "code": coding.code}
    return {name: value for name, value in shown.items() if value}


def _concept(reason: Reason) -> JsonObject:
    if reason.coding is None:
        return {"text": reason.text}
    return {"coding": [_coding(reason.coding)], "text": reason.text}


def _detail(detail: Detail) -> JsonObject:
    inside = [
        part("category", "valueCode", detail.category.value),
        part("code", "valueCodeableConcept", {"coding": [_coding(detail.code)]}),
        part("value", detail.value_type, detail.value),
    ]
    if detail.qualification:
        inside.append(part("qualification", "valueString", detail.qualification))
    return {"url": "detail", "extension": inside}


def _dependency(dependency: Dependency) -> JsonObject:
    identifier = dependency.identifier._asdict() if dependency.identifier else {}
    shown: JsonObject = {
        "reference": dependency.reference,
        "identifier": {name: value for name, value in identifier.items() if value},
        "display": dependency.display,
    }
    reference = {name: value for name, value in shown.items() if value}
    return part("dependency", "valueReference", reference)


def _policy_link(citation: Citation) -> JsonObject:
    """A `detail` that leads to the rule on our policy page."""
    link = Detail(
        category=DetailCategory.OTHER,
        code=_POLICY_LINK,
        value_type="valueUrl",
        value=citation.page_url,
    )
    return _detail(link)


def _contact(contact: Contact) -> JsonObject:
    telecom = [{"system": system, "value": value} for system, value in contact.telecom]
    shown: JsonObject = {"name": contact.name, "telecom": telecom}
    return {name: value for name, value in shown.items() if value}


def repetition(inside: Sequence[JsonObject]) -> JsonObject:
    """One repetition of the extension."""
    return {"url": COVERAGE_INFORMATION, "extension": list(inside)}


def own_repetitions(order: JsonObject, coverage: ResourceKey) -> tuple[JsonObject, ...]:
    """What the order already states for this Coverage.

    Every other payer's repetition is left alone.
    """
    return tuple(
        stated
        for stated in find_extensions(order, COVERAGE_INFORMATION)
        if coverage_of(stated) == coverage
    )


def states_the_same(ours: Sequence[JsonObject], theirs: Sequence[JsonObject]) -> bool:
    """Whether two sets of repetitions state the same; dates, ids and the order of parts aside."""
    return len(ours) == len(theirs) and sorted(map(_facts, ours)) == sorted(map(_facts, theirs))


def _facts(stated: JsonObject) -> list[bytes]:
    facts: list[bytes] = []
    for name, repeated in parts(stated).items():
        if name not in _RUN_TIME_PARTS:
            facts.extend(canonical(_without_base(fact)) for fact in repeated)
    return sorted(facts)


def _without_base(fact: JsonObject) -> JsonObject:
    """A `coverage` part by its target's type and id: clients write references absolute."""
    if fact.get("url") != "coverage":
        return fact
    return {"url": "coverage", "target": str(coverage_in(fact))}
