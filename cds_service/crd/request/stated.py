"""What an order states already: the coverage information that some payer wrote onto it."""

from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import JsonObject, first, text


def coverage_of(stated: JsonObject) -> ResourceKey | None:
    """The Coverage that one repetition of the extension is about."""
    named = parts(stated).get("coverage", [])
    return coverage_in(named[0]) if named else None


def coverage_in(part: JsonObject) -> ResourceKey | None:
    """The Coverage that a `coverage` part refers to."""
    reference = first(value_of(part)[1])
    return parse_reference(text(reference.get("reference")))


def stated_for_others(order: JsonObject, coverage: ResourceKey | None) -> frozenset[str]:
    """The numbers of the authorizations that an order states for any Coverage but this one."""
    return frozenset(
        text(value_of(part)[1])
        for stated in find_extensions(order, COVERAGE_INFORMATION)
        if coverage is None or coverage_of(stated) != coverage
        for part in parts(stated).get("satisfied-pa-id", ())
    )
