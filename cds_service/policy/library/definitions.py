"""Definitions that proposals refer to, and what an ActivityDefinition writes in a new order.

R4 says where the elements of an ActivityDefinition go in the resource made from it. Of these, the
ones below are in CRD's profile of that resource; any other would be lost on the way, so it is an
error.
"""

from collections.abc import Mapping

from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.library.action import Action
from cds_service.policy.library.artifacts import Artifact, Library

_OCCURRENCE: Mapping[str, str] = {
    "timingDateTime": "occurrenceDateTime",
    "timingPeriod": "occurrencePeriod",
    "timingTiming": "occurrenceTiming",
}
# The types of order that can be created, and where each keeps what a definition says.
ELEMENTS: Mapping[str, Mapping[str, str]] = {
    "ServiceRequest": {"code": "code", "quantity": "quantityQuantity", **_OCCURRENCE},
    "DeviceRequest": {
        "code": "codeCodeableConcept",
        "productCodeableConcept": "codeCodeableConcept",
        **_OCCURRENCE,
    },
    "MedicationRequest": {
        "code": "medicationCodeableConcept",
        "productCodeableConcept": "medicationCodeableConcept",
        "dosage": "dosageInstruction",
        "quantity": "dispenseRequest",
    },
}
# Which of them says what is ordered.
_CODES: Mapping[str, str] = {
    "ServiceRequest": "code",
    "DeviceRequest": "codeCodeableConcept",
    "MedicationRequest": "medicationCodeableConcept",
}
# What describes the definition itself and goes nowhere.
_ABOUT_ITSELF = frozenset(
    "resourceType id meta language text url identifier version name title subtitle status "
    "experimental subjectCodeableConcept date publisher contact description useContext "
    "jurisdiction purpose usage copyright approvalDate lastReviewDate effectivePeriod topic author "
    "editor reviewer endorser relatedArtifact kind".split()
)


def find_definition(action: Action, library: Library, *kinds: str) -> Artifact:
    """The artifact of one of these types that an action's `definitionCanonical` names.

    Raises:
        ArtifactError: it names none, or one that is not active.
    """
    canonical = text(action.json.get("definitionCanonical"))
    where = ".definitionCanonical"
    if not canonical.partition("|")[2] or canonical not in library.by_canonical:
        raise action.broken(where, f"`{canonical}` is not in the library (pin `url|version`)")
    definition = library.by_canonical[canonical]
    kind, status = (text(definition.resource.get(name)) for name in ("resourceType", "status"))
    if kind not in kinds:
        raise action.broken(where, f"names a {kind}; {' or '.join(kinds)} is due")
    if status != "active":
        raise action.broken(where, f"names a {kind} whose status is `{status}`; it must be active")
    return definition


def read_elements(definition: Artifact, target: str, *, creates: bool) -> JsonObject:
    """What an ActivityDefinition writes in an order of one type.

    One that `creates` an order says what is ordered, and may say with which intent.

    Raises:
        ArtifactError: it is for another type, or says what no such order would carry.
    """
    resource = definition.resource
    if resource.get("kind") != target:
        problem = f"a definition of kind `{resource.get('kind')}` where the order is a {target}"
        raise definition.broken("$.kind", problem)
    places = {**ELEMENTS[target], **({"intent": "intent"} if creates else {})}
    elements: JsonObject = {}
    for name in (name for name in resource if name not in _ABOUT_ITSELF):
        if name not in places:
            problem = f"`{name}` would not be heeded; a {target} takes {', '.join(places)}"
            raise definition.broken(f"$.{name}", problem)
        if places[name] in elements:
            raise definition.broken(f"$.{name}", f"`{places[name]}` would be written twice")
        is_part = places[name] == "dispenseRequest"
        elements[places[name]] = {"quantity": resource[name]} if is_part else resource[name]
    if creates and _CODES[target] not in elements:
        wanted = "` or `".join(name for name, place in places.items() if place == _CODES[target])
        raise definition.broken("$", f"the order to be created needs `{wanted}`")
    return elements
