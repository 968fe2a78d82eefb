"""ValueSets as the codings they hold."""

from cds_service.fhir.coding import Coding, read_coding
from cds_service.fhir.resource import follow, text
from cds_service.policy.library.artifacts import Artifact


def expand(artifact: Artifact) -> tuple[Coding, ...]:
    """The codings of an extensional ValueSet.

    Raises:
        ArtifactError: not extensional, or empty, or its `expansion` differs from its `compose`.
    """
    codings = _composed(artifact)
    if not codings:
        raise artifact.broken("$.compose", "a policy's ValueSet lists its codes")
    contained = follow(artifact.resource, ("expansion", "contains"))
    expanded = {read_coding(concept).key for concept in contained}
    if "expansion" in artifact.resource and expanded != {coding.key for coding in codings}:
        raise artifact.broken("$.expansion", "holds other codes than compose")
    return codings


def _composed(artifact: Artifact) -> tuple[Coding, ...]:
    """The codings that `compose` lists.

    Raises:
        ArtifactError: it states them otherwise, by a filter, say: then only a terminology server
            knows them.
    """
    compose = artifact.resource.get("compose") or {}
    if "exclude" in compose:
        raise artifact.broken("$.compose.exclude", "must list its codes one by one")
    codings: list[Coding] = []
    for position, include in enumerate(follow(compose, ("include",))):
        if "filter" in include or "valueSet" in include or "concept" not in include:
            raise artifact.broken(
                f"$.compose.include[{position}]", "must list its codes one by one"
            )
        system = text(include.get("system"))
        for concept in follow(include, ("concept",)):
            codings.append(Coding(system, text(concept.get("code"))))
    return tuple(codings)
