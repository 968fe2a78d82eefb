"""The library: FHIR resources read from directories, checked strictly, each with its file.

Later directories overlay earlier ones: a resource of the same type and id replaces the earlier one
whole.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cds_service.errors import ArtifactError
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.library.faults import Faults
from cds_service.policy.library.files import CASES, library_files, read_file
from cds_service.policy.library.proving import Prover
from cds_service.policy.library.sealing import note_seal, read_seal, sealed_name

# Progress on a long read: how many files of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One resource and its file."""

    path: Path
    resource: JsonObject

    def broken(self, where: str, problem: object) -> ArtifactError:
        """The error to raise for a fault at the JSON path `where`."""
        return ArtifactError(self.path, where, str(problem))

    def needed(self, name: str) -> str:
        """The text of an element that must be there.

        Raises:
            ArtifactError: it is not.
        """
        value = text(self.resource.get(name))
        if not value:
            raise self.broken(f"$.{name}", "a policy needs it")
        return value


@dataclass(frozen=True, slots=True)
class Library:
    """All artifacts, by type and id and by pinned canonical (`url|version`)."""

    by_key: Mapping[ResourceKey, Artifact]
    by_canonical: Mapping[str, Artifact]

    def of_type(self, kind: str) -> Iterator[Artifact]:
        """The artifacts of one resource type, by id."""
        return (self.by_key[key] for key in sorted(self.by_key) if key.type == kind)


def builtin_library() -> Path:
    """The library of the service itself: inside the installed package, or beside a checkout's."""
    package = Path(str(resources.files("cds_service")))
    installed = package / "fhir_library"
    return installed if installed.is_dir() else package.parent / "fhir_library"


def no_progress(_done: int, _of: int) -> None:
    """No progress is shown."""


def read_library(
    directories: Iterable[Path],
    progress: Progress = no_progress,
    *,
    prover: Prover | None = None,
) -> Library:
    """Every artifact under `directories`, proved by `prover` or, as far as it is, by its seal.

    Raises:
        ArtifactError: a directory is missing, or files in it are not valid FHIR resources; all
            such files are named.
    """
    files = [
        (directory, file)
        for directory in directories
        for file in library_files(directory)
        if file.name != CASES
    ]
    by_key: dict[ResourceKey, tuple[Path, Artifact]] = {}
    places = {directory for directory, _ in files}
    seals = {directory: read_seal(directory) for directory in places}
    prover, faults = prover or Prover(), Faults()
    for number, (directory, file) in enumerate(files, start=1):
        with faults.gathered():
            name, seal = sealed_name(directory, file), seals[directory]
            artifact = Artifact(file, prover.read(file, read_file(file), name, seal))
            key = _key(artifact)
            before = by_key.get(key)
            if before and before[0] == directory:
                raise artifact.broken("$.id", f"{key} is also in {before[1].path}")
            by_key[key] = directory, artifact
        progress(number, len(files))
    faults.raise_all()
    for directory, seal in seals.items():
        note_seal(directory, seal, prover.unsealed)
    artifacts = {key: artifact for key, (_, artifact) in by_key.items()}
    return Library(artifacts, _by_canonical(artifacts.values()))


@contextmanager
def taken_as_proved(library: Library) -> Iterator[None]:
    """A block that reads the artifacts as the valid resources that they were proved to be.

    Raises:
        ArtifactError: it could not, for a seal was made over files that are none; all are named.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError):
        prover, faults = Prover(), Faults()
        for artifact in library.by_key.values():
            with faults.gathered():
                prover.check(artifact.path, artifact.resource)
        faults.raise_all()
        raise  # they are valid: the fault is ours


def _key(artifact: Artifact) -> ResourceKey:
    key = read_key(artifact.resource)
    if key is None:
        raise ArtifactError(artifact.path, "$.id", "an artifact needs an id")
    if artifact.path.name != f"{key.type}-{key.id}.json":
        raise ArtifactError(
            artifact.path, "$.id", f"the file of this resource is named {key.type}-{key.id}.json"
        )
    return key


def _by_canonical(artifacts: Iterable[Artifact]) -> dict[str, Artifact]:
    found: dict[str, Artifact] = {}
    for artifact in artifacts:
        if url := text(artifact.resource.get("url")):
            canonical = f"{url}|{text(artifact.resource.get('version'))}"
            if canonical in found:
                raise ArtifactError(
                    artifact.path, "$.url", f"{canonical} is also in {found[canonical].path}"
                )
            found[canonical] = artifact
    return found
