"""What operations ask of one set of policies: artifacts by id and canonical, codes and concepts."""

from collections.abc import Mapping, Sequence
from threading import Lock

from cds_service.errors import ArtifactError, CodesNotHeld, UnknownArtifact
from cds_service.exchange.outgoing.packaging import Packages
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import text
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.value_sets import ValueSets
from cds_service.rest.operations.concepts import Concepts, read_concepts
from cds_service.rest.operations.members import CodedSet, Described


class OperationsLibrary:
    """One set of policies as the operations read it; `digest` is its name.

    A ValueSet is compiled when it is first asked for: a service may hold ten thousand.
    """

    def __init__(self, library: Library, digest: str) -> None:
        self.library, self.digest = library, digest
        self._concepts = _by_url(library)
        self._value_sets = ValueSets(library)
        self._described = Described(library.by_canonical, self._concepts)
        self._named = _by_name(library)
        self._packages: Packages | None = None
        self._compiling = Lock()
        self._compiled: dict[str, CodedSet] = {}

    def get(self, kind: str, identity: str) -> Artifact:
        """The artifact of a type with an id; raises UnknownArtifact."""
        artifact = self.library.by_key.get(ResourceKey(kind, identity))
        if artifact is None:
            raise UnknownArtifact(f"there is no {kind} with the id `{identity}`")
        return artifact

    def resolve(self, kind: str, canonical: str, version: str = "") -> Artifact:
        """The artifact of a type with a canonical url, which may carry its version after a `|`.

        Without a version it is the newest: one that is active before others, then by its date.

        Raises:
            UnknownArtifact: there is none.
        """
        url, _, pinned = canonical.partition("|")
        wanted = version or pinned
        found = [
            artifact
            for artifact in self._named.get((kind, url), ())
            if wanted in ("", text(artifact.resource.get("version")))
        ]
        if not found:
            named = f"`{url}`{f' of version `{wanted}`' if wanted else ''}"
            raise UnknownArtifact(f"there is no {kind} {named}")
        return max(found, key=_newest)

    def concepts(self, system: str, version: str = "") -> Concepts | None:
        """The concepts of a code system, of its newest version if none is named; or None."""
        versions = self._concepts.get(system, {})
        if version:
            return versions.get(version)
        return versions[max(versions, key=_parts)] if versions else None

    def packages(self) -> Packages:
        """The packages of these policies, whose ties are found when one is first asked for."""
        with self._compiling:
            self._packages = self._packages or Packages(self.library)
            return self._packages

    def coded_set(self, artifact: Artifact) -> CodedSet:
        """The codes of a ValueSet.

        Raises:
            CodesNotHeld: its definition names what this library cannot resolve.
        """
        canonical = f"{text(artifact.resource.get('url'))}|{text(artifact.resource.get('version'))}"
        with self._compiling:
            if canonical not in self._compiled:
                self._compiled[canonical] = self._compile(artifact, canonical)
            return self._compiled[canonical]

    def _compile(self, artifact: Artifact, canonical: str) -> CodedSet:
        try:
            code_set = self._value_sets.find(canonical)
        except ArtifactError as error:
            problem = error.problem.splitlines()[0]
            raise CodesNotHeld(f"the codes of {canonical} cannot be told: {problem}") from error
        if code_set is None:
            raise UnknownArtifact(f"there is no ValueSet {canonical}")
        return CodedSet(code_set, self._described.members(artifact, code_set.codings))


def _by_name(library: Library) -> Mapping[tuple[str, str], Sequence[Artifact]]:
    """The artifacts by type and canonical url."""
    found: dict[tuple[str, str], list[Artifact]] = {}
    for key, artifact in library.by_key.items():
        if url := text(artifact.resource.get("url")):
            found.setdefault((key.type, url), []).append(artifact)
    return found


def _by_url(library: Library) -> Mapping[str, Mapping[str, Concepts]]:
    """The concepts of each CodeSystem by url and version."""
    found: dict[str, dict[str, Concepts]] = {}
    for artifact in library.of_type("CodeSystem"):
        concepts = read_concepts(artifact.resource)
        found.setdefault(concepts.url, {})[concepts.version] = concepts
    return found


def _newest(artifact: Artifact) -> tuple[bool, str, tuple[tuple[int, str], ...]]:
    resource = artifact.resource
    is_active = resource.get("status") == "active"
    return is_active, text(resource.get("date")), _parts(text(resource.get("version")))


def _parts(version: str) -> tuple[tuple[int, str], ...]:
    """A version in its parts, of which numbers count as numbers: 2.10 comes after 2.9."""
    return tuple(
        (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part)  # noqa: PLR2004
        for part in version.split(".")
    )
