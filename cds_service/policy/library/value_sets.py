"""ValueSets as the codings they hold."""

from cds_service.errors import ArtifactError
from cds_service.fhir.coding import Coding, read_coding
from cds_service.fhir.resource import follow, text
from cds_service.policy.library.artifacts import Artifact


def expand(artifact: Artifact) -> tuple[Coding, ...]:
    """The codings of an extensional ValueSet.

    Raises:
        ArtifactError: it is not extensional, holds nothing, or its `expansion` differs from its `compose`.
    """
    codings = _composed(artifact)
    if not codings:
        raise ArtifactError(artifact.path, "$.compose", "a policy's ValueSet lists its codes")
    expanded = {
        read_coding(one).key for one in follow(artifact.resource, ("expansion", "contains"))
    }
    if "expansion" in artifact.resource and expanded != {coding.key for coding in codings}:
        raise ArtifactError(artifact.path, "$.expansion", "holds other codes than compose")
    return codings


def _composed(artifact: Artifact) -> tuple[Coding, ...]:
    compose = artifact.resource.get("compose") or {}
    for number, include in enumerate(follow(compose, ("include",))):
        if "filter" in include or "valueSet" in include or "concept" not in include:
            raise ArtifactError(
                artifact.path, f"$.compose.include[{number}]", "must list its codes one by one"
            )
    if "exclude" in compose:
        raise ArtifactError(artifact.path, "$.compose.exclude", "must list its codes one by one")
    return tuple(
        Coding(text(include.get("system")), text(concept.get("code")))
        for include in follow(compose, ("include",))
        for concept in follow(include, ("concept",))
    )
