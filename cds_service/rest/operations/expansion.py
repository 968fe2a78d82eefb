"""ValueSet/$expand: the codes of a ValueSet, filtered and by pages (R4, ValueSet-expand)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from cds_service.errors import TooCostly
from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.library.artifacts import Artifact
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.rest.operations.members import Member
from cds_service.rest.operations.parameters import Parameters

MOST_CODES = 10_000  # in one answer
# These choose other codes than a ValueSet of this library states.
REFUSED = (
    "context",
    "valueSet",
    "date",
    "exclude-system",
    "system-version",
    "check-system-version",
    "force-system-version",
)
WHY_REFUSED = "name a ValueSet of this library with `url`, and its version with `valueSetVersion`"
# The rest of what stands beside the expansion; the narrative would speak of other codes.
_NOT_IN_ANSWER = ("text", "compose", "expansion")


def expand(
    library: OperationsLibrary, value_set: Artifact, parameters: Parameters, today: date
) -> JsonObject:
    """The ValueSet with its expansion, as of a day.

    Raises:
        TooCostly: its codes cannot be listed, or are too many for one answer.
        HookError: a parameter cannot be used.
    """
    parameters.refuse(REFUSED, WHY_REFUSED)
    offset, count = parameters.count("offset") or 0, parameters.count("count")
    found = _filtered(_members(library, value_set), parameters.text("filter"))
    if count is None and len(found) > MOST_CODES:
        raise TooCostly(f"{len(found)} codes: ask for pages with `count` and `offset`")
    shown = found[offset : offset + min(MOST_CODES if count is None else count, MOST_CODES)]
    with_designations = parameters.is_true("includeDesignations")
    expansion: JsonObject = {
        "identifier": _identifier(library, value_set, parameters),
        "timestamp": f"{today.isoformat()}T00:00:00Z",
        "total": len(found),
        "offset": offset,
        "parameter": [*_used(parameters), *_systems(found)],
        "contains": [_contained(member, with_designations=with_designations) for member in shown],
    }
    kept = {name: part for name, part in value_set.resource.items() if name not in _NOT_IN_ANSWER}
    if parameters.is_true("includeDefinition"):
        kept["compose"] = value_set.resource["compose"]
    return {**kept, "expansion": {name: part for name, part in expansion.items() if part != []}}


def _members(library: OperationsLibrary, value_set: Artifact) -> tuple[Member, ...]:
    coded = library.coded_set(value_set)
    if coded.codes.is_listed:
        return coded.members
    systems = ", ".join(sorted(coded.codes.covered))
    raise TooCostly(
        f"{text(value_set.resource.get('url'))} takes codes by a rule, and this service has no "
        f"list of the codes of {systems}"
    )


def _filtered(members: Sequence[Member], words: str) -> Sequence[Member]:
    """Those in which each word of a filter begins some word of the code or what is known of it."""
    wanted = words.casefold().split()
    if not wanted:
        return members
    return [member for member in members if _fits(member, wanted)]


def _fits(member: Member, wanted: Iterable[str]) -> bool:
    words = "".join(f" {word}" for word in member.words)
    return all(f" {start}" in words for start in wanted)


def _identifier(library: OperationsLibrary, value_set: Artifact, parameters: Parameters) -> str:
    """One name for equal expansions: of a set of policies, with the same parameters."""
    asked = sorted((name, str(values)) for name, values in parameters.values.items())
    named = f"{library.digest} {value_set.resource['id']} {asked}"
    return f"urn:uuid:{uuid5(NAMESPACE_URL, named)}"


def _used(parameters: Parameters) -> Iterator[JsonObject]:
    """The parameters that made the expansion what it is."""
    if words := parameters.text("filter"):
        yield {"name": "filter", "valueString": words}
    for name in ("count", "offset"):
        number = parameters.count(name)
        if number is not None:
            yield {"name": name, "valueInteger": number}
    for name in ("includeDesignations", "includeDefinition"):
        if parameters.text(name):
            yield {"name": name, "valueBoolean": parameters.is_true(name)}


def _systems(members: Sequence[Member]) -> Iterator[JsonObject]:
    """The code systems that the codes are of, each with its version if one is stated."""
    used = {(member.system, member.version) for member in members}
    for system, version in sorted(used):
        yield {"name": "used-codesystem", "valueUri": f"{system}|{version}" if version else system}


def _contained(member: Member, *, with_designations: bool) -> JsonObject:
    stated: JsonObject = {
        "system": member.system,
        "version": member.version,
        "code": member.code,
        "display": member.display,
        "designation": list(member.designations) if with_designations else [],
    }
    return {name: value for name, value in stated.items() if value}
