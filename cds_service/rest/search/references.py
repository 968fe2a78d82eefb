"""Reference indexes: literal references and canonicals (FHIR R4, search, reference)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import Json, JsonObject, text
from cds_service.rest.search.escapes import literal
from cds_service.rest.search.positions import positions_of
from cds_service.rest.search.tokens import TokenIndex, read_tokens


class ReferenceIndex:
    """The positions of resources by what they refer to."""

    def __init__(self, rows: Sequence[Sequence[Json]]) -> None:
        self._found = positions_of(chain.from_iterable(map(_keys, values)) for values in rows)
        self._identifiers = TokenIndex(map(_identifier_tokens, rows))

    def match(self, value: str) -> Sequence[int]:
        """The positions that refer to `Type/id`, `id`, a URL, or a canonical.

        A canonical without a version is any version of it.
        """
        return self._found.get(literal(value), ())

    def match_type(self, kind: str, value: str) -> Sequence[int]:
        """The positions that refer to a resource of this type with this id."""
        return self.match(value if "/" in value else f"{kind}/{value}")

    def match_identifier(self, value: str) -> Sequence[int]:
        """The positions whose reference carries this identifier."""
        return self._identifiers.match(value)

    def referring_to(self, resource: JsonObject) -> Iterator[int]:
        """The positions that refer to a resource: by type and id, or by its canonical.

        A canonical that names another version is another resource's.
        """
        kind, identity = resource["resourceType"], resource["id"]
        yield from self._found.get(f"{kind}/{identity}", ())
        if url := text(resource.get("url")):
            yield from self._found.get(f"{url}|", ())
            yield from self._found.get(f"{url}|{text(resource.get('version'))}", ())


def reference_of(value: Json) -> str:
    """The text of a Reference or canonical; empty if it has none."""
    return text(value.get("reference")) if isinstance(value, dict) else text(value)


def literal_target(value: Json) -> ResourceKey | None:
    """The type and id that a Reference names; a canonical names none."""
    return parse_reference(reference_of(value)) if isinstance(value, dict) else None


def _keys(value: Json) -> Iterator[str]:
    """All that a reference is found by; `url|` is a canonical that is pinned to no version."""
    if reference := reference_of(value):
        yield reference
        if target := literal_target(value):
            yield str(target)
            yield target.id
        elif not isinstance(value, dict):
            url, bar, _ = reference.partition("|")
            yield url if bar else f"{reference}|"


def _identifier_tokens(values: Sequence[Json]) -> Iterable[tuple[str, str]]:
    held = (value.get("identifier") for value in values if isinstance(value, dict))
    return [token for identifier in held for token in read_tokens(identifier)]
