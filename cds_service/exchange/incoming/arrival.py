"""What of a delivery is taken in: artifacts, as their author wrote them, under our own base.

What a server adds when it stores a resource is taken off again; the manifest of an export and
resources that are no artifacts of a library stay outside.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.exchange.canonicals import checked_base, rebase
from cds_service.exchange.incoming.delivery import Delivery, Fault, PassedOver, Received
from cds_service.exchange.manifest import base_of, is_manifest
from cds_service.fhir.resource import JsonObject, resource_type, text

ARTIFACT_TYPES = frozenset(
    (
        "ActivityDefinition",
        "CodeSystem",
        "ConceptMap",
        "Endpoint",
        "InsurancePlan",
        "Library",
        "Location",
        "NamingSystem",
        "Organization",
        "PlanDefinition",
        "Questionnaire",
        "StructureDefinition",
        "ValueSet",
    )
)
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")  # R4 datatypes.html#id
# The members of `meta` that an author writes; a server writes the others (R4 resource.html#Meta).
_AUTHORS = ("id", "extension", "profile", "security", "tag")


def arrive(delivery: Delivery, base: str = "") -> Delivery:
    """The artifacts of a delivery, as they are to stand in a library.

    `base` is the canonical base that ours takes the place of; empty for what the delivery itself
    names, if it names one. Resources of other types are passed over, a line for each type.

    Raises:
        ExchangeError: `base` cannot be a canonical base.
    """
    taken = [item for item in delivery.resources if not is_manifest(item.resource)]
    base = checked_base(base) if base else _stated_base(delivery)
    artifacts = [item for item in taken if resource_type(item.resource) in ARTIFACT_TYPES]
    others = (item for item in taken if resource_type(item.resource) not in ARTIFACT_TYPES)
    written = tuple(Received(item.place, _as_written(item.resource, base)) for item in artifacts)
    return Delivery(
        resources=tuple(item for item in written if _has_fit_id(item.resource)),
        passed_over=(*delivery.passed_over, *_by_type(others)),
        faults=(*delivery.faults, *_bad_ids(written)),
        base=base,
        is_export=len(taken) < len(delivery.resources),
    )


def _stated_base(delivery: Delivery) -> str:
    """The base that the manifest of an export of ours names."""
    bases = [base_of(item.resource) for item in delivery.resources if is_manifest(item.resource)]
    return checked_base(bases[0]) if bases and bases[0] else ""


def _as_written(resource: JsonObject, base: str) -> JsonObject:
    stored = resource.get("meta")
    if isinstance(stored, dict):
        meta = {name: value for name, value in stored.items() if name in _AUTHORS}
        resource = {
            name: meta if name == "meta" else value
            for name, value in resource.items()
            if name != "meta" or meta
        }
    return rebase(resource, base, CANONICAL_BASE) if base else resource


def _by_type(others: Iterable[Received]) -> Iterator[PassedOver]:
    counted = Counter(resource_type(item.resource) for item in others)
    for kind, count in sorted(counted.items()):
        yield PassedOver(f"{kind} ({count})", "no artifact of a library of policies")


def _bad_ids(artifacts: Iterable[Received]) -> Iterator[Fault]:
    for place, resource in artifacts:
        if not _has_fit_id(resource):
            shown = ascii(text(resource.get("id"))[:80])
            problem = f"an artifact has an id of 1 to 64 letters, digits, - and ., not {shown}"
            yield Fault(place, "$.id", problem)


def _has_fit_id(resource: JsonObject) -> bool:
    """Whether its id is one by FHIR's rules, so that a file can be named by it."""
    name = resource.get("id")
    return isinstance(name, str) and _ID.fullmatch(name) is not None
