"""Unpublished policies: drafts and retired ones that list an order's code, and so nearly speak."""

from collections.abc import Iterator

from cds_service.crd.decision.near_miss import NearMiss, Obstacle
from cds_service.crd.request.order import Order
from cds_service.fhir.coding import CodingKey, read_codings
from cds_service.fhir.resource import JsonObject, objects, text
from cds_service.policy.library.artifacts import Library

_ACTIVE, _FOCUS = "active", "focus"


def find_unpublished(order: Order, library: Library) -> tuple[NearMiss, ...]:
    """The policies that would address a code of the order if their status were `active`.

    Which codes these are is told by their `focus` (design: 4.5): they are never compiled.
    """
    keys = {coding.key for coding in order.codings}
    return tuple(
        _near_miss(artifact.resource)
        for artifact in library.of_type("PlanDefinition")
        if artifact.resource["status"] != _ACTIVE and not keys.isdisjoint(_focus(artifact.resource))
    )


def _focus(policy: JsonObject) -> Iterator[CodingKey]:
    for context in objects(policy.get("useContext")):
        if any(text(coding.get("code")) == _FOCUS for coding in objects(context.get("code"))):
            for coding in read_codings(context.get("valueCodeableConcept")):
                yield coding.key


def _near_miss(policy: JsonObject) -> NearMiss:
    names = "|".join(filter(None, (text(policy.get("url")), text(policy.get("version")))))
    words = f"its status is `{policy['status']}`, so nothing is answered by it"
    return NearMiss(
        policy=names,
        title=text(policy.get("title")),
        obstacles=((Obstacle.STATUS, words),),
    )
