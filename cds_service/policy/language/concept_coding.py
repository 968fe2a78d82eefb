"""Codings that know which other codings say the same: those of one CodeableConcept."""

from typing import Any

from cds_service.fhir.coding import Coding, CodingKey
from cds_service.fhir.resource import JsonObject, objects, text


class ConceptCoding(dict[str, Any]):
    """A Coding as it came, with the keys of its whole concept, and where that was read.

    One code of a concept in a system that a ValueSet covers answers for the codes beside it: they
    are translations of it.
    """

    __slots__ = ("concept", "key", "source")

    def __init__(
        self, coding: JsonObject, key: CodingKey, concept: tuple[CodingKey, ...], source: str
    ) -> None:
        super().__init__(coding)
        self.key, self.concept, self.source = key, concept, source


def concept_codings(concept: JsonObject, source: str) -> tuple[ConceptCoding, ...]:
    """The codings of one CodeableConcept that state both system and code."""
    codings = [coding for coding in objects(concept.get("coding")) if _is_whole(coding)]
    keys = tuple(_key(coding) for coding in codings)
    return tuple(
        ConceptCoding(coding, key, keys, source) for coding, key in zip(codings, keys, strict=True)
    )


def _is_whole(coding: JsonObject) -> bool:
    return bool(text(coding.get("system")) and text(coding.get("code")))


def _key(coding: JsonObject) -> CodingKey:
    return Coding(text(coding.get("system")), text(coding.get("code"))).key
