"""Orders: what a hook asks about, and where each kind keeps its codes and dates (CRD profiles).

A kind of order is a row in `ORDER_KINDS`. Appointments and Encounters are asked about like orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.crd.chart import Chart
from cds_service.crd.codes import BILLING_OPTIONS
from cds_service.fhir.coding import Coding, read_codings, read_words
from cds_service.fhir.dates import Days, parse_days
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import Json, JsonObject, first, follow, resource_type, text

PAYLOAD_CONTENT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content"

ANY_DAY = Days(date.min, date.max)  # a date is stated that cannot be read: unknown, never today

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKind:
    """Where one resource type keeps what we read; paths are element names, lists are walked through."""

    codes: tuple[Path, ...]
    subject: Path = ("subject",)
    date_of_service: tuple[Path, ...] = ()
    written: Path = ("authoredOn",)
    coded_by: tuple[Path, ...] = ()  # references to a resource that holds the code
    ruled_as: str = ""  # the type whose rules apply, where it is not its own


_OCCURRENCE = (("occurrenceDateTime",), ("occurrencePeriod", "start"), ("occurrenceTiming",))

ORDER_KINDS: Mapping[str, OrderKind] = {
    "ServiceRequest": OrderKind(codes=(("code",),), date_of_service=_OCCURRENCE),
    "DeviceRequest": OrderKind(
        codes=(("codeCodeableConcept",),), coded_by=(("codeReference",),), date_of_service=_OCCURRENCE
    ),
    "MedicationRequest": OrderKind(
        codes=(("medicationCodeableConcept",),),
        coded_by=(("medicationReference",),),
        date_of_service=(("dispenseRequest", "validityPeriod", "start"),),
    ),
    "NutritionOrder": OrderKind(
        codes=(
            ("oralDiet", "type"),
            ("supplement", "type"),
            ("enteralFormula", "baseFormulaType"),
            ("enteralFormula", "additiveType"),
        ),
        subject=("patient",),
        written=("dateTime",),
    ),
    "VisionPrescription": OrderKind(
        codes=(("lensSpecification", "product"),), subject=("patient",), written=("dateWritten",)
    ),
    "CommunicationRequest": OrderKind(codes=(("payload", "extension"),), date_of_service=_OCCURRENCE[:2]),
    # Both stand for the service they are for: their service types come from the codes of ServiceRequest.
    "Appointment": OrderKind(
        codes=(("serviceType",),),
        subject=("participant", "actor"),
        date_of_service=(("start",), ("requestedPeriod", "start")),
        written=("created",),
        ruled_as="ServiceRequest",
    ),
    "Encounter": OrderKind(
        codes=(("serviceType",), ("type",)),
        date_of_service=(("period", "start"),),
        written=("period", "start"),
        ruled_as="ServiceRequest",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as policies see it; `resource` is exactly what came."""

    resource: JsonObject
    key: ResourceKey | None
    codings: tuple[Coding, ...]
    billing_options: tuple[tuple[Coding, ...], ...]
    words: tuple[str, ...]
    date_of_service: Days | None
    prohibits: bool
    unreachable: bool = False  # where its code is kept could not be read

    @property
    def type(self) -> str:
        return resource_type(self.resource)

    @property
    def ruled_as(self) -> str:
        """The type whose rules apply to it."""
        return ORDER_KINDS[self.type].ruled_as or self.type

    @property
    def label(self) -> str:
        """How a person would call this order: its own words, else its codes, else its type."""
        codes = ", ".join(coding.code for coding in self.codings)
        return next(iter(self.words), "") or codes or self.type


def read_order(resource: JsonObject, coded_by: tuple[JsonObject, ...] = (), scheduled: Days | None = None) -> Order:
    """The order in a resource of a kind we know.

    `coded_by` are resources it points to for its code; `scheduled` is when an appointment for it takes place.
    """
    kind = ORDER_KINDS[resource_type(resource)]
    concepts = [concept for one in (resource, *coded_by) for concept in _concepts(one)]
    written = _days_at(resource, (kind.written,))
    planned, unreadable = _date_of_service(resource, kind)
    return Order(
        resource=resource,
        key=read_key(resource),
        codings=read_codings(concepts),
        billing_options=tuple(filter(None, (options for concept in concepts for options in _billing(concept)))),
        words=read_words(concepts),
        date_of_service=ANY_DAY if unreadable else planned or scheduled or written,
        prohibits=resource.get("doNotPerform") in (True, "true"),
    )


_CODES_OF_REFERENCED = (("code",), ("type",))  # Medication, Device


def _concepts(resource: JsonObject) -> list[JsonObject]:
    kind = ORDER_KINDS.get(resource_type(resource))
    paths = kind.codes if kind else _CODES_OF_REFERENCED
    found = [concept for path in paths for concept in follow(resource, path)]
    return [_payload_concept(one) if "valueCodeableConcept" in one else one for one in found]


def _payload_concept(extension: JsonObject) -> JsonObject:
    # The guide's own example writes the URL with `[x]` at its end.
    url = text(extension.get("url")).removesuffix("[x]")
    return first(extension.get("valueCodeableConcept")) if url == PAYLOAD_CONTENT else {}


def _billing(concept: JsonObject) -> list[tuple[Coding, ...]]:
    """Codes the order may be billed under (CRD billopt-3), one group of synonyms each."""
    options = find_extensions(concept, BILLING_OPTIONS)
    return [read_codings(option.get("valueCodeableConcept")) for option in options]


def _date_of_service(resource: JsonObject, kind: OrderKind) -> tuple[Days | None, bool]:
    """The planned date, and whether one is stated that cannot be read."""
    days = _days_at(resource, kind.date_of_service)
    stated = any(text(_value_at(resource, path)) for path in kind.date_of_service)
    return days, stated and days is None


def _days_at(resource: JsonObject, paths: tuple[Path, ...]) -> Days | None:
    read = (parse_days(_value_at(resource, path)) for path in paths)
    return next((days for days in read if days), None)


def _value_at(resource: JsonObject, path: Path) -> Json:
    """The primitive at the end of a path; a Timing's first event or its bounds' start."""
    holders = follow(resource, path[:-1])
    value = holders[0].get(path[-1]) if holders else None
    if path[-1] != "occurrenceTiming":
        return value
    events = first(value).get("event")
    event = events[0] if isinstance(events, list) and events else events
    return event or next((period.get("start") for period in follow(first(value), ("repeat", "boundsPeriod"))), None)


def day_of_service(order: Order, today: date) -> Days:
    """The days the service may take place on: planned, else written, else today (design: 4.6)."""
    return order.date_of_service or Days(today, today)


def is_order(resource: JsonObject) -> bool:
    """Whether this is a resource type CRD asks about."""
    return resource_type(resource) in ORDER_KINDS


def is_of_patient(resource: JsonObject, chart: Chart) -> bool:
    """Whether an order is about the call's patient."""
    kind = ORDER_KINDS[resource_type(resource)]
    return all(chart.is_about_patient(subject) for subject in follow(resource, kind.subject))


def code_references(resource: JsonObject) -> tuple[JsonObject, ...]:
    """The References an order makes to a Medication or Device that holds its code."""
    kind = ORDER_KINDS[resource_type(resource)]
    return tuple(reference for path in kind.coded_by for reference in follow(resource, path))


def planned_days(resource: JsonObject) -> Days | None:
    """When an order, appointment or encounter says it takes place."""
    return _days_at(resource, ORDER_KINDS[resource_type(resource)].date_of_service)
