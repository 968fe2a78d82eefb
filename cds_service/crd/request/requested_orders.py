"""The requested orders: which orders a call asks about, and where it stands what they are for."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cds_service.crd.request.attempts import read_attempts
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.order import Coded, Order, is_of_patient, read_coded, read_order
from cds_service.crd.request.order_kinds import code_references, is_order
from cds_service.crd.request.service_date import planned_days
from cds_service.crd.request.version import Version
from cds_service.errors import DataUnavailable, InvalidRequest, OrderNotFound
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.reference import parse_reference, read_key
from cds_service.fhir.resource import JsonObject, objects, resource_type, text

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """What one call asks about, as far as it is at hand.

    `resources` are the orders, appointments or encounters themselves; `named` the References in the
    context to such, at hand or not; `based_on` the orders that appointments are made for, each with
    its appointment.
    """

    resources: tuple[JsonObject, ...]
    named: tuple[JsonObject, ...]
    based_on: tuple[tuple[JsonObject, JsonObject], ...]

    def orders_at_hand(self, chart: Chart) -> Iterator[JsonObject]:
        """Every resource that may hold an order's code, once: those asked about, or behind them."""
        yield from self.resources
        behind = (chart.find(reference, appointment) for reference, appointment in self.based_on)
        yield from _once(order for order in behind if order and is_order(order))

    def not_at_hand(self, chart: Chart) -> int:
        """How many of the References in the context lead to nothing that can be answered."""
        if not self.named:
            return 0
        found = (chart.find(reference, {}) for reference in self.named)
        return sum(not (resource and is_order(resource)) for resource in found)


def find_requested(hook: Hook, chart: Chart) -> Requested:
    """What a call of this hook asks about: what its context holds or refers to.

    Raises:
        InvalidRequest: two different resources asked about have one type and id.
    """
    named = tuple({"reference": reference} for reference in hook.references(chart.context))
    in_context = (resource for resource in hook.resources(chart) if is_order(resource))
    found = (chart.find(reference, {}) for reference in named)
    resources = (
        *_distinct(in_context, "$.context"),
        *_once(resource for resource in found if resource and is_order(resource)),
    )
    based_on = ((reference, source) for source in resources for reference in orders_behind(source))
    requested = Requested(resources=resources, named=named, based_on=tuple(based_on))
    if requested.named or requested.based_on:
        _check_named(requested, chart)
    return requested


def _once(resources: Iterable[JsonObject]) -> list[JsonObject]:
    """The resources, each once however many references lead to it."""
    return list({id(resource): resource for resource in resources}.values())


def _check_named(requested: Requested, chart: Chart) -> None:
    """What is only named must be at hand in one form: of two, either could be the one meant."""
    by_reference = [*((reference, {}) for reference in requested.named), *requested.based_on]
    remote = ((reference, source) for reference, source in by_reference if not _is_local(reference))
    found = (chart.find(reference, source) for reference, source in remote)
    for key in {read_key(resource) for resource in found if resource}:
        _distinct(chart.forms_of(key), "$.prefetch")


def _distinct(resources: Iterable[JsonObject], where: str) -> list[JsonObject]:
    """The resources, one that came twice the first time only.

    Of two that differ under one id only one could be updated, and what holds for the other would be
    lost.
    """
    by_identity: dict[object, JsonObject] = {}
    for resource in resources:
        key = read_key(resource)
        if by_identity.setdefault(key or id(resource), resource) != resource:
            kind = resource_type(resource)
            raise InvalidRequest(f"two different orders ({kind}) have one id", where)
    return list(by_identity.values())


def check_at_hand(requested: Requested, hook: Hook, chart: Chart) -> None:
    """Pass a call unless it only names what it is about, and none of that is at hand.

    A secondary hook passes all the same where none of it is there: it has nothing to say then.

    Raises:
        DataUnavailable: some of it was not sent and could not be read (CDS Hooks, prefetch: 412).
        InvalidRequest: a primary hook names nothing.
        OrderNotFound: all that a primary hook names was looked for, and is not the patient's order.
    """
    if requested.resources or not hook.only_names:
        return
    _check_well_formed(requested.named)
    states = [chart.state(reference, {}) for reference in requested.named]
    if not {Lookup.FAILED, Lookup.NOT_ASKED}.isdisjoint(states):
        raise DataUnavailable(_why_unavailable(requested, states, chart), "$.context")
    if hook.primary and not requested.named:
        raise InvalidRequest("the hook is about orders, and none is named", "$.context")
    if hook.primary:
        raise OrderNotFound(
            "the orders named were looked for and are not there, or are not the patient's",
            "$.context",
        )


def _check_well_formed(named: Iterable[JsonObject]) -> None:
    """Pass references of which each can lead somewhere: `Type/id`, or the URN of a Bundle entry."""
    literals = [text(reference.get("reference")) for reference in named]
    malformed = [
        literal
        for literal in literals
        if parse_reference(literal) is None and not literal.startswith("urn:")
    ]
    if malformed:
        raise InvalidRequest(
            f"{len(malformed)} of the {len(literals)} references named are not of the form "
            "`Type/id`, such as `ServiceRequest/123`",
            "$.context",
        )


def _why_unavailable(requested: Requested, states: Iterable[Lookup], chart: Chart) -> str:
    """Which of what the hook is about is missing, and how it was looked for."""
    missing = [
        text(reference.get("reference"))
        for reference, state in zip(requested.named, states, strict=True)
        if state in (Lookup.FAILED, Lookup.NOT_ASKED)
    ]
    keys = [key for key in map(parse_reference, missing) if key]
    how = (
        read_attempts(keys, chart) if keys else "its URN is that of no entry of a Bundle that came"
    )
    return f"what the hook is about was not sent and could not be read from the EHR: {how}"


def read_requested_orders(requested: Requested, chart: Chart, version: Version) -> Iterator[Order]:
    """The patient's own orders, each once, read one by one.

    One that forbids its service (`doNotPerform`) asks for nothing.
    """
    sources: dict[object, tuple[JsonObject, JsonObject]] = {}
    own = (source for source in requested.resources if is_of_patient(source, chart))
    for source in own:
        for resource in _ordered_by(source, chart, version):
            sources[read_key(resource) or id(resource)] = resource, source
    coded: dict[int, Coded] = {}
    for resource, source in sources.values():
        # What an appointment is for may be another, and somebody else's.
        if resource is source or is_of_patient(resource, chart):
            order = _read(resource, source, chart, coded)
            if not order.prohibits:
                yield order


def read_beside(order: JsonObject, chart: Chart) -> Order:
    """An order of the context that the call does not ask about."""
    return _read(order, order, chart, {})


def _ordered_by(source: JsonObject, chart: Chart, version: Version) -> list[JsonObject]:
    """An appointment made for orders is answered on them since CRD 2.1, all else on itself.

    One that contains an order is answered on itself for it: what is contained is on no server, and
    its id there is another order's.
    """
    if not version.answers_on_order:
        return [source]
    references = orders_behind(source)
    remote = [reference for reference in references if not _is_local(reference)]
    found = (chart.find(reference, source) for reference in remote)
    orders = [order for order in found if order and is_order(order)]
    return orders if orders and len(remote) == len(references) else [*orders, source]


def _is_local(reference: JsonObject) -> bool:
    """Whether a Reference is to a contained resource (FHIR R4, references.html#contained)."""
    return text(reference.get("reference")).startswith("#")


def orders_behind(resource: JsonObject) -> tuple[JsonObject, ...]:
    """References to the orders an appointment is made for; the extension names other kinds."""
    if resource_type(resource) != "Appointment":
        return ()
    return tuple(_alternate(reference) for reference in objects(resource.get("basedOn")))


def _alternate(reference: JsonObject) -> JsonObject:
    """What a `basedOn` has for an order that is no ServiceRequest, else the Reference itself."""
    for extension in find_extensions(reference, ALTERNATE_REFERENCE):
        for alternate in objects(extension.get("valueReference")):
            return alternate
    return reference


def _check_coded_alike(forms: Collection[JsonObject]) -> None:
    """Pass a Medication or Device that came in several forms, if all have the same codes."""
    if len({read_coded(form) for form in forms}) > 1:
        kind = resource_type(next(iter(forms)))
        raise InvalidRequest(f"two different resources ({kind}) have one id", "$.prefetch")


def _read(order: JsonObject, source: JsonObject, chart: Chart, coded: dict[int, Coded]) -> Order:
    """The order; `coded` keeps what was read of resources that many orders may refer to."""
    # An appointment answered on itself is still for what its orders order.
    references = (*code_references(order), *orders_behind(order))
    found = [(reference, chart.find(reference, order)) for reference in references]
    for reference, holder in found:
        if holder and not _is_local(reference):
            _check_coded_alike(chart.forms_of(read_key(holder)))
    holders = _once(holder for _, holder in found if holder) if references else []
    for holder in holders:
        if id(holder) not in coded:
            coded[id(holder)] = read_coded(holder)
    missing = [chart.state(reference, order) for reference, holder in found if holder is None]
    return read_order(
        order,
        tuple([coded[id(holder)] for holder in holders]),
        planned_days(source) if source is not order else None,
        unreachable=Lookup.FAILED in missing,
        not_at_hand=bool(missing) and Lookup.FAILED not in missing,
    )
