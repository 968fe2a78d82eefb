"""The `coverage-determination` extension: a rule's determination, as its payer wrote it.

Its parts are those of CRD coverage-information that are known when a policy is written; a breach
of the guide's invariants is found here, when the library is compiled.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from cds_service.crd.codes import (
    Covered,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.dependency import Dependency, read_dependency
from cds_service.crd.decision.determination import Contact, Determination, Reason
from cds_service.fhir.coding import read_coding
from cds_service.fhir.dates import parse_days
from cds_service.fhir.extension import value_of
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.details import (
    in_words,
    is_dynamic,
    read_detail,
    read_expression,
)
from cds_service.policy.library.determination_parts import NamedParts, read_parts
from cds_service.policy.library.rule_expressions import RuleExpressions
from cds_service.policy.run.rules import DynamicDependency, DynamicDetail


class RuleDetermination(NamedTuple):
    """A rule's determination, with what it has besides for some orders only.

    `details` are all its details, the dynamic ones among them, in the order of the payer.
    """

    determination: Determination
    dynamic: tuple[DynamicDetail, ...]
    dependencies: tuple[DynamicDependency, ...]
    details: tuple[DynamicDetail, ...]


def read_determination(
    extension: JsonObject, shared: Iterable[JsonObject], expressions: RuleExpressions
) -> RuleDetermination:
    """The determination in a `coverage-determination` extension.

    `shared` are the `detail`s that all rules around it have; they stand after its own.

    Raises:
        ValueError: an unknown part or code, one that is not a policy's to state, or a determination
            the guide forbids.
    """
    named = read_parts(extension)
    stated = (*named.by_name.get("detail", ()), *shared)
    details = [read_detail(part, expressions) for part in stated]
    covered = named.code("covered", Covered)
    if covered is None:
        raise ValueError("a determination has one `covered`")
    determination = Determination(
        covered=covered,
        pa_needed=named.code("pa-needed", PaNeeded),
        doc_needed=named.codes("doc-needed", DocNeeded),
        doc_purpose=_doc_purpose(named),
        info_needed=named.codes("info-needed", InfoNeeded),
        reasons=tuple(map(_reason, named.all("reason"))),
        details=tuple(detail.detail for detail in details if not is_dynamic(detail)),
        dependencies=tuple(_stated_dependencies(named)),
        questionnaires=tuple(map(text, named.all("questionnaire"))),
        contacts=tuple(map(_contact, named.all("contact"))),
        expiry_date=_expiry_date(named),
    )
    return RuleDetermination(
        determination=determination,
        dynamic=tuple(filter(is_dynamic, details)),
        dependencies=tuple(_yielded_dependencies(named, expressions)),
        details=tuple(details),
    )


def _doc_purpose(named: NamedParts) -> frozenset[DocPurpose]:
    """What documents are for; `OTH` stands for the authorization where the policy means that."""
    purposes = named.codes("doc-purpose", DocPurpose)
    if named.single("doc-with-authorization") is not True:
        return purposes
    if DocPurpose.OTHER not in purposes:
        raise ValueError("`doc-with-authorization` stands beside `doc-purpose` = `OTH`")
    return purposes - {DocPurpose.OTHER} | {DocPurpose.WITH_PA}


def _reason(value: object) -> Reason:
    concept = first(value)
    coding = read_coding(first(concept.get("coding")))
    return Reason(text=text(concept.get("text")), coding=coding if coding.code else None)


def _stated_dependencies(named: NamedParts) -> Iterator[Dependency]:
    for part in named.by_name.get("dependency", ()):
        value_type, value = value_of(part)
        if value_type == "valueReference":
            dependency = read_dependency(value)
            if dependency is None:
                raise ValueError("a `dependency` refers to an order or an appointment")
            yield dependency


def _yielded_dependencies(
    named: NamedParts, expressions: RuleExpressions
) -> Iterator[DynamicDependency]:
    for part in named.by_name.get("dependency", ()):
        value_type, value = value_of(part)
        if value_type == "valueExpression":
            yield DynamicDependency(
                expression=read_expression(value, expressions), in_words=in_words(value)
            )


def _contact(value: object) -> Contact:
    detail = first(value)
    points = objects(detail.get("telecom"))
    telecom = tuple((text(point.get("system")), text(point.get("value"))) for point in points)
    contact = Contact(name=text(detail.get("name")), telecom=telecom)
    if not (contact.name or telecom) or not all(map(all, telecom)):
        raise ValueError("a `contact` has a name or a telecom, each telecom a system and a value")
    return contact


def _expiry_date(named: NamedParts) -> date | None:
    stated = named.single("expiry-date")
    if stated is None:
        return None
    days = parse_days(stated)
    if days is None or days.first != days.last:
        raise ValueError(f"`expiry-date` is a day, not `{text(stated)}`")
    return days.last
