"""Subsets: resources with fewer of their elements (FHIR R4, search, _summary and _elements)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cds_service.errors import InvalidSearch
from cds_service.fhir.resource import JsonObject, objects
from cds_service.fhir.summaries import mandatory_elements, summary_elements

_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
_IDENTITY = ("resourceType", "id", "meta")
_ALWAYS = frozenset({*_IDENTITY, "implicitRules", "modifierExtension"})


class Summary(StrEnum):
    """What of each resource is asked for; `COUNT` is of none, and the number of them all."""

    TRUE = "true"
    TEXT = "text"
    DATA = "data"
    COUNT = "count"
    FALSE = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """The part of each resource that a caller wants; `elements`, if any, go before `summary`."""

    summary: Summary = Summary.FALSE
    elements: tuple[str, ...] = ()

    def of(self, resource: JsonObject) -> JsonObject:
        """The resource with these elements, marked as a part if it is one."""
        if not self.elements and self.summary in (Summary.FALSE, Summary.COUNT):
            return resource
        if not self.elements and self.summary is Summary.DATA:
            return _marked({name: resource[name] for name in resource if name != "text"})
        wanted = _ALWAYS | self._wanted(resource["resourceType"])
        return _marked(
            {name: resource[name] for name in resource if name.removeprefix("_") in wanted}
        )

    def _wanted(self, kind: str) -> frozenset[str]:
        if self.elements:
            named = [element.removeprefix(f"{kind}.") for element in self.elements]
            return mandatory_elements(kind).union(named)
        if self.summary is Summary.TEXT:
            return mandatory_elements(kind) | {"text"}
        return summary_elements(kind)


def read_subset(summary: str, elements: Iterable[str]) -> Subset:
    """The subset that `_summary` and `_elements` ask for.

    Raises:
        InvalidSearch: `_summary` has another value.
    """
    try:
        asked = Summary(summary or Summary.FALSE)
    except ValueError as error:
        raise InvalidSearch(f"`_summary` is one of {', '.join(Summary)}") from error
    return Subset(summary=asked, elements=tuple(elements))


def _marked(part: JsonObject) -> JsonObject:
    """A part of a resource, tagged so that nobody stores it as the whole."""
    meta = part.get("meta", {})
    tags = [*objects(meta.get("tag")), _SUBSETTED]
    identity: JsonObject = {name: part[name] for name in ("resourceType", "id") if name in part}
    others = {name: part[name] for name in part if name not in _IDENTITY}
    return {**identity, "meta": {**meta, "tag": tags}, **others}
