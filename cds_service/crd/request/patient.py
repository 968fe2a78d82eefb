"""Whose a resource is. What cannot be read as the call's patient's is another's: it never decides anything."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cds_service.cds_hooks.prefetch import Found
from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import JsonObject, objects, resource_type, text

IdentifierPair = tuple[str, str]

# Where resources say whose they are.
_WHOSE = ("subject", "patient", "beneficiary")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPatient:
    """The patient a call is about: the id, and what else names the Patient resource at hand."""

    id: str
    urls: frozenset[str] = frozenset()
    identifiers: frozenset[IdentifierPair] = frozenset()

    @property
    def key(self) -> ResourceKey:
        return ResourceKey("Patient", self.id)

    def with_found(self, found: Iterable[Found]) -> "CallPatient":
        """The same patient, with the entry URLs and identifiers of its resource among `found`."""
        own = [item for item in found if self._is_patient(item.resource)]
        return CallPatient(
            id=self.id,
            urls=self.urls.union(item.full_url for item in own if item.full_url),
            identifiers=self.identifiers.union(
                pair for item in own for pair in read_identifier_pairs(item.resource)
            ),
        )

    def owns(self, resource: JsonObject) -> bool:
        """Whether a resource is this patient's, or nobody's in particular."""
        if resource_type(resource) == "Patient":
            return self._is_patient(resource)
        whose = [reference for name in _WHOSE for reference in objects(resource.get(name))]
        return self.is_named_by(whose, resource)

    def is_named_by(self, references: Iterable[JsonObject], within: JsonObject) -> bool:
        """Whether all these References made by `within` are to this patient, as far as they name anyone."""
        contained = self._contained_in(within)
        return all(self._is_named(reference, contained) for reference in references)

    def _is_named(self, reference: JsonObject, contained: Collection[str]) -> bool:
        literal = text(reference.get("reference"))
        if literal.startswith("#"):
            return literal[1:] in contained
        if literal:
            return parse_reference(literal) == self.key or literal in self.urls
        pairs = read_identifier_pairs(reference)
        if pairs:
            return not self.identifiers.isdisjoint(pairs)
        return not text(reference.get("display"))

    def _is_patient(self, resource: JsonObject) -> bool:
        return resource_type(resource) == "Patient" and text(resource.get("id")) == self.id

    def _contained_in(self, resource: JsonObject) -> frozenset[str]:
        """The ids under which a resource contains this patient, who has only identifiers to tell him by there."""
        return frozenset(
            text(contained.get("id"))
            for contained in objects(resource.get("contained"))
            if resource_type(contained) == "Patient"
            and not self.identifiers.isdisjoint(read_identifier_pairs(contained))
        )


def read_identifier_pairs(holder: JsonObject) -> tuple[IdentifierPair, ...]:
    """The identifiers of a resource or a Reference that have a value, as system and value."""
    pairs = (
        (text(identifier.get("system")), text(identifier.get("value")))
        for identifier in objects(holder.get("identifier"))
    )
    return tuple(pair for pair in pairs if pair[1])
