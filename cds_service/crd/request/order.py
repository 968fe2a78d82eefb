"""Orders as policies see them: a resource with its codings, words and date of service."""

from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import NamedTuple

from cds_service.cds_hooks.plain_text import cut, plain
from cds_service.crd.codes import BILLING_OPTIONS
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.order_kinds import ORDER_KINDS, Path
from cds_service.crd.request.patient import read_references
from cds_service.crd.request.service_date import planned_days, written_days
from cds_service.fhir.coding import Coding, read_codings, read_displays, read_texts
from cds_service.fhir.dates import Days
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.reference import ResourceKey, fits_reference, parse_reference, read_key
from cds_service.fhir.resource import (
    Json,
    JsonObject,
    encode,
    first,
    follow,
    resource_type,
    text,
)

PAYLOAD_CONTENT = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content"
)
_CODES_OF_REFERENCED: tuple[Path, ...] = (("code",), ("type",))  # Medication, Device
_MODIFIER = b'"modifierExtension"'
_TITLE_LIMIT = 80  # characters of an order's label on a card
# Who else may take part in an appointment (FHIR R4, Appointment.participant.actor).
_OTHER_ACTORS = frozenset(
    "Practitioner PractitionerRole RelatedPerson Device HealthcareService Location".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order; `resource` is exactly what came, `date_of_service` the days it states, if any.

    `key` is None where no reference, and so no update, can name it. `mark` is what tells it from
    the other orders of its call, where these have the same title.
    """

    resource: JsonObject
    key: ResourceKey | None
    type: str
    codings: tuple[Coding, ...]
    billing_options: tuple[tuple[Coding, ...], ...]
    words: tuple[str, ...]
    date_of_service: Days | None
    prohibits: bool
    modified: bool  # a modifier extension may turn its meaning around
    unreachable: bool = False  # where its code is kept could not be read
    not_at_hand: bool = False  # where its code is kept was not sent: not asked for, or not there
    mark: str = ""

    @property
    def ruled_as(self) -> str:
        """The type whose rules apply to it."""
        return ORDER_KINDS[self.type].ruled_as or self.type

    @property
    def may_have_other_codes(self) -> bool:
        """Whether something that holds its code was not read, for whatever cause."""
        return self.unreachable or self.not_at_hand

    @property
    def label(self) -> str:
        """How a person would call this order: its own words, else its codes, else its type."""
        codes = ", ".join(filter(None, (plain(coding.code) for coding in self.codings)))
        return next(filter(None, map(plain, (*self.words, codes))), self.type)

    @property
    def title(self) -> str:
        """The label, as much of it as a card has room for."""
        return cut(self.label, _TITLE_LIMIT)


class Coded(NamedTuple):
    """The codes and words of one resource: an order, or what one refers to for its code."""

    codings: tuple[Coding, ...]
    billing_options: tuple[tuple[Coding, ...], ...]
    texts: tuple[str, ...]
    displays: tuple[str, ...]


def read_coded(resource: JsonObject) -> Coded:
    """What a resource says of the thing ordered."""
    paths = _code_paths(resource)
    concepts = _concepts(resource, paths)
    return Coded(
        codings=read_codings(concepts),
        billing_options=tuple(_billing_options(resource, paths, concepts)),
        texts=read_texts(concepts),
        displays=read_displays(concepts),
    )


def _together(own: Coded, *others: Coded) -> Coded:
    """What an order and the resources it points to say of the thing ordered."""
    if not others:
        return own
    codings, billing_options, texts, displays = zip(own, *others, strict=True)
    return Coded(
        tuple(chain(*codings)),
        tuple(chain(*billing_options)),
        tuple(chain(*texts)),
        tuple(chain(*displays)),
    )


def read_order(
    resource: JsonObject,
    coded_by: tuple[Coded, ...] = (),
    scheduled: Days | None = None,
    *,
    unreachable: bool = False,
    not_at_hand: bool = False,
) -> Order:
    """The order in a resource of a kind we know.

    `coded_by` is read from resources it points to for its code; `unreachable` says that one could
    not be read, `not_at_hand` that one is merely not there; `scheduled` is when an appointment for
    it takes place.
    """
    coded = _together(read_coded(resource), *coded_by)
    key = read_key(resource)
    return Order(
        resource=resource,
        key=key if key and fits_reference(key.id) else None,
        type=resource_type(resource),
        codings=coded.codings,
        billing_options=coded.billing_options,
        words=coded.texts + coded.displays,
        date_of_service=planned_days(resource) or scheduled or written_days(resource),
        prohibits=resource.get("doNotPerform") in (True, "true"),
        modified=_is_modified(resource),
        unreachable=unreachable,
        not_at_hand=not_at_hand,
    )


def _code_paths(resource: JsonObject) -> tuple[Path, ...]:
    kind = ORDER_KINDS.get(resource_type(resource))
    return kind.codes if kind else _CODES_OF_REFERENCED


def _concepts(resource: JsonObject, paths: tuple[Path, ...]) -> list[JsonObject]:
    found = [concept for path in paths for concept in follow(resource, path)]
    return [
        _payload_concept(concept) if "valueCodeableConcept" in concept else concept
        for concept in found
    ]


def _payload_concept(extension: JsonObject) -> JsonObject:
    # The guide's own example writes the URL with `[x]` at its end.
    url = text(extension.get("url")).removesuffix("[x]")
    return first(extension.get("valueCodeableConcept")) if url == PAYLOAD_CONTENT else {}


def _billing_options(
    resource: JsonObject, paths: tuple[Path, ...], concepts: list[JsonObject]
) -> list[tuple[Coding, ...]]:
    """Codes the order may be billed under (CRD billopt-3), one group of synonyms each.

    Profiles put them on the code, on what holds it, a lens or a Device, and on a diet as a whole.
    """
    outer_paths = dict.fromkeys([path[:-1] for path in paths])
    outer_paths[()] = None
    outer = [holder for path in outer_paths for holder in follow(resource, path)]
    extended = [holder for holder in (*concepts, *outer) if "extension" in holder]
    options: list[tuple[Coding, ...]] = []
    for holder in extended:
        for extension in find_extensions(holder, BILLING_OPTIONS):
            if codings := read_codings(extension.get("valueCodeableConcept")):
                options.append(codings)
    return options


def _is_modified(resource: JsonObject) -> bool:
    """Whether a modifier extension stands anywhere in the resource, contained ones aside.

    It can turn the meaning of what holds it around (FHIR R4, Extensibility).
    """
    # Nearly none has any: where the word is nowhere in the JSON, there is nothing to look for.
    if _MODIFIER not in encode(resource):
        return False
    waiting: list[Json] = [value for name, value in resource.items() if name != "contained"]
    if resource.get("modifierExtension"):
        return True
    while waiting:
        match waiting.pop():
            case list(values):
                waiting.extend(values)
            case dict(members):
                if members.get("modifierExtension"):
                    return True
                waiting.extend(members.values())
    return False


def day_of_service(order: Order, today: date) -> Days:
    """The days the service may take place on: planned, else written, else today (design: 4.6)."""
    return order.date_of_service or Days(today, today)


def is_of_patient(order: JsonObject, chart: Chart) -> bool:
    """Whether an order at hand is about the call's patient.

    Only an appointment may not be: whose all else is, the chart has looked at. It is the patient's
    who takes part in it, unless a reference leads to somebody who may be another patient. A name
    or an identifier beside him does not: EHRs have no more than that of many a doctor and room.
    """
    if resource_type(order) != "Appointment":
        return True
    actors = [actor for actor in _actors(order) if _kind(actor, order, chart) not in _OTHER_ACTORS]
    named = chart.call_patient.is_named_by_each(actors, order)
    for actor, is_named in zip(actors, named, strict=True):
        if actor.get("reference") and not is_named:
            return False
    return not actors or any(named)


def _actors(appointment: JsonObject) -> list[JsonObject]:
    participants = follow(appointment, ("participant",))
    return [
        actor for participant in participants for actor in read_references(participant.get("actor"))
    ]


def _kind(actor: JsonObject, appointment: JsonObject, chart: Chart) -> str:
    """The type of who takes part: as the reference has it, else its target, else as stated."""
    if key := parse_reference(text(actor.get("reference"))):
        return key.type
    found = chart.find(actor, appointment)
    return resource_type(found) if found else text(actor.get("type"))
