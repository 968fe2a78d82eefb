"""Lookups: what was looked for in one call, by the client or by us, and with what result.

"Looked for and not there" and "could not be read" lead to different responses, and neither is
"never asked".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.cds_hooks.prefetch import Found, has_failed
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject


class Lookup(StrEnum):
    """The result of looking for one thing."""

    FOUND = "found"
    ABSENT = "absent"
    FAILED = "failed"
    NOT_ASKED = "not-asked"


# How the prefetch key for a type begins: in our discovery, and in the clients that write their own
# (`coverageBundle`). A longer name stands before one that it begins with.
_TYPE_OF_KEY: Mapping[str, str] = {
    "communicationrequest": "CommunicationRequest",
    "devicerequest": "DeviceRequest",
    "medicationrequest": "MedicationRequest",
    "nutritionorder": "NutritionOrder",
    "servicerequest": "ServiceRequest",
    "visionprescription": "VisionPrescription",
    "coverage": "Coverage",
    "device": "Device",
    "encounter": "Encounter",
    "medication": "Medication",
    "organization": "Organization",
    "patient": "Patient",
    "payer": "Organization",
}
_KEY_START = re.compile("|".join(_TYPE_OF_KEY), re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Lookups:
    """Results of our queries, such as `Organization/5`, and of searches for a type."""

    by_query: Mapping[str, Lookup] = field(default_factory=dict)
    by_type: Mapping[str, Lookup] = field(default_factory=dict)

    def state(self, reference: ResourceKey) -> Lookup:
        """What is known of a reference's target: by reading it, or by searching for its type."""
        return self.by_query.get(str(reference)) or self.state_of_type(reference.type)

    def state_of_type(self, kind: str) -> Lookup:
        """The result of searching for resources of one type."""
        return self.by_type.get(kind, Lookup.NOT_ASKED)

    def with_results(self, results: Mapping[str, Lookup]) -> "Lookups":
        """These lookups, and those of more queries of ours."""
        searches = {
            query.split("?")[0]: result for query, result in results.items() if "?" in query
        }
        return Lookups({**self.by_query, **results}, {**self.by_type, **searches})


def read_prefetch_lookups(prefetch: JsonObject, found: Mapping[str, Sequence[Found]]) -> Lookups:
    """What the client looked for and did not send; `found` holds the resources under each key."""
    by_type: dict[str, Lookup] = {}
    for key, value in prefetch.items():
        kind = _type_of(key)
        if kind and _brought_nothing(kind, [item.type for item in found[key]]):
            result = Lookup.FAILED if has_failed(value) else Lookup.ABSENT
            # Of two keys for one type, one that failed leaves it open what the other missed.
            by_type[kind] = Lookup.FAILED if by_type.get(kind) is Lookup.FAILED else result
    return Lookups(by_type=by_type)


def _brought_nothing(kind: str, types: Sequence[str]) -> bool:
    """Whether a key was looked up in vain: it is empty, or a search for Coverage without one.

    Other things under a key for what a reference names tell nothing of whether that is there.
    """
    return not types or (kind == "Coverage" and kind not in types)


def _type_of(key: str) -> str:
    start = _KEY_START.match(key)
    return _TYPE_OF_KEY[start.group().lower()] if start else ""
