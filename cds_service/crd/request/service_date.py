"""The days a service may take place on, as the order states them (design: 4.6)."""

from cds_service.crd.request.order_kinds import Path, kind_of
from cds_service.fhir.dates import ANY_DAY, Days, parse_days
from cds_service.fhir.resource import Json, JsonObject, first, follow


def planned_days(order: JsonObject) -> Days | None:
    """When an order, appointment or encounter says it takes place."""
    return _stated(order, kind_of(order).date_of_service)


def written_days(order: JsonObject) -> Days | None:
    """When it was written."""
    return _stated(order, (kind_of(order).written,))


def _stated(resource: JsonObject, paths: tuple[Path, ...]) -> Days | None:
    """The days stated at one of these paths; any day, if only what cannot be read is stated."""
    values = [value for path in paths if _is_stated(value := _value_at(resource, path))]
    read = (parse_days(value) for value in values)
    return next(filter(None, read), ANY_DAY if values else None)


def _is_stated(value: Json) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in (None, [], {})


def _value_at(resource: JsonObject, path: Path) -> Json:
    """The primitive at the end of a path; a Timing's first event or its bounds' start."""
    holders = follow(resource, path[:-1])
    value = holders[0].get(path[-1]) if holders else None
    if path[-1] != "occurrenceTiming":
        return value
    events = first(value).get("event")
    event = events[0] if isinstance(events, list) and events else events
    bounds = follow(first(value), ("repeat", "boundsPeriod"))
    return event or next((period.get("start") for period in bounds), None)
