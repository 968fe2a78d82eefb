"""Hook contexts: where each hook keeps the resources it is about, in every published spelling.

order-dispatch was `order` and `task` in 1.0, `dispatched-orders` in early 1.1, and is `dispatchedOrders` now.
"""

from cds_service.cds_hooks.prefetch import read_resources
from cds_service.fhir.reference import parse_reference, read_key
from cds_service.fhir.resource import Json, JsonObject, text

RESOURCE_FIELDS = (
    "draftOrders",
    "appointments",
)  # all else in a context names things, or is the client's own
_DISPATCHED = ("dispatchedOrders", "dispatched-orders", "order")


def nothing(_context: JsonObject) -> tuple[JsonObject, ...]:
    """No resource in the context is asked about."""
    return ()


def no_references(_context: JsonObject) -> tuple[str, ...]:
    """No reference in the context is asked about."""
    return ()


def draft_orders(context: JsonObject) -> tuple[JsonObject, ...]:
    """Every draft order."""
    return tuple(found.resource for found in read_resources(context.get("draftOrders")))


def selected_orders(context: JsonObject) -> tuple[JsonObject, ...]:
    """The draft orders that are newly selected (CRD hook-34)."""
    selected = {
        parse_reference(reference) for reference in _references(context.get("selections"))
    } - {None}
    return tuple(order for order in draft_orders(context) if read_key(order) in selected)


def dispatched_orders(context: JsonObject) -> tuple[str, ...]:
    """References to the orders a performer is chosen for; the context holds no resources."""
    return tuple(reference for name in _DISPATCHED for reference in _references(context.get(name)))


def appointments(context: JsonObject) -> tuple[JsonObject, ...]:
    """The appointments about to be booked."""
    return tuple(found.resource for found in read_resources(context.get("appointments")))


def encounter(context: JsonObject) -> tuple[str, ...]:
    """A reference to the encounter that starts or ends."""
    identity = text(context.get("encounterId")).rsplit("/", 1)[-1]
    return (f"Encounter/{identity}",) if identity else ()


def _references(value: Json) -> tuple[str, ...]:
    """Literal references: one or many, bare or in Reference objects."""
    items = value if isinstance(value, list) else [value]
    read = (text(item.get("reference")) if isinstance(item, dict) else text(item) for item in items)
    return tuple(reference for reference in read if reference)
