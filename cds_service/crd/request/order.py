"""Orders: what a hook asks about, and where each kind keeps its codes and dates (CRD profiles).

A kind of order is a row in `ORDER_KINDS`. Appointments and Encounters are asked about like orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.codes import BILLING_OPTIONS
from cds_service.crd.request.chart import Chart
from cds_service.fhir.coding import Coding, read_codings, read_words
from cds_service.fhir.dates import ANY_DAY, Days, parse_days
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import Json, JsonObject, first, follow, resource_type, text

PAYLOAD_CONTENT = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content"
)

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
        codes=(("codeCodeableConcept",),),
        coded_by=(("codeReference",),),
        date_of_service=_OCCURRENCE,
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
    "CommunicationRequest": OrderKind(
        codes=(("payload", "extension"),), date_of_service=_OCCURRENCE[:2]
    ),
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
    modified: bool  # a modifier extension may turn its meaning around
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
        return next(filter(None, map(plain, self.words)), "") or codes or self.type


def read_order(
    resource: JsonObject, coded_by: tuple[JsonObject, ...] = (), scheduled: Days | None = None
) -> Order:
    """The order in a resource of a kind we know.

    `coded_by` are resources it points to for its code; `scheduled` is when an appointment for it takes place.
    """
    kind = ORDER_KINDS[resource_type(resource)]
    concepts = [concept for one in (resource, *coded_by) for concept in _concepts(one)]
    return Order(
        resource=resource,
        key=read_key(resource),
        codings=read_codings(concepts),
        billing_options=tuple(
            options for one in (resource, *coded_by) for options in _billing(one)
        ),
        words=read_words(concepts),
        date_of_service=_stated(resource, kind.date_of_service)
        or scheduled
        or _stated(resource, (kind.written,)),
        prohibits=resource.get("doNotPerform") in (True, "true"),
        modified=_is_modified(resource),
    )


_CODES_OF_REFERENCED: tuple[Path, ...] = (("code",), ("type",))  # Medication, Device


def _code_paths(resource: JsonObject) -> tuple[Path, ...]:
    kind = ORDER_KINDS.get(resource_type(resource))
    return kind.codes if kind else _CODES_OF_REFERENCED


def _concepts(resource: JsonObject) -> list[JsonObject]:
    found = [concept for path in _code_paths(resource) for concept in follow(resource, path)]
    return [_payload_concept(one) if "valueCodeableConcept" in one else one for one in found]


def _payload_concept(extension: JsonObject) -> JsonObject:
    # The guide's own example writes the URL with `[x]` at its end.
    url = text(extension.get("url")).removesuffix("[x]")
    return first(extension.get("valueCodeableConcept")) if url == PAYLOAD_CONTENT else {}


def _billing(resource: JsonObject) -> list[tuple[Coding, ...]]:
    """Codes the order may be billed under (CRD billopt-3), one group of synonyms each.

    Profiles put them on the code, and on what holds it: a lens, a Device.
    """
    outer = dict.fromkeys(path[:-1] for path in _code_paths(resource))
    holders = [holder for path in outer for holder in follow(resource, path)]
    options = [
        one
        for holder in (*_concepts(resource), *holders)
        for one in find_extensions(holder, BILLING_OPTIONS)
    ]
    return [
        codings for one in options if (codings := read_codings(one.get("valueCodeableConcept")))
    ]


def _is_modified(resource: JsonObject) -> bool:
    """Whether a modifier extension stands anywhere in the resource, contained ones aside (FHIR R4, Extensibility)."""
    waiting: list[Json] = [value for name, value in resource.items() if name != "contained"]
    if resource.get("modifierExtension"):
        return True
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            if value.get("modifierExtension"):
                return True
            waiting.extend(value.values())
    return False


def _stated(resource: JsonObject, paths: tuple[Path, ...]) -> Days | None:
    """The days stated at one of these paths; any day, if only what cannot be read is stated."""
    values = [value for path in paths if _says_something(value := _value_at(resource, path))]
    read = (parse_days(value) for value in values)
    return next(filter(None, read), ANY_DAY if values else None)


def _says_something(value: Json) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in (None, [], {})


def _value_at(resource: JsonObject, path: Path) -> Json:
    """The primitive at the end of a path; a Timing's first event or its bounds' start."""
    holders = follow(resource, path[:-1])
    value = holders[0].get(path[-1]) if holders else None
    if path[-1] != "occurrenceTiming":
        return value
    events = first(value).get("event")
    event = events[0] if isinstance(events, list) and events else events
    return event or next(
        (period.get("start") for period in follow(first(value), ("repeat", "boundsPeriod"))), None
    )


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
    return _stated(resource, ORDER_KINDS[resource_type(resource)].date_of_service)
