"""Whose a resource is.

What cannot be read as the call's patient's is another's: it never decides anything.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from cds_service.cds_hooks.prefetch import Found
from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import Json, JsonObject, objects, resource_type, text

IdentifierPair = tuple[str, str]

# Where resources say whose they are, and with what a Reference names somebody.
_WHOSE = ("subject", "patient", "beneficiary")
_NAMING = ("reference", "identifier", "display")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPatient:
    """The patient a call is about: the id, and what else names the Patient resource at hand."""

    id: str
    urls: frozenset[str] = frozenset()
    identifiers: frozenset[IdentifierPair] = frozenset()
    key: ResourceKey = field(init=False, compare=False)
    # The reference to the patient that nearly all resources have; empty if the id fits into none.
    _reference: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        key = ResourceKey("Patient", self.id)
        reference = str(key)
        object.__setattr__(self, "key", key)
        object.__setattr__(
            self, "_reference", reference if parse_reference(reference) == key else ""
        )

    def with_found(self, found: Iterable[Found]) -> "CallPatient":
        """The same patient, with the entry URLs and identifiers of its resource among `found`."""
        key = self.key
        own = [item for item in found if item.key == key]
        if not own:
            return self
        pairs = [pair for item in own for pair in read_identifier_pairs(item.resource)]
        return CallPatient(
            id=self.id,
            urls=self.urls.union([item.full_url for item in own if item.full_url]),
            identifiers=self.identifiers.union(pairs),
        )

    def owns(self, found: Found) -> bool:
        """Whether a resource is this patient's, or nobody's in particular."""
        if found.type == "Patient":
            return found.key == self.key
        resource = found.resource
        references = [
            reference
            for name in _WHOSE
            if name in resource
            for reference in read_references(resource[name])
        ]
        return not references or self.is_named_by(references, resource)

    def is_named_by(self, references: Iterable[JsonObject], within: JsonObject) -> bool:
        """Whether these References by `within` are to this patient, as far as they name anyone."""
        return all(self.is_named_by_each(references, within))

    def is_named_by_each(self, references: Iterable[JsonObject], within: JsonObject) -> list[bool]:
        """The same of each of these References; what `within` contains is read once for all."""
        contained = self._contained_in(within) if "contained" in within else frozenset()
        return [self._is_named(reference, contained) for reference in references]

    def _is_named(self, reference: JsonObject, contained: Collection[str]) -> bool:
        literal = text(reference.get("reference"))
        if literal and literal == self._reference:
            return True
        if literal.startswith("#"):
            return literal[1:] in contained
        if literal:
            return parse_reference(literal) == self.key or literal in self.urls
        pairs = read_identifier_pairs(reference)
        if pairs:
            return not self.identifiers.isdisjoint(pairs)
        return not any(_is_stated(reference.get(name)) for name in _NAMING)

    def _contained_in(self, resource: JsonObject) -> frozenset[str]:
        """The ids under which a resource contains this patient, by whose identifiers he is told."""
        return frozenset(
            text(contained.get("id"))
            for contained in objects(resource.get("contained"))
            if resource_type(contained) == "Patient"
            and not self.identifiers.isdisjoint(read_identifier_pairs(contained))
        )


def read_references(value: Json) -> tuple[JsonObject, ...]:
    """The References in an element; a bare text is read as the literal reference of one."""
    if type(value) is list:
        return objects([{"reference": item} if type(item) is str else item for item in value])
    return ({"reference": value},) if type(value) is str else objects(value)


def _is_stated(value: Json) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def read_identifier_pairs(holder: JsonObject) -> tuple[IdentifierPair, ...]:
    """The identifiers of a resource or a Reference that have a value, as system and value."""
    if "identifier" not in holder:
        return ()
    pairs = [
        (text(identifier.get("system")), text(identifier.get("value")))
        for identifier in objects(holder["identifier"])
    ]
    return tuple([pair for pair in pairs if pair[1]])
