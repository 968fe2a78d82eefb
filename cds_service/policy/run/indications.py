"""Indications: what an order is for, as codings, and what of it could not be told."""

from collections.abc import Callable, Iterator, Mapping

from cds_service.crd.request.order import Order
from cds_service.crd.request.order_kinds import OrderKind, kind_of
from cds_service.fhir.coding import read_codings
from cds_service.fhir.resource import JsonObject, follow, objects, resource_type, text
from cds_service.policy.language.collection import Collection, as_open, unknown
from cds_service.policy.language.concept_coding import ConceptCoding, concept_codings

Resolve = Callable[[JsonObject, JsonObject], Collection]

# Where the resources that a reason may refer to keep what they found.
_FINDINGS: Mapping[str, tuple[str, ...]] = {
    "Condition": ("code",),
    "Observation": ("code", "valueCodeableConcept"),
    "DiagnosticReport": ("code", "conclusionCode"),
    "DocumentReference": ("type",),
    "Procedure": ("code",),
    "AllergyIntolerance": ("code",),
}
_NO_REASONS = frozenset({"entered-in-error", "refuted"})


def read_indications(order: Order, resolve: Resolve) -> Collection:
    """The codings of the order's reasons; open if there is none, or one that is not coded."""
    resource, kind = order.resource, kind_of(order.resource)
    concepts = list(_own(resource, kind))
    unread: list[Collection] = []
    for reference in _references(resource, kind):
        found = resolve(reference, resource)
        unread.append(found)
        for finding in found:
            concepts.extend(_findings(finding))
    codings: list[ConceptCoding] = []
    for source, concept in concepts:
        read = concept_codings(concept, source)
        codings.extend(read)
        if not read:
            unread.append(unknown("a diagnosis on the order is not coded"))
    if not codings and not unread:
        return unknown("the order states no coded diagnosis")
    return as_open(codings, *unread)


def _own(resource: JsonObject, kind: OrderKind) -> Iterator[tuple[str, JsonObject]]:
    for path in kind.reasons:
        for concept in follow(resource, path):
            yield path[-1], concept


def _references(resource: JsonObject, kind: OrderKind) -> list[JsonObject]:
    return [reference for path in kind.reasons_by for reference in follow(resource, path)]


def _findings(resource: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """What a resource that a reason refers to found; nothing coded if it was refuted."""
    kind = resource_type(resource)
    source = f"{kind}/{text(resource.get('id'))}"
    verified = {coding.code for coding in read_codings(resource.get("verificationStatus"))}
    if not _NO_REASONS.isdisjoint({text(resource.get("status")), *verified}):
        yield source, {}
        return
    found = [
        concept
        for name in _FINDINGS.get(kind, ("code",))
        for concept in objects(resource.get(name))
    ]
    yield from ((source, concept) for concept in found or [{}])
