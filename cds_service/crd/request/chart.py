"""The chart: every resource at hand for one call, how references find their target in it, and what is not there.

It also knows what was looked for in vain and what could not be read: the two lead to different answers. Data of another
patient never enters it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cds_service.cds_hooks.prefetch import Found, has_failed, read_resources
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.context import RESOURCE_FIELDS
from cds_service.fhir.reference import ResourceKey, parse_reference, read_key
from cds_service.fhir.resource import JsonObject, objects, resource_type, text

_ABOUT = ("subject", "patient", "beneficiary")  # where a resource says whose it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is known for one call.

    `looked_for` names prefetch keys and queries that brought nothing, `failed` those that could not be read, and
    `foreign` counts resources of other patients, which are left out; `strangers` are entry URLs of other Patients.
    """

    patient_id: str
    context: JsonObject
    resources: tuple[JsonObject, ...]
    by_key: Mapping[ResourceKey, JsonObject]
    by_url: Mapping[str, JsonObject]
    by_identifier: Mapping[tuple[str, str], JsonObject]
    looked_for: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    foreign: int = 0
    strangers: frozenset[str] = frozenset()

    def of_type(self, kind: str) -> tuple[JsonObject, ...]:
        """Every resource of one type, in the order they came."""
        return tuple(resource for resource in self.resources if resource_type(resource) == kind)

    def find(self, reference: JsonObject, within: JsonObject) -> JsonObject | None:
        """The resource a Reference made by `within` points to: contained, by entry URL, type and id, or identifier."""
        literal = text(reference.get("reference"))
        if not literal:
            return self._identified(reference)
        if literal == "#":  # FHIR R4 references: the containing resource itself
            return within
        if literal.startswith("#"):
            contained = objects(within.get("contained"))
            return next((one for one in contained if text(one.get("id")) == literal[1:]), None)
        key = parse_reference(literal)
        return self.by_url.get(literal) or (self.by_key.get(key) if key else None)

    def could_not_read(self, reference: JsonObject) -> bool:
        """Whether a reference's target was asked for and the EHR failed to give it."""
        key = parse_reference(text(reference.get("reference")))
        return key is not None and str(key) in self.failed

    @property
    def patient(self) -> JsonObject | None:
        """The patient the call is about, if at hand."""
        return self.by_key.get(ResourceKey("Patient", self.patient_id))

    def is_about_patient(self, reference: JsonObject) -> bool:
        """Whether a reference names the call's patient; one that names no patient is taken to."""
        literal = text(reference.get("reference"))
        key = parse_reference(literal)
        if key is None:
            return literal not in self.strangers
        return key.type != "Patient" or self.patient_id in ("", key.id)

    def with_found(
        self, found: Sequence[Found], *, looked_for: Iterable[str], failed: Iterable[str]
    ) -> "Chart":
        """The chart with more resources, and more known to be absent or unreadable."""
        strangers = {item.full_url for item in found if self._is_stranger(item.resource)} - {""}
        known = replace(self, strangers=self.strangers | strangers)
        own = [item for item in found if known._is_own(item.resource)]
        return replace(
            known,
            resources=(*self.resources, *(item.resource for item in own)),
            by_key=_by_key(own) | dict(self.by_key),  # what came with the call stays
            by_url={item.full_url: item.resource for item in own if item.full_url}
            | dict(self.by_url),
            by_identifier={
                pair: item.resource for item in own for pair in _identifiers(item.resource)
            }
            | dict(self.by_identifier),
            looked_for=(*self.looked_for, *looked_for),
            failed=(*self.failed, *failed),
            foreign=self.foreign + len(found) - len(own),
        )

    def _is_own(self, resource: JsonObject) -> bool:
        if self._is_stranger(resource):
            return False
        return all(
            self.is_about_patient(about) for name in _ABOUT for about in objects(resource.get(name))
        )

    def _is_stranger(self, resource: JsonObject) -> bool:
        return resource_type(resource) == "Patient" and self.patient_id not in (
            "",
            text(resource.get("id")),
        )

    def _identified(self, reference: JsonObject) -> JsonObject | None:
        found = (self.by_identifier.get(one) for one in _identifiers(reference))
        return next(filter(None, found), None)


def read_chart(request: HookRequest) -> Chart:
    """The chart of one call, from its context and prefetch alone."""
    prefetched = {name: read_resources(value) for name, value in request.prefetch.items()}
    in_context = [read_resources(request.context.get(name)) for name in RESOURCE_FIELDS]
    empty = tuple(
        name for name, found in prefetched.items() if not found or _lacks_its_coverage(name, found)
    )
    failed = tuple(name for name in empty if has_failed(request.prefetch[name]))
    return index_chart(
        # The context comes last and wins: it is what the clinician has in hand.
        [item for found in (*prefetched.values(), *in_context) for item in found],
        patient_id=text(request.context.get("patientId")).rsplit("/", 1)[-1],
        context=request.context,
        looked_for=tuple(name for name in empty if name not in failed),
        failed=failed,
    )


def _lacks_its_coverage(name: str, found: Sequence[Found]) -> bool:
    """Whether a key meant for the Coverage holds anything but one."""
    return "coverage" in name.lower() and not any(
        resource_type(one.resource) == "Coverage" for one in found
    )


def index_chart(
    found: Sequence[Found],
    *,
    patient_id: str,
    context: JsonObject | None = None,
    looked_for: Iterable[str] = (),
    failed: Iterable[str] = (),
) -> Chart:
    """The chart of these resources."""
    blank = Chart(
        patient_id=patient_id,
        context=context or {},
        resources=(),
        by_key={},
        by_url={},
        by_identifier={},
    )
    return blank.with_found(found, looked_for=looked_for, failed=failed)


def _identifiers(holder: JsonObject) -> tuple[tuple[str, str], ...]:
    """The identifiers of a resource or a Reference that say anything, as system and value."""
    read = (
        (text(one.get("system")), text(one.get("value")))
        for one in objects(holder.get("identifier"))
    )
    return tuple(pair for pair in read if pair[1])


def _by_key(found: Iterable[Found]) -> dict[ResourceKey, JsonObject]:
    keys = ((read_key(item.resource), item.resource) for item in found)
    return {key: resource for key, resource in keys if key}
