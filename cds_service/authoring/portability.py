"""Portability: what of a policy another engine might take for more than it is (design: 4.18).

Advice, not faults: this service reads such a policy as it is meant. An engine that cannot evaluate
a condition of ours drops the action it stands on; what is left must not read as an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.artifacts import Artifact, Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to write so that a policy says the same, or nothing, elsewhere."""

    file: Path
    where: str
    words: str


def find_advice(library: Library) -> Iterator[Advice]:
    """Advice on the policies and ValueSets of a library that are in use."""
    for artifact in library.of_type("PlanDefinition"):
        if artifact.resource["status"] == "active":
            yield from _of_policy(artifact)
    for artifact in library.of_type("ValueSet"):
        if _lists_codes(artifact.resource) and "expansion" not in artifact.resource:
            words = "give the codes in `expansion` too: most engines read nothing else"
            yield Advice(file=artifact.path, where="$.expansion", words=words)


def _of_policy(artifact: Artifact) -> Iterator[Advice]:
    for number, outer in enumerate(objects(artifact.resource.get("action"))):
        where = f"$.action[{number}]"
        if not objects(outer.get("condition")):
            words = "give the outer action a condition that tests the codes of its rules"
            yield Advice(file=artifact.path, where=where, words=words)
        for inner, rule in enumerate(objects(outer.get("action"))):
            if first(rule.get("input")).get("codeFilter") and not _tests_codes(rule):
                words = "test the codes in a condition too: `%codes.where(memberOf('…')).exists()`"
                yield Advice(file=artifact.path, where=f"{where}.action[{inner}]", words=words)


def _tests_codes(rule: JsonObject) -> bool:
    conditions = objects(rule.get("condition"))
    return any(
        "%codes" in text(first(condition.get("expression")).get("expression"))
        for condition in conditions
    )


def _lists_codes(value_set: JsonObject) -> bool:
    includes = objects(first(value_set.get("compose")).get("include"))
    return bool(includes) and all("concept" in include for include in includes)
