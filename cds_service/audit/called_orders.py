"""The orders that a recorded call was about, whether or not anything was decided for them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    undecided = dict(_named(first(record.get("request")), decided))
    return (
        *(_decided(reference, decisions) for reference, decisions in decided.items()),
        *undecided.values(),
    )


def undecided_orders(record: JsonObject, decided: Collection[str]) -> tuple[CalledOrder, ...]:
    """The orders that a call names, but for those `decided` on, given by their references."""
    return tuple(dict(_named(first(record.get("request")), decided)).values())


def _decided(reference: str, decisions: Sequence[JsonObject]) -> CalledOrder:
    return CalledOrder(
        reference="" if reference.startswith("#") else reference,
        type=reference.partition("/")[0] if "/" in reference else "",
        codes=texts_of(decisions[0].get("codes")),
        decisions=tuple(decisions),
    )


def _named(request: JsonObject, decided: Collection[str]) -> Iterator[tuple[str, CalledOrder]]:
    """What the context of a request names; of drafts with selections, those that are selected.

    Those decided on are left out.
    """
    for reference, order in _all_named(request, decided):
        if reference not in decided:
            yield reference, order


def _all_named(request: JsonObject, decided: Collection[str]) -> Iterator[tuple[str, CalledOrder]]:
    context = first(request.get("context"))
    selected = set(_references(context.get("selections")))
    for name in _RESOURCES:
        for found in read_resources(context.get(name)):
            kind, number = resource_type(found.resource), text(found.resource.get("id"))
            reference = f"{kind}/{number}"
            if reference not in decided and (not selected or reference in selected):
                yield reference, _sent(found.resource, reference)
    encounter = text(context.get("encounterId"))
    is_about_it = text(request.get("hook")).startswith("encounter-")
    if encounter and is_about_it:
        yield _referred_to(f"Encounter/{encounter.rpartition('/')[2]}")
    for name in _REFERENCES:
        yield from map(_referred_to, _references(context.get(name)))


def _referred_to(reference: str) -> tuple[str, CalledOrder]:
    kind = reference.partition("/")[0] if "/" in reference else ""
    return reference, CalledOrder(reference=reference, type=kind)


def _sent(resource: JsonObject, reference: str) -> CalledOrder:
    codings = read_codings(resource.get("code"))
    return CalledOrder(
        reference=reference,
        type=resource_type(resource),
        codes=tuple(f"{coding.system}|{coding.code}" for coding in codings),
    )


def _references(value: Json) -> tuple[str, ...]:
    """Bare or in Reference objects; an absolute one as `ServiceRequest/1`, as decisions name it."""
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    read = (value.get("reference") if isinstance(value, Mapping) else value for value in values)
    return tuple(str(parse_reference(found) or found) for found in filter(None, map(text, read)))
