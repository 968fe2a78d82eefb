"""Hook contexts: where each hook keeps the resources it is about, in every published spelling.

order-dispatch was `order` and `task` in 1.0, `dispatched-orders` in early 1.1, and is
`dispatchedOrders` now.
"""

from cds_service.crd.request.chart import Chart
from cds_service.fhir.reference import parse_reference, read_key
from cds_service.fhir.resource import Json, JsonObject, text

_DISPATCHED = ("dispatchedOrders", "dispatched-orders", "order")


def nothing(_chart: Chart) -> tuple[JsonObject, ...]:
    """No resource in the context is asked about."""
    return ()


def no_references(_context: JsonObject) -> tuple[str, ...]:
    """No reference in the context is asked about."""
    return ()


def draft_orders(chart: Chart) -> tuple[JsonObject, ...]:
    """Every draft order."""
    return chart.in_context("draftOrders")


def selected_orders(chart: Chart) -> tuple[JsonObject, ...]:
    """The draft orders that are newly selected (CRD hook-34)."""
    references = _references(chart.context.get("selections"))
    selected = {parse_reference(reference) for reference in references} - {None}
    return tuple(order for order in draft_orders(chart) if read_key(order) in selected)


def dispatched_orders(context: JsonObject) -> tuple[str, ...]:
    """References to the orders a performer is chosen for; the context holds no resources."""
    return tuple(reference for name in _DISPATCHED for reference in _references(context.get(name)))


def appointments(chart: Chart) -> tuple[JsonObject, ...]:
    """The appointments about to be booked."""
    return chart.in_context("appointments")


def encounter(context: JsonObject) -> tuple[str, ...]:
    """A reference to the encounter that starts or ends."""
    identity = text(context.get("encounterId")).rsplit("/", 1)[-1]
    return (f"Encounter/{identity}",) if identity else ()


def _references(value: Json) -> tuple[str, ...]:
    """Literal references: one or many, bare or in Reference objects."""
    items = value if isinstance(value, list) else [value]
    read = (text(item.get("reference")) if isinstance(item, dict) else text(item) for item in items)
    return tuple(reference for reference in read if reference)
