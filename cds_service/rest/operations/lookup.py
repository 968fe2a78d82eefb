"""CodeSystem/$lookup and $validate-code: the concepts of the library's own code systems (R4)."""

from collections.abc import Iterator

from cds_service.errors import CodesNotHeld, MissingParameter, UnknownArtifact
from cds_service.fhir.extension import value_of
from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.library.artifacts import Artifact
from cds_service.rest.operations.codings import AskedCode, read_asked
from cds_service.rest.operations.concepts import Concept, Concepts, read_concepts
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.rest.operations.parameters import Parameters
from cds_service.rest.operations.verdicts import Verdict, judge_any, judge_display


def look_up(library: OperationsLibrary, parameters: Parameters) -> JsonObject:
    """Parameters with name, display and all else that a code system states of one code.

    Raises:
        UnknownArtifact: the code system is not one of the library's, or has no such code.
        HookError: a parameter is missing or cannot be used.
    """
    parameters.refuse(("date",), "name a version of the code system with `version`")
    parameters.refuse(("codeableConcept",), "ask for one `coding`, or for `code` and `system`")
    (asked,) = read_asked(parameters, system="system", version="version")
    if not asked.system:
        raise MissingParameter("a coding to look up has a `system`")
    concepts = library.concepts(asked.system, asked.version)
    if concepts is None:
        version = f" of version `{asked.version}`" if asked.version else ""
        raise UnknownArtifact(f"the code system `{asked.system}`{version} is not held here")
    concept = concepts.find(asked.code)
    if concept is None:
        held = "has no code" if concepts.is_complete else "is not held here with its code"
        raise UnknownArtifact(f"the code system `{concepts.url}` {held} `{asked.code}`")
    wanted = {text(name) for name in parameters.values.get("property", ())}
    return {"resourceType": "Parameters", "parameter": [*_described(concepts, concept, wanted)]}


def _described(concepts: Concepts, concept: Concept, wanted: set[str]) -> Iterator[JsonObject]:
    yield {"name": "name", "valueString": concepts.name}
    if concepts.version:
        yield {"name": "version", "valueString": concepts.version}
    yield {"name": "display", "valueString": concept.display or concept.code}
    if not wanted or "designation" in wanted:
        for designation in concept.designations:
            yield {"name": "designation", "part": [*_designation(designation)]}
    for code, value in _properties(concept):
        if not wanted or code in wanted:
            yield {"name": "property", "part": [{"name": "code", "valueCode": code}, value]}


def _designation(designation: JsonObject) -> Iterator[JsonObject]:
    types = {"language": "valueCode", "use": "valueCoding", "value": "valueString"}
    for name, typed in types.items():
        if name in designation:
            yield {"name": name, typed: designation[name]}


def _properties(concept: Concept) -> Iterator[tuple[str, JsonObject]]:
    """What FHIR defines for every code system first, then what this one states."""
    if concept.definition:
        yield "definition", {"name": "value", "valueString": concept.definition}
    if concept.parent:
        yield "parent", {"name": "value", "valueCode": concept.parent}
    for child in concept.children:
        yield "child", {"name": "value", "valueCode": child}
    for stated in concept.properties:
        typed, value = value_of(stated)
        if typed:
            yield text(stated.get("code")), {"name": "value", typed: value}


def validate_in_system(system: Artifact, parameters: Parameters) -> JsonObject:
    """Parameters that say whether the code that came is one of a CodeSystem of the library.

    Raises:
        CodesNotHeld: the library does not have all its codes, and not this one.
        HookError: a parameter is missing or cannot be used.
    """
    why = "name a CodeSystem of this library with `url`, and its version with `version`"
    parameters.refuse(("codeSystem", "date"), why)
    concepts = read_concepts(system.resource)
    asked = read_asked(parameters, system="url", version="version", default=concepts.url)
    return judge_any(asked, lambda code: _judge(concepts, code)).to_json()


def _judge(concepts: Concepts, asked: AskedCode) -> Verdict:
    if asked.system != concepts.url:
        problem = f"`{asked.code}` is a code of `{asked.system}`, not of {concepts.url}"
        return Verdict(is_valid=False, message=problem)
    if asked.version not in ("", concepts.version):
        problem = f"this is version {concepts.version} of {concepts.url}, not {asked.version}"
        return Verdict(is_valid=False, message=problem)
    concept = concepts.find(asked.code)
    if concept is not None:
        return judge_display(asked, concept.display, concept.designations)
    if not concepts.is_complete:
        raise CodesNotHeld(f"this service does not hold the codes of {concepts.url}")
    return Verdict(is_valid=False, message=f"`{asked.code}` is no code of {concepts.url}")
