"""The elements that an expression reads, held against FHIR's own: a path that leads nowhere is a
typing error, and would make `empty()` hold for everybody.
"""

from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from cds_service.fhir.resource import Json, decode

# To import the package for its tables would import its parser too, which takes long.
_TABLES = "fhirpathpy/models/r4"
_OWN_PATHS = ("BackboneElement", "Element", None)
_ABSTRACT = ("Resource", "DomainResource")
ANYTHING = ""  # a type that only run time knows


class Place(NamedTuple):
    """Where an expression looks: element names from a variable such as `%order`, or from a type."""

    root: str
    names: tuple[str, ...] = ()

    def inside(self, name: str) -> "Place":
        """The element of this name there."""
        return Place(self.root, (*self.names, name))

    def __str__(self) -> str:
        return ".".join((self.root, *self.names))


class ElementModel:
    """What elements the types of FHIR R4 have, as fhirpathpy ships HL7's tables."""

    def __init__(self) -> None:
        self._types: dict[str, Json] = _table("path2Type")
        self._choices: dict[str, list[str]] = _table("choiceTypePaths")
        self._elsewhere: dict[str, str] = _table("pathsDefinedElsewhere")
        self._parents: dict[str, str] = _table("type2Parent")
        self._holders = frozenset(path.rpartition(".")[0] for path in self._types)
        self._choices_by_name = _by_last_name(self._choices)

    def choices(self, name: str) -> tuple[str, ...]:
        """JSON's names of a choice element: `occurrenceDateTime` and others of `occurrence`."""
        return self._choices_by_name.get(name, ())

    def is_resource(self, name: str) -> bool:
        """Whether FHIR has a resource of this type."""
        return self._parents.get(name) in _ABSTRACT and name not in _ABSTRACT

    def fault(self, fhir_type: str, names: tuple[str, ...]) -> str:
        """What is wrong with a path from a type; empty if nothing is, or only run time knows."""
        path = fhir_type
        for name in names:
            if path == ANYTHING or (path.partition(".")[0] not in self._parents):
                return ""
            inner = self._inner(path, name)
            if inner is None:
                return self._missing(path, name)
            path = inner
        return ""

    def _inner(self, path: str, name: str) -> str | None:
        """The path of an element's own elements; None if there is no such element."""
        for holder in self._with_parents(path):
            place = f"{holder}.{name}"
            place = self._elsewhere.get(place, place)
            if place in self._choices:
                return ANYTHING
            fhir_type = self._types.get(place)
            if fhir_type is not None or place in self._holders:
                if self._written_type(holder, name):
                    return None
                return place if fhir_type in _OWN_PATHS else self._known(str(fhir_type))
        return None

    def _known(self, fhir_type: str) -> str:
        return ANYTHING if fhir_type in _ABSTRACT else fhir_type

    def _with_parents(self, path: str) -> Iterator[str]:
        yield path
        parent = self._parents.get(path, None if path in self._parents else "BackboneElement")
        while parent:
            yield parent
            parent = self._parents.get(parent)

    def _missing(self, path: str, name: str) -> str:
        for holder in self._with_parents(path):
            if choice := self._written_type(holder, name):
                return f"`{name}` is JSON's name: write `{choice}`"
        return f"{path} has no element `{name}`"

    def _written_type(self, holder: str, name: str) -> str:
        """How FHIRPath names an element that JSON names with its type."""
        for length in range(1, len(name)):
            for suffix in self._choices.get(f"{holder}.{name[:length]}", ()):
                if name == f"{name[:length]}{suffix}":
                    return f"{name[:length]}.ofType({_as_written(suffix)})"
        return ""


def _table(name: str) -> Json:
    file = distribution("fhirpathpy").locate_file(f"{_TABLES}/{name}.json")
    return decode(Path(str(file)).read_bytes())


def _as_written(suffix: str) -> str:
    """`dateTime` of `DateTime`, and `Quantity` as it is."""
    is_primitive = suffix in _PRIMITIVES
    return suffix[0].lower() + suffix[1:] if is_primitive else suffix


def choice_suffix(fhir_type: str) -> str:
    """How JSON writes a type at the end of a choice element's name."""
    return fhir_type[0].upper() + fhir_type[1:]


_PRIMITIVES = frozenset(
    "Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid "
    "PositiveInt String Time UnsignedInt Uri Url Uuid".split()
)


def _by_last_name(choices: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    by_name: dict[str, dict[str, None]] = {}
    for path, suffixes in choices.items():
        name = path.rpartition(".")[2]
        written = by_name.setdefault(name, {})
        written.update(dict.fromkeys(f"{name}{suffix}" for suffix in suffixes))
    return {name: tuple(written) for name, written in by_name.items()}
