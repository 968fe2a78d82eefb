"""The orders that a recorded call was about, whether or not anything was decided for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_service.audit.dossier import decisions_of, texts_of
from cds_service.cds_hooks.prefetch import read_resources
from cds_service.fhir.coding import read_codings
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import Json, JsonObject, first, resource_type, text

_REFERENCES = ("dispatchedOrders", "dispatched-orders", "order")
_RESOURCES = ("draftOrders", "appointments")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledOrder:
    """One order: its reference, the type of resource, its codes as `system|code`, its decisions."""

    reference: str
    type: str
    codes: tuple[str, ...] = ()
    decisions: tuple[JsonObject, ...] = ()


def orders_of(record: JsonObject) -> tuple[CalledOrder, ...]:
    """The orders of a call: those that were decided on, then the others that it names."""
    decided: dict[str, list[JsonObject]] = {}
    for number, decision in enumerate(decisions_of(record)):
        reference = text(decision.get("order"))
        decided.setdefault(reference or f"#{number}", []).append(decision)
    named = dict(_named(first(record.get("request"))))
    return (
        *(_decided(reference, decisions) for reference, decisions in decided.items()),
        *(order for reference, order in named.items() if reference not in decided),
    )


def _decided(reference: str, decisions: Sequence[JsonObject]) -> CalledOrder:
    return CalledOrder(
        reference="" if reference.startswith("#") else reference,
        type=reference.partition("/")[0] if "/" in reference else "",
        codes=texts_of(decisions[0].get("codes")),
        decisions=tuple(decisions),
    )


def _named(request: JsonObject) -> Iterator[tuple[str, CalledOrder]]:
    """What the context of a request names; of drafts with selections, those that are selected."""
    context = first(request.get("context"))
    selected = set(_references(context.get("selections")))
    for name in _RESOURCES:
        for found in read_resources(context.get(name)):
            order = _sent(found.resource)
            if not selected or order.reference in selected:
                yield order.reference, order
    encounter = text(context.get("encounterId"))
    is_about_it = text(request.get("hook")).startswith("encounter-")
    if encounter and is_about_it:
        yield _referred_to(f"Encounter/{encounter.rpartition('/')[2]}")
    for name in _REFERENCES:
        yield from map(_referred_to, _references(context.get(name)))


def _referred_to(reference: str) -> tuple[str, CalledOrder]:
    kind = reference.partition("/")[0] if "/" in reference else ""
    return reference, CalledOrder(reference=reference, type=kind)


def _sent(resource: JsonObject) -> CalledOrder:
    kind = resource_type(resource)
    codings = read_codings(resource.get("code"))
    return CalledOrder(
        reference=f"{kind}/{text(resource.get('id'))}",
        type=kind,
        codes=tuple(f"{coding.system}|{coding.code}" for coding in codings),
    )


def _references(value: Json) -> tuple[str, ...]:
    """Bare or in Reference objects; an absolute one as `ServiceRequest/1`, as decisions name it."""
    values = value if isinstance(value, list) else [value]
    read = (value.get("reference") if isinstance(value, Mapping) else value for value in values)
    return tuple(str(parse_reference(found) or found) for found in filter(None, map(text, read)))
