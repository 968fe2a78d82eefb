"""Lookups: what was looked for in one call, by the client or by us, and with what result.

"Looked for and not there" and "could not be read" lead to different responses, and neither is
"never asked".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

from cds_service.cds_hooks.prefetch import Found, has_failed
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import Json, JsonObject, objects, resource_type, text


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
_HISTORY = "history"
# What a search for all of a patient's resources of a type may be narrowed and shaped by.
_BY_PATIENT = frozenset({"patient", "subject", "code", "_count", "_sort", "_format", "_maxresults"})
_NAMES_A_KIND = re.compile(f"(?:{'|'.join(_TYPE_OF_KEY)})s?", re.IGNORECASE | re.ASCII)
_KEY_START = re.compile("|".join(_TYPE_OF_KEY), re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Lookups:
    """Results of our queries, such as `Organization/5`, and of searches for a type.

    `histories` are the types of which the client has sent all that the patient has, or failed to.
    `causes` are why queries of ours failed, in words of a closed list; `barrier` is why nothing can
    be asked, empty if something can; `sent_keys` are the keys of the prefetch, and `reported` the
    types that the client reports to have failed to read.
    """

    by_query: Mapping[str, Lookup] = field(default_factory=dict)
    by_type: Mapping[str, Lookup] = field(default_factory=dict)
    histories: Mapping[str, Lookup] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)
    barrier: str = ""
    sent_keys: tuple[str, ...] = ()
    reported: frozenset[str] = frozenset()

    def state(self, reference: ResourceKey) -> Lookup:
        """What is known of a reference's target: by reading it, or by searching for its type."""
        return self.by_query.get(str(reference)) or self.state_of_type(reference.type)

    def state_of_read(self, reference: ResourceKey) -> Lookup:
        """The result of reading just this resource; absent too where its whole type is."""
        if self.state_of_type(reference.type) is Lookup.ABSENT:
            return Lookup.ABSENT
        return self.by_query.get(str(reference), Lookup.NOT_ASKED)

    def state_of_search(self, query: str, kind: str) -> Lookup:
        """The result of one search of ours, or of the client's for all of a type."""
        return self.by_query.get(query) or self.histories.get(kind, Lookup.NOT_ASKED)

    def state_of_type(self, kind: str) -> Lookup:
        """The result of searching for resources of one type."""
        return self.by_type.get(kind, Lookup.NOT_ASKED)

    def with_results(
        self, results: Mapping[str, Lookup], causes: Mapping[str, str] = MappingProxyType({})
    ) -> "Lookups":
        """These lookups, and those of more queries of ours, with why some of them failed."""
        searches = {
            query.split("?")[0]: result for query, result in results.items() if "?" in query
        }
        return replace(
            self,
            by_query={**self.by_query, **results},
            by_type={**self.by_type, **searches},
            causes={**self.causes, **causes},
        )


def read_prefetch_lookups(
    prefetch: JsonObject, found: Mapping[str, Sequence[Found]], barrier: str = ""
) -> Lookups:
    """What the client looked for and did not send; `found` holds the resources under each key.

    `barrier` is why we can ask for nothing, if we cannot.
    """
    by_type: dict[str, Lookup] = {}
    for key, value in prefetch.items():
        kind = _type_of(key)
        if kind and _brought_nothing(kind, [item.type for item in found[key]]):
            result = Lookup.FAILED if has_failed(value) else Lookup.ABSENT
            # Of two keys for one type, one that failed leaves it open what the other missed.
            by_type[kind] = Lookup.FAILED if by_type.get(kind) is Lookup.FAILED else result
    return Lookups(
        by_type=by_type,
        histories=_histories(prefetch),
        barrier=barrier,
        sent_keys=tuple(prefetch),
        reported=frozenset(kind for kind in by_type if by_type[kind] is Lookup.FAILED),
    )


def history_key(kind: str) -> str:
    """Under which key discovery asks for all that the patient has of a type."""
    return f"{_HISTORY}{kind}"


def names_a_kind(key: str) -> bool:
    """Whether a prefetch key is no more than the name of a type, as those in discovery are."""
    return _NAMES_A_KIND.fullmatch(key) is not None


def _histories(prefetch: JsonObject) -> dict[str, Lookup]:
    """The types that came whole, and those that the client could not read, by our own keys.

    Of what came in part nothing is known.
    """
    histories: dict[str, Lookup] = {}
    for key, value in prefetch.items():
        kind = key.removeprefix(_HISTORY)
        if kind != key and has_failed(value):
            histories[kind] = Lookup.FAILED
        elif kind != key and _came_whole(value):
            histories[kind] = Lookup.FOUND if value else Lookup.ABSENT
    return histories


def _came_whole(value: Json) -> bool:
    """Whether a value is null, or all of it whole Bundles: what else there is tells nothing."""
    bundles = value if isinstance(value, list) else [value]
    return value is None or all(isinstance(item, dict) and _is_whole(item) for item in bundles)


def _is_whole(bundle: JsonObject) -> bool:
    """Whether a Bundle is all that a search for a patient's resources found (CRD found-24)."""
    links = {
        text(link.get("relation")): text(link.get("url")) for link in objects(bundle.get("link"))
    }
    asked = parse_qs(urlsplit(links.get("self", "")).query)
    return resource_type(bundle) == "Bundle" and "next" not in links and asked.keys() <= _BY_PATIENT


def _brought_nothing(kind: str, types: Sequence[str]) -> bool:
    """Whether a key was looked up in vain: it is empty, or a search for Coverage without one.

    Other things under a key for what a reference names tell nothing of whether that is there.
    """
    return not types or (kind == "Coverage" and kind not in types)


def _type_of(key: str) -> str:
    start = _KEY_START.match(key)
    return _TYPE_OF_KEY[start.group().lower()] if start else ""
