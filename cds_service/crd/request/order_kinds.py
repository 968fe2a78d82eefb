"""The kinds of order a hook asks about, and where each keeps its codes and dates (CRD profiles).

A kind of order is a row in `ORDER_KINDS`. Appointments and Encounters are asked about like orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject, follow, resource_type

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKind:
    """Where one resource type keeps what we read.

    Paths are element names, lists are walked through.
    """

    codes: tuple[Path, ...]
    date_of_service: tuple[Path, ...] = ()
    written: Path = ("authoredOn",)
    coded_by: tuple[Path, ...] = ()  # references to a resource that holds the code
    reasons: tuple[Path, ...] = ()  # what it is for, as CodeableConcepts
    reasons_by: tuple[Path, ...] = ()  # the same, as references
    ruled_as: str = ""  # the type whose rules apply, where it is not its own


_REASONS, _REASONS_BY = (("reasonCode",),), (("reasonReference",),)
_OCCURRENCE = (("occurrenceDateTime",), ("occurrencePeriod", "start"), ("occurrenceTiming",))

ORDER_KINDS: Mapping[str, OrderKind] = {
    "ServiceRequest": OrderKind(
        codes=(("code",),),
        date_of_service=_OCCURRENCE,
        reasons=_REASONS,
        reasons_by=_REASONS_BY,
    ),
    "DeviceRequest": OrderKind(
        codes=(("codeCodeableConcept",),),
        coded_by=(("codeReference",),),
        date_of_service=_OCCURRENCE,
        reasons=_REASONS,
        reasons_by=_REASONS_BY,
    ),
    "MedicationRequest": OrderKind(
        codes=(("medicationCodeableConcept",),),
        coded_by=(("medicationReference",),),
        reasons=_REASONS,
        reasons_by=_REASONS_BY,
    ),
    "NutritionOrder": OrderKind(
        codes=(
            ("oralDiet", "type"),
            ("supplement", "type"),
            ("enteralFormula", "baseFormulaType"),
            ("enteralFormula", "additiveType"),
        ),
        written=("dateTime",),
    ),
    "VisionPrescription": OrderKind(
        codes=(("lensSpecification", "product"),), written=("dateWritten",)
    ),
    "CommunicationRequest": OrderKind(
        codes=(("payload", "extension"),),
        date_of_service=_OCCURRENCE[:2],
        reasons=_REASONS,
        reasons_by=_REASONS_BY,
    ),
    # Both stand for the service they are for: their service types come from the codes of
    # ServiceRequest.
    "Appointment": OrderKind(
        codes=(("serviceType",),),
        date_of_service=(("start",), ("requestedPeriod", "start")),
        written=("start",),
        reasons_by=_REASONS_BY,
        ruled_as="ServiceRequest",
    ),
    "Encounter": OrderKind(
        codes=(("serviceType",), ("type",)),
        date_of_service=(("period", "start"),),
        written=("period", "start"),
        reasons=_REASONS,
        reasons_by=(("reasonReference",), ("diagnosis", "condition")),
        ruled_as="ServiceRequest",
    ),
}


def is_order(resource: JsonObject) -> bool:
    """Whether this is a resource type CRD asks about."""
    return resource_type(resource) in ORDER_KINDS


def kind_of(resource: JsonObject) -> OrderKind:
    """The kind of a resource that is an order."""
    return ORDER_KINDS[resource_type(resource)]


def code_references(order: JsonObject) -> tuple[JsonObject, ...]:
    """The References an order makes to a Medication or Device that holds its code."""
    return tuple(reference for path in kind_of(order).coded_by for reference in follow(order, path))
