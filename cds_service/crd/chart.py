"""The chart: every resource at hand for one call, and how references find their target in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cds_service.cds_hooks.prefetch import Found, has_failed, read_resources
from cds_service.cds_hooks.request import HookRequest
from cds_service.fhir.reference import ResourceKey, parse_reference, read_key
from cds_service.fhir.resource import JsonObject, objects, resource_type, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What came with the call, indexed; `looked_for` and `failed` name prefetch keys that came back empty or broken."""

    patient_id: str
    resources: tuple[JsonObject, ...]
    by_key: Mapping[ResourceKey, JsonObject]
    by_url: Mapping[str, JsonObject]
    looked_for: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def of_type(self, kind: str) -> tuple[JsonObject, ...]:
        """Every resource of one type, in the order they came."""
        return tuple(resource for resource in self.resources if resource_type(resource) == kind)

    def find(self, reference: JsonObject, within: JsonObject) -> JsonObject | None:
        """The resource a Reference made by `within` points to: contained, by entry URL, or by type and id."""
        literal = text(reference.get("reference"))
        if literal.startswith("#"):
            contained = objects(within.get("contained"))
            return next((one for one in contained if text(one.get("id")) == literal[1:]), None)
        key = parse_reference(literal)
        return self.by_url.get(literal) or (self.by_key.get(key) if key else None)

    @property
    def patient(self) -> JsonObject | None:
        """The patient the call is about, if at hand; never another one."""
        return self.by_key.get(ResourceKey("Patient", self.patient_id))

    def is_about_patient(self, reference: JsonObject) -> bool:
        """Whether a reference names the call's patient; one that names nobody is taken to."""
        key = parse_reference(text(reference.get("reference")))
        return key is None or key.type != "Patient" or self.patient_id in ("", key.id)


def read_chart(request: HookRequest) -> Chart:
    """The chart of one call, from its context and prefetch alone."""
    prefetched = {name: read_resources(value) for name, value in request.prefetch.items()}
    in_context = [read_resources(value) for value in request.context.values()]
    failed = tuple(name for name, found in prefetched.items() if not found and has_failed(request.prefetch[name]))
    return index_chart(
        [item for found in (*prefetched.values(), *in_context) for item in found],
        patient_id=text(request.context.get("patientId")).rsplit("/", 1)[-1],
        looked_for=tuple(name for name, found in prefetched.items() if not found and name not in failed),
        failed=failed,
    )


def index_chart(
    found: Sequence[Found], *, patient_id: str, looked_for: tuple[str, ...] = (), failed: tuple[str, ...] = ()
) -> Chart:
    """The chart of these resources."""
    return Chart(
        patient_id=patient_id,
        resources=tuple(item.resource for item in found),
        by_key=_by_key(found),
        by_url={item.full_url: item.resource for item in found if item.full_url},
        looked_for=looked_for,
        failed=failed,
    )


def _by_key(found: Iterable[Found]) -> dict[ResourceKey, JsonObject]:
    # The context comes last and wins: it is what the clinician has in hand.
    keys = ((read_key(item.resource), item.resource) for item in found)
    return {key: resource for key, resource in keys if key}
