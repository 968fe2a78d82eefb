"""History: the resources that an input of a rule binds its variable to, for one order.

A rule that names one has it gathered, or its conditions are unknown: it is never passed over
(design: 4.16). What was entered in error, refuted or not done is no history.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.patient import read_references
from cds_service.fhir.coding import read_codings
from cds_service.fhir.dates import Days
from cds_service.fhir.reference import parse_reference, read_key
from cds_service.fhir.resource import JsonObject, follow, resource_type, text
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import Collection, Failure, as_open, is_open, unknown
from cds_service.policy.run.filters import fits
from cds_service.policy.run.inputs import HISTORY, Input

# Where orders refer to those whom and what they name.
_REFERENCES = tuple(
    tuple(path.split("."))
    for path in (
        "requester orderer prescriber performer dispenseRequest.performer locationReference "
        "encounter participant.individual participant.actor location.location"
    ).split()
)
_NEVER_WAS = frozenset("entered-in-error refuted not-done cancelled revoked draft".split())


class Resolver(Protocol):
    """How references are followed, and missing data asked for."""

    chart: Chart

    def resolve(self, reference: JsonObject, within: JsonObject) -> Collection:
        """The resource a Reference leads to; unknown if it is not at hand."""

    def need(self, query: str) -> None:
        """Note a query that would bring what is missing."""


@dataclass(slots=True)
class _Followed:
    """What the references of one resource led to: where that is unknown, it is a cause too."""

    resolver: Resolver
    found: list[Collection] = field(default_factory=list)

    def resolve(self, reference: JsonObject, within: JsonObject) -> Collection:
        self.found.append(self.resolver.resolve(reference, within))
        return self.found[-1]


def bind(wanted: Input, order: JsonObject, service: Days, resolver: Resolver) -> Collection:
    """The resources that an input binds its variable to, for one order and date of service."""
    if wanted.type in HISTORY:
        found = _history(wanted, resolver)
    else:
        found = _of_order(wanted, order, resolver)
    kept: list[JsonObject] = []
    doubts: list[Collection] = [found]
    for resource in found:
        if resource is order or _is_same(resource, order) or _never_was(resource):
            continue
        followed = _Followed(resolver)
        match fits(wanted, resource, service, followed.resolve):
            case Truth.TRUE:
                kept.append(resource)
            case Truth.UNKNOWN:
                words = f"a {wanted.type} is not coded or dated so that it could be told"
                doubts.extend((unknown(words), *followed.found))
    return as_open(kept, *doubts)


def _history(wanted: Input, resolver: Resolver) -> Collection:
    """The patient's resources of the type; open unless all of them were read."""
    chart = resolver.chart
    query = wanted.query(chart.call_patient.id)
    found = chart.of_type(wanted.type)
    match chart.lookups.state_of_search(query, wanted.type):
        case Lookup.FOUND | Lookup.ABSENT:
            return found
        case Lookup.FAILED:
            if query not in chart.lookups.by_query:  # the client failed: we may have more access
                resolver.need(query)
            return as_open(found, unknown(Failure(f"the {wanted.type} history could not be read")))
        case _:
            resolver.need(query)
            return as_open(found, unknown(f"the {wanted.type} history was not to be had"))


def _of_order(wanted: Input, order: JsonObject, resolver: Resolver) -> Collection:
    """The resources of the type that the order names; unknown if it names none."""
    resolved = [
        resolver.resolve(reference, order)
        for reference in _references(order)
        if _may_be(reference, wanted.type)
    ]
    named = {id(value): value for values in resolved for value in values}
    found = [value for value in named.values() if resource_type(value) == wanted.type]
    if not found and not any(map(is_open, resolved)):
        return unknown(f"the order names no {wanted.type}")  # not even that there is none
    return as_open(found, *resolved)


def _references(order: JsonObject) -> Iterator[JsonObject]:
    for *holders, name in _REFERENCES:
        for holder in follow(order, tuple(holders)):
            yield from read_references(holder.get(name))


def _may_be(reference: JsonObject, kind: str) -> bool:
    key = parse_reference(text(reference.get("reference")))
    stated = key.type if key else text(reference.get("type"))
    return stated in ("", kind)


def _is_same(resource: JsonObject, order: JsonObject) -> bool:
    key = read_key(resource)
    return key is not None and key == read_key(order)


def _never_was(resource: JsonObject) -> bool:
    codings = read_codings(resource.get("verificationStatus"))
    stated = {text(resource.get("status")), *(coding.code for coding in codings)}
    return not _NEVER_WAS.isdisjoint(stated)
