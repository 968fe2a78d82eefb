"""Codings: a system and a code, compared as the systems' owners mean them to be.

The spellings of one system are one; a code is trimmed and case-folded for comparison only, and CPT
modifiers are split off. The order itself is never rewritten.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from cds_service.fhir.resource import Json, JsonObject, objects, text

CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD_10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
SOURCE_OF_PAYMENT = "https://nahdo.org/sopt"

# Other spellings, without scheme and trailing slash. THO NamingSystems; early US Core and the
# reference servers.
_OTHER_SPELLINGS = {
    CPT: ("2.16.840.1.113883.6.12",),
    HCPCS: ("2.16.840.1.113883.6.285", "terminology.hl7.org/CodeSystem/HCPCS"),
    ICD_10_PCS: (
        "2.16.840.1.113883.6.4",
        "hl7.org/fhir/sid/icd-10-pcs",
        "www.icd10data.com/icd10pcs",
        "terminology.hl7.org/CodeSystem/icd10PCS",
    ),
    ICD_10_CM: ("2.16.840.1.113883.6.90",),
    "http://snomed.info/sct": ("2.16.840.1.113883.6.96",),
    "http://www.nlm.nih.gov/research/umls/rxnorm": ("2.16.840.1.113883.6.88",),
    "http://loinc.org": ("2.16.840.1.113883.6.1",),
    "http://hl7.org/fhir/sid/ndc": ("2.16.840.1.113883.6.69",),
    SOURCE_OF_PAYMENT: ("2.16.840.1.113883.3.221.5",),
}
# How people call them.
_NAMES = {
    CPT: "CPT",
    HCPCS: "HCPCS Level II",
    ICD_10_PCS: "ICD-10-PCS",
    ICD_10_CM: "ICD-10-CM",
    "http://snomed.info/sct": "SNOMED CT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://loinc.org": "LOINC",
    "http://hl7.org/fhir/sid/ndc": "NDC",
}
_SCHEME = re.compile(r"^(?:h+ttps?://|urn:oid:)", re.IGNORECASE)
_MODIFIED_CPT = re.compile(
    r"^(\d{4}[0-9A-Z])(?:[\s:\-]+[0-9A-Z]{2}(?:[\s:,\-]+[0-9A-Z]{2})*|[0-9A-Z]{2})$"
)
_MODIFIED_HCPCS = re.compile(
    r"^([A-Z]\d{4})(?:[\s:\-]+[0-9A-Z]{2}(?:[\s:,\-]+[0-9A-Z]{2})*|[0-9A-Z]{2})$"
)
_MODIFIED = {CPT: _MODIFIED_CPT, HCPCS: _MODIFIED_HCPCS}


def _bare(system: str) -> str:
    return _SCHEME.sub("", system.strip()).rstrip("/").lower()


_CANONICAL = {
    _bare(spelling): uri for uri, others in _OTHER_SPELLINGS.items() for spelling in (uri, *others)
}


class CodingKey(NamedTuple):
    """What two codings must share to be the same."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Coding:
    """A system and a code as they came; `key`, computed once, is what comparisons use."""

    system: str
    code: str
    display: str = ""
    key: CodingKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", _key(self.system, self.code))

    def to_json(self) -> JsonObject:
        shown = {"system": self.system, "code": self.code, "display": self.display}
        return {name: value for name, value in shown.items() if value}


def _key(system: str, code: str) -> CodingKey:
    """The canonical system with the code trimmed, upper-cased and without modifiers."""
    canonical = canonical_system(system)
    return CodingKey(canonical, _plain_code(canonical, code.strip().rstrip(".").upper()))


def canonical_system(system: str) -> str:
    """One URI for every spelling of a known system.

    An unknown one keeps its own, less scheme and slash.
    """
    if system in _OTHER_SPELLINGS:  # nearly every coding spells its system as its owner does
        return system
    bare = _bare(system)
    return _CANONICAL.get(bare, bare)


def spellings(system: str) -> tuple[str, ...]:
    """Every spelling of a system that counts as its own, in lower case, less scheme and slash."""
    uri = canonical_system(system)
    return tuple(_bare(spelling) for spelling in (uri, *_OTHER_SPELLINGS.get(uri, ())))


def system_name(system: str) -> str:
    """How people call a code system; its own URI where it has no other name."""
    return _NAMES.get(canonical_system(system), system)


def _plain_code(system: str, code: str) -> str:
    if system == ICD_10_CM:
        return code.replace(".", "")
    modified = _MODIFIED[system].match(code) if system in _MODIFIED else None
    return modified.group(1) if modified else code


def read_coding(value: JsonObject) -> Coding:
    """The Coding in a JSON object; parts that are missing are empty."""
    return Coding(text(value.get("system")), text(value.get("code")), text(value.get("display")))


def read_codings(concept: Json) -> tuple[Coding, ...]:
    """The codings of one or many CodeableConcepts that say both system and code."""
    found = [
        read_coding(coding) for part in objects(concept) for coding in objects(part.get("coding"))
    ]
    return tuple([coding for coding in found if coding.system and coding.code])


def read_words(concept: Json) -> tuple[str, ...]:
    """What one or many CodeableConcepts say in words: their texts and displays."""
    return read_texts(concept) + read_displays(concept)


def read_texts(concept: Json) -> tuple[str, ...]:
    """The texts of one or many CodeableConcepts."""
    texts = [text(part.get("text")) for part in objects(concept)]
    return tuple([words for words in texts if words])


def read_displays(concept: Json) -> tuple[str, ...]:
    """The displays of the codings of one or many CodeableConcepts."""
    displays = [
        text(coding.get("display"))
        for part in objects(concept)
        for coding in objects(part.get("coding"))
    ]
    return tuple([words for words in displays if words])
