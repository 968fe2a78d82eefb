"""Resources that a proposal would change or create, as CRD's profiles want them.

What a profile requires and the order lacks is not made up: then nothing is proposed.
"""

from collections.abc import Iterator, Mapping

from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.fhir.extension import find_extensions, with_extensions
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import Json, JsonObject, first, objects, resource_type, text

# What a profile has at least one of (CRD 2.2.1), any of several for a choice of types.
_REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ServiceRequest": (
        ("status",),
        ("intent",),
        ("code",),
        ("subject",),
        ("authoredOn",),
        ("requester",),
    ),
    "DeviceRequest": (
        ("status",),
        ("intent",),
        ("codeCodeableConcept", "codeReference"),
        ("subject",),
        ("authoredOn",),
        ("requester",),
    ),
    "MedicationRequest": (
        ("status",),
        ("intent",),
        ("medicationCodeableConcept", "medicationReference"),
        ("subject",),
        ("authoredOn",),
        ("requester",),
    ),
    "NutritionOrder": (("status",), ("intent",), ("patient",), ("dateTime",), ("orderer",)),
    "VisionPrescription": (
        ("status",),
        ("created",),
        ("patient",),
        ("dateWritten",),
        ("prescriber",),
        ("lensSpecification",),
    ),
    "Coverage": (("status",), ("beneficiary",), ("relationship",), ("payor",)),
}
# Where orders of other types keep what a new order takes from them.
_KEPT_IN: Mapping[str, Mapping[str, str]] = {
    "NutritionOrder": {"subject": "patient", "requester": "orderer", "authoredOn": "dateTime"},
    "VisionPrescription": {
        "subject": "patient",
        "requester": "prescriber",
        "authoredOn": "dateWritten",
    },
}
# What a new order takes from the one at hand, as far as it has the JSON type that R4 gives it.
_TAKEN: Mapping[str, type] = {
    "subject": dict,
    "encounter": dict,
    "authoredOn": str,
    "requester": dict,
    "reasonCode": list,
    "reasonReference": list,
}
_WHEN: Mapping[str, type] = {
    "occurrenceDateTime": str,
    "occurrencePeriod": dict,
    "occurrenceTiming": dict,
}
_TIMED = ("ServiceRequest", "DeviceRequest")
_CHOICES = ("occurrence", "quantity", "medication", "code")
_MERGED = "dispenseRequest"  # its quantity is proposed, the rest of it stays


def updated(resource: JsonObject, elements: JsonObject) -> JsonObject | None:
    """The whole resource with other elements.

    Without the coverage information on it: that was determined for the order as it is, and the
    client asks again once it is another. None if nothing would change, or it fits no profile.
    """
    changed = _with_elements(resource, elements)
    if changed == resource or not _fits_profile(changed):
        return None
    assertions = find_extensions(changed, COVERAGE_INFORMATION)
    bare = with_extensions(changed, (), without=assertions) if assertions else changed
    return bare if bare.get("extension", True) else _without(bare, "extension")


def created(
    kind: str, order: JsonObject, elements: JsonObject, *, in_place: bool
) -> JsonObject | None:
    """A new draft order of one type, for whom, by whom and why the order at hand is.

    One that comes `in_place` of it also takes place when it would. None if it fits no profile.
    """
    timed = in_place and kind in _TIMED and not any(name in elements for name in _WHEN)
    kept = dict(_taken(order, {**_TAKEN, **(_WHEN if timed else {})}))
    new = {"resourceType": kind, "status": "draft", "intent": _intent(order), **kept, **elements}
    return new if _fits_profile(new) and _may_request(kind, new) else None


def _taken(order: JsonObject, types: Mapping[str, type]) -> Iterator[tuple[str, Json]]:
    kept_in = _KEPT_IN.get(resource_type(order), {})
    for name, json_type in types.items():
        value = order.get(kept_in.get(name, name))
        if value and isinstance(value, json_type) and not _is_contained(value):
            yield name, value


def _intent(order: JsonObject) -> str:
    return text(order.get("intent")) or "order"


def _fits_profile(resource: JsonObject) -> bool:
    kind = resource_type(resource)
    for names in _REQUIRED[kind]:
        if not any(resource.get(name) for name in names):
            return False
    return kind != "Coverage" or _has_member_id(resource)


def _has_member_id(coverage: JsonObject) -> bool:
    """US Core 7.0.0, us-core-15."""
    types = [first(identifier.get("type")) for identifier in objects(coverage.get("identifier"))]
    codings = [coding for concept in types for coding in objects(concept.get("coding"))]
    return bool(coverage.get("subscriberId")) or any(
        coding.get("code") == "MB" for coding in codings
    )


def _may_request(kind: str, order: JsonObject) -> bool:
    """CRD's MedicationRequest is requested by a Practitioner alone."""
    if kind != "MedicationRequest":
        return True
    key = parse_reference(text(first(order.get("requester")).get("reference")))
    return key is None or key.type == "Practitioner"


def _with_elements(resource: JsonObject, elements: JsonObject) -> JsonObject:
    """A copy in which each element has the place of the one it replaces, or comes last."""
    replaced = {name for element in elements for name in _replaced(resource, element)}
    changed = {name: value for name, value in resource.items() if name not in replaced}
    if _MERGED in elements:
        merged = {**first(resource.get(_MERGED)), **elements[_MERGED]}
        elements = {**elements, _MERGED: merged}
    # A dict keeps a name's place, so what is replaced by its own name does not move.
    changed = {**changed, **elements}
    gone = {link for name in replaced | set(elements) for link in _links(resource.get(name))}
    return _without_contained(changed, gone - set(_links(changed)))


def _replaced(resource: JsonObject, element: str) -> Iterator[str]:
    """What an element drives out: another of its choice of types, and the extensions of each."""
    base = next((base for base in _CHOICES if element.startswith(base) and element != base), "")
    for name in resource:
        bare = name.removeprefix("_")
        is_other = bare.startswith(base) and bare[len(base) :][:1].isupper() and bare != element
        if (base and is_other) or name == f"_{element}":
            yield name


def _links(value: Json) -> Iterator[str]:
    """The ids of contained resources that a value refers to."""
    if isinstance(value, list):
        for inner in value:
            yield from _links(inner)
    elif isinstance(value, dict):
        if (reference := text(value.get("reference"))).startswith("#"):
            yield reference.removeprefix("#")
        for inner in value.values():
            yield from _links(inner)


def _is_contained(value: Json) -> bool:
    """Whether it refers to what only the order at hand contains."""
    return any(True for _ in _links(value))


def _without_contained(resource: JsonObject, gone: set[str]) -> JsonObject:
    """The resource without what it contains for a reference that it no longer has (R4 dom-3)."""
    if not gone:
        return resource
    kept = [held for held in objects(resource.get("contained")) if held.get("id") not in gone]
    return {**resource, "contained": kept} if kept else _without(resource, "contained")


def _without(resource: JsonObject, name: str) -> JsonObject:
    return {present: value for present, value in resource.items() if present != name}
