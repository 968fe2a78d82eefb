"""NDJSON of a set: a file for each type, a resource a line (HL7 Bulk Data)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from cds_service.fhir.resource import JsonObject, encode, resource_type


def ndjson_files(resources: Iterable[JsonObject]) -> Mapping[str, bytes]:
    """The files by name, such as `PlanDefinition.ndjson`, in the order of the names."""
    lines: dict[str, list[bytes]] = defaultdict(list)
    for resource in resources:
        lines[f"{resource_type(resource)}.ndjson"].append(encode(resource) + b"\n")
    return {name: b"".join(lines[name]) for name in sorted(lines)}
