"""The chart: every resource at hand for one call, and how references find their target in it.

Data of other patients never enters it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from cds_service.cds_hooks.prefetch import Found, read_resources
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.lookups import Lookup, Lookups, read_prefetch_lookups
from cds_service.crd.request.patient import CallPatient, IdentifierPair, read_identifier_pairs
from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import JsonObject, objects, text

# Where a hook's context holds resources; all else there names things, or is the client's own.
_RESOURCE_FIELDS = ("draftOrders", "appointments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is known for one call.

    `of_others` counts resources of other patients, which are left out; `ambiguous` are ids under
    which different resources were prefetched, so that nobody can tell which one is meant.
    """

    call_patient: CallPatient
    context: JsonObject
    found: tuple[Found, ...] = ()
    lookups: Lookups
    of_others: int = 0
    ambiguous: frozenset[ResourceKey] = frozenset()
    _in_context: Mapping[str, tuple[Found, ...]]
    _by_key: Mapping[ResourceKey, JsonObject]
    _by_url: Mapping[str, JsonObject]
    _by_identifier: Mapping[IdentifierPair, JsonObject]
    # What a resource contains, by the identity of its JSON object and then by id: a resource with
    # thousands of contained ones is walked once, not once a reference.
    _contained: Mapping[int, Mapping[str, JsonObject]]
    _names_of_others: frozenset[object] = frozenset()  # keys and URLs of what is left out

    def in_context(self, name: str) -> tuple[JsonObject, ...]:
        """The patient's own resources in one field of the context."""
        found = self._in_context.get(name, ())
        return tuple([item.resource for item in found if self.call_patient.owns(item)])

    @property
    def resources(self) -> tuple[JsonObject, ...]:
        """Every resource, in the order they came."""
        return tuple([item.resource for item in self.found])

    def of_type(self, kind: str) -> tuple[JsonObject, ...]:
        """Every resource of one type, in the order they came."""
        return tuple([item.resource for item in self.found if item.type == kind])

    def find(self, reference: JsonObject, within: JsonObject) -> JsonObject | None:
        """The resource a Reference made by `within` points to.

        It may be contained, or named by an entry's URL, by type and id, or by identifier.
        """
        literal = text(reference.get("reference"))
        if not literal:
            found = map(self._by_identifier.get, read_identifier_pairs(reference))
            return next(filter(None, found), None)
        if literal == "#":  # FHIR R4 references: the containing resource itself
            return within
        if literal.startswith("#"):
            return self._contained.get(id(within), {}).get(literal[1:])
        key = parse_reference(literal)
        return self._by_url.get(literal) or (self._by_key.get(key) if key else None)

    def state(self, reference: JsonObject, within: JsonObject) -> Lookup:
        """Whether what a Reference points to is at hand, or with what result it was sought."""
        if self.find(reference, within) is not None:
            return Lookup.FOUND
        literal = text(reference.get("reference"))
        key = parse_reference(literal)
        if key in self._names_of_others or literal in self._names_of_others:
            return Lookup.ABSENT  # it came; for this patient there is no such resource
        return self.lookups.state(key) if key else Lookup.NOT_ASKED

    @property
    def patient(self) -> JsonObject | None:
        """The Patient the call is about, if at hand."""
        return self._by_key.get(self.call_patient.key)

    def forms_of(self, key: ResourceKey | None) -> tuple[JsonObject, ...]:
        """All that came under one id, if what was prefetched differs."""
        if key not in self.ambiguous:
            return ()
        return tuple([item.resource for item in self.found if item.key == key])

    def with_found(
        self,
        found: Sequence[Found],
        results: Mapping[str, Lookup],
        causes: Mapping[str, str] = MappingProxyType({}),
    ) -> "Chart":
        """The chart with the resources that queries brought; what came with the call stays.

        `results` are those of the queries, `causes` why some of them failed.
        """
        call_patient = self.call_patient.with_found(found)
        own = [item for item in found if call_patient.owns(item)]
        names_of_others = self._names_of_others
        if len(own) < len(found):
            others = [item for item in found if not call_patient.owns(item)]
            names_of_others = names_of_others.union(_by_key(others), _by_url(others))
        return Chart(
            call_patient=call_patient,
            context=self.context,
            found=(*self.found, *own),
            lookups=self.lookups.with_results(results, causes),
            of_others=self.of_others + len(found) - len(own),
            ambiguous=self.ambiguous,
            _in_context=self._in_context,
            _by_key={**_by_key(own), **self._by_key},
            _by_url={**_by_url(own), **self._by_url},
            _by_identifier={**_by_identifier(own), **self._by_identifier},
            _contained={**_contained(own, call_patient), **self._contained},
            _names_of_others=names_of_others,
        )


def read_chart(request: HookRequest) -> Chart:
    """The chart of one call, from its context and prefetch alone."""
    prefetched = {key: read_resources(value) for key, value in request.prefetch.items()}
    in_context = {name: read_resources(request.context.get(name)) for name in _RESOURCE_FIELDS}
    return index_chart(
        # The context comes last and wins: it is what the clinician has in hand.
        [item for found in (*prefetched.values(), *in_context.values()) for item in found],
        patient_id=text(request.context.get("patientId")).rsplit("/", 1)[-1],
        context=request.context,
        in_context=in_context,
        lookups=read_prefetch_lookups(request.prefetch, prefetched, _barrier(request)),
    )


def _barrier(request: HookRequest) -> str:
    """Why nothing can be asked of the EHR with what the request brings; empty if something can."""
    if not request.fhir_server:
        return "the request has no `fhirServer`"
    return "" if request.can_query else "the request has no `fhirAuthorization.access_token`"


def index_chart(
    found: Sequence[Found],
    *,
    patient_id: str,
    context: JsonObject | None = None,
    in_context: Mapping[str, tuple[Found, ...]] | None = None,
    lookups: Lookups | None = None,
) -> Chart:
    """The chart of these resources."""
    empty = Chart(
        call_patient=CallPatient(id=patient_id),
        context=context or {},
        lookups=lookups or Lookups(),
        _in_context=in_context or {},
        _by_key={},
        _by_url={},
        _by_identifier={},
        _contained={},
    )
    chart = empty.with_found(found, {})
    ambiguous = _ambiguous(chart.found, in_context or {})
    return replace(chart, ambiguous=ambiguous) if ambiguous else chart


def _ambiguous(
    found: Iterable[Found], in_context: Mapping[str, tuple[Found, ...]]
) -> frozenset[ResourceKey]:
    """The ids that differ among what was prefetched; what the context holds is newer than that."""
    newer = {id(item.resource) for items in in_context.values() for item in items}
    by_key: dict[ResourceKey, JsonObject] = {}
    ambiguous: set[ResourceKey] = set()
    for item in found:
        if item.key and id(item.resource) not in newer:
            known = by_key.setdefault(item.key, item.resource)
            if known is not item.resource and known != item.resource:
                ambiguous.add(item.key)
    return frozenset(ambiguous)


def _by_key(found: Iterable[Found]) -> dict[ResourceKey, JsonObject]:
    return {item.key: item.resource for item in found if item.key}


def _by_url(found: Iterable[Found]) -> dict[str, JsonObject]:
    return {item.full_url: item.resource for item in found if item.full_url}


def _by_identifier(found: Iterable[Found]) -> dict[IdentifierPair, JsonObject]:
    return {pair: item.resource for item in found for pair in read_identifier_pairs(item.resource)}


def _contained(
    found: Iterable[Found], call_patient: CallPatient
) -> dict[int, dict[str, JsonObject]]:
    return {
        id(item.resource): _by_id(item.resource, call_patient)
        for item in found
        if "contained" in item.resource
    }


def _by_id(container: JsonObject, call_patient: CallPatient) -> dict[str, JsonObject]:
    """What of the patient's a resource contains by id, the first of two with one id."""
    by_id: dict[str, JsonObject] = {}
    for resource in objects(container.get("contained")):
        if call_patient.owns(Found(resource)):
            by_id.setdefault(text(resource.get("id")), resource)
    return by_id
