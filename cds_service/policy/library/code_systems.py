"""CodeSystems of the library: which codes are below which, for ValueSets that take them so."""

from collections.abc import Iterator

from cds_service.fhir.resource import JsonObject, objects, text
from cds_service.policy.library.artifacts import Artifact, Library


class CodeSystems:
    """The CodeSystems of one library, each read when a ValueSet first asks for its codes."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._children: dict[str, dict[str, list[str]]] = {}

    def below(self, system: str, version: str, code: str, *, itself: bool) -> list[str]:
        """The codes below a code, at any depth; with itself if it is to be among them.

        Raises:
            ValueError: the library does not have that system whole, or the system not that code.
        """
        children = self._read(self._find(system, version))
        if code not in children:
            raise ValueError(f"`{code}` is no code of {system}")
        found: dict[str, None] = {}
        waiting = [code]
        while waiting:
            at = waiting.pop(0)
            if at not in found:
                found[at] = None
                waiting.extend(children.get(at, ()))
        return [below for below in found if itself or below != code]

    def _find(self, system: str, version: str) -> Artifact:
        candidates = [
            artifact
            for artifact in self._library.of_type("CodeSystem")
            if artifact.resource.get("url") == system
            and version in ("", artifact.resource.get("version"))
        ]
        if len(candidates) != 1:
            count = "several" if candidates else "no"
            raise ValueError(f"the library has {count} CodeSystem {system} {version}".rstrip())
        if candidates[0].resource.get("content") != "complete":
            raise ValueError(f"the library does not have all codes of {system}")
        return candidates[0]

    def _read(self, artifact: Artifact) -> dict[str, list[str]]:
        key = f"{artifact.resource.get('url')}|{artifact.resource.get('version')}"
        if key not in self._children:
            children: dict[str, list[str]] = {}
            for parent, child in _pairs(artifact.resource):
                children.setdefault(child, [])
                if parent:
                    children.setdefault(parent, []).append(child)
            self._children[key] = children
        return self._children[key]


def _pairs(system: JsonObject) -> Iterator[tuple[str, str]]:
    """Every code below another, with that; one that is below none with an empty text."""
    waiting = [("", concept) for concept in objects(system.get("concept"))]
    while waiting:
        parent, concept = waiting.pop()
        code = text(concept.get("code"))
        yield parent, code
        waiting.extend((code, inner) for inner in objects(concept.get("concept")))
        for stated in objects(concept.get("property")):
            match text(stated.get("code")):
                case "parent":
                    yield text(stated.get("valueCode")), code
                case "child":
                    yield code, text(stated.get("valueCode"))
