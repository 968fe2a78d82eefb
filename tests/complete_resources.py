"""Orders and a member's resources with all that CRD's profiles require or mark must-support.

And small libraries whose payer has a rule for each kind of order among them.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from every_hook import HOOK_NAMES, ORDER_HOOKS, VERSIONS
from order_profiles import MANDATORY, names_of
from small_library import policy, rule, small_index

from cds_service.fhir.resource import decode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

_FILE = Path(__file__).with_suffix(".json")
# Whose rules an order of a kind meets: visits are ruled as the services they are for.
RULED_AS: Mapping[str, str] = {
    "ServiceRequest": "ServiceRequest",
    "DeviceRequest": "DeviceRequest",
    "MedicationRequest": "MedicationRequest",
    "NutritionOrder": "NutritionOrder",
    "VisionPrescription": "VisionPrescription",
    "CommunicationRequest": "CommunicationRequest",
    "Appointment": "ServiceRequest",
    "Encounter": "ServiceRequest",
}
KINDS = tuple(RULED_AS)
REQUESTS = KINDS[:-2]
_BY_INVARIANT = {"NutritionOrder": "oralDiet", "Appointment": "start end"}  # nor-1; crd-apt1, -2
# Where each kind keeps the CodeableConcept of what it is for.
_CODED: Mapping[str, tuple[str | int, ...]] = {
    "ServiceRequest": ("code",),
    "DeviceRequest": ("codeCodeableConcept",),
    "MedicationRequest": ("medicationCodeableConcept",),
    "NutritionOrder": ("oralDiet", "type", 0),
    "VisionPrescription": ("lensSpecification", 0, "product"),
    "CommunicationRequest": ("payload", 0, "extension", 0, "valueCodeableConcept"),
    "Appointment": ("serviceType", 0),
    "Encounter": ("type", 0),
}


def complete_orders() -> dict[str, JsonObject]:
    """An order of each kind; each call makes new ones."""
    orders: dict[str, JsonObject] = decode(_FILE.read_bytes())["orders"]
    return orders


def complete_member() -> dict[str, JsonObject]:
    """Patient, Coverage and the payer's Organization by type; each call makes new ones."""
    member: dict[str, JsonObject] = decode(_FILE.read_bytes())["member"]
    return member


def member(**changed: Any) -> list[JsonObject]:
    """The complete member, with elements of the Coverage changed or, if None, left out."""
    resources = complete_member()
    coverage = {**resources["Coverage"], **changed}
    resources["Coverage"] = {name: part for name, part in coverage.items() if part is not None}
    return list(resources.values())


def only(resource: JsonObject, names: str) -> JsonObject:
    """A resource with its type, id, and these elements alone, choices in any of their types."""
    own = [own for name in names.split() for own in names_of(resource, name)]
    return {name: resource[name] for name in resource if name in ("resourceType", "id", *own)}


def least_order(kind: str) -> JsonObject:
    """An order of a kind of no more than its profile and its invariants require."""
    return only(complete_orders()[kind], f"{MANDATORY[kind]} {_BY_INVARIANT.get(kind, '')}")


def concept_of(order: JsonObject) -> JsonObject:
    """The CodeableConcept of what an order is for, in the order itself."""
    found: Any = order
    for step in _CODED[order["resourceType"]]:
        found = found[step]
    held: JsonObject = found
    return held


def coding_of(kind: str) -> JsonObject:
    """The coding of what the complete order of a kind is for."""
    coding: JsonObject = concept_of(complete_orders()[kind])["coding"][0]
    return coding


def kinds_of(hook: str) -> tuple[str, ...]:
    """The kinds of resource a hook asks about."""
    if hook in ORDER_HOOKS:
        return REQUESTS
    return ("Appointment",) if hook == "appointment-book" else ("Encounter",)


# Every hook with every kind of resource it asks about; and with each version whose coverage
# information may stand on it (CRD 2.0.1 does not name VisionPrescription).
ASKED = tuple((hook, kind) for hook in HOOK_NAMES for kind in kinds_of(hook))
WRITTEN = tuple(
    (hook, kind, version)
    for hook, kind in ASKED
    for version in VERSIONS
    if (kind, version) != ("VisionPrescription", "2.0")
)


def rule_for(kind: str, name: str = "", **elements: Any) -> JsonObject:
    """A rule for the complete orders of a kind, by their code; it refuses if not said otherwise."""
    listed = [{"path": "code", "code": [coding_of(kind)]}]
    filtered = {"type": RULED_AS[kind], "codeFilter": listed}
    return {**rule(name or f"for-{kind.lower()}"), "input": [filtered], **elements}


@cache
def refusing() -> PolicyIndex:
    """The index over a policy that refuses what the complete orders are for, built once."""
    return index_of(rule_for(kind) for kind in REQUESTS)


def index_of(
    rules: Iterable[JsonObject], *others: JsonObject, lines: Iterable[str] = ()
) -> PolicyIndex:
    """The index over one policy of these rules, for every hook, and other resources."""
    with TemporaryDirectory() as directory:
        resource = policy(*rules, hooks=HOOK_NAMES, lines=lines)
        return small_index(Path(directory) / "library", resource, *others)
