"""What a call asks about: the orders in its context or behind its references, the patient's own, each once."""

from collections.abc import Iterator
from dataclasses import replace

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.order import (
    Order,
    code_references,
    is_of_patient,
    is_order,
    planned_days,
    read_order,
)
from cds_service.crd.request.version import Version
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject, objects, resource_type

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"


def read_requested_orders(hook: Hook, chart: Chart, version: Version) -> tuple[Order, ...]:
    """The orders of one call; one that forbids its service (`doNotPerform`) asks for nothing."""
    asked = [
        (order, source)
        for source in _asked(hook, chart)
        for order in _ordered_by(source, chart, version)
    ]
    own = [(order, source) for order, source in asked if is_of_patient(order, chart)]
    distinct = {read_key(order) or id(order): (order, source) for order, source in own}.values()
    orders = (_read(order, source, chart) for order, source in distinct)
    return tuple(order for order in orders if not order.prohibits)


def _asked(hook: Hook, chart: Chart) -> Iterator[JsonObject]:
    """The resources of the context, and those its references name."""
    yield from (one for one in hook.resources(chart.context) if is_order(one))
    named = (
        chart.find({"reference": reference}, {}) for reference in hook.references(chart.context)
    )
    yield from (one for one in named if one and is_order(one))


def _ordered_by(source: JsonObject, chart: Chart, version: Version) -> list[JsonObject]:
    """An appointment made for orders is answered on the orders since CRD 2.1; all else on itself."""
    if not version.answers_on_order:
        return [source]
    found = (chart.find(reference, source) for reference in based_on(source))
    return [one for one in found if one and is_order(one)] or [source]


def based_on(resource: JsonObject) -> tuple[JsonObject, ...]:
    """The orders an appointment is made for: ServiceRequests, or others by the alternate-reference extension."""
    if resource_type(resource) != "Appointment":
        return ()
    return tuple(_alternate(reference) for reference in objects(resource.get("basedOn")))


def _alternate(reference: JsonObject) -> JsonObject:
    others = find_extensions(reference, ALTERNATE_REFERENCE)
    return next(
        (one for other in others for one in objects(other.get("valueReference"))), reference
    )


def _read(order: JsonObject, source: JsonObject, chart: Chart) -> Order:
    # An appointment answered on itself is still for what its orders order.
    references = (*code_references(order), *based_on(order))
    coded_by = tuple(found for reference in references if (found := chart.find(reference, order)))
    read = read_order(order, coded_by, planned_days(source) if source is not order else None)
    return replace(
        read, unreachable=any(chart.could_not_read(reference) for reference in references)
    )
