"""What the library directories hold before an import: the resources in force, and their files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, decode
from cds_service.policy.library.files import CASES, library_files, read_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The resources in force by key, and the files of the directory that takes what comes in.

    `files` are by name, as `ValueSet-x.json`; a name is there once, wherever in it the file is.
    """

    resources: Mapping[ResourceKey, JsonObject]
    files: Mapping[str, Path]

    @property
    def canonicals(self) -> Mapping[str, ResourceKey]:
        """The keys of the resources in force by `url|version`."""
        return {
            f"{resource['url']}|{resource.get('version')}": key
            for key, resource in self.resources.items()
            if "url" in resource
        }


def read_present(before: Iterable[Path], into: Path) -> Present:
    """What the directories `before` and then `into` hold; `into` need not be there yet.

    A file that is no resource is passed over here: the check of the whole names it.

    Raises:
        ArtifactError: a directory or file cannot be read.
    """
    own = library_files(into) if into.exists() else []
    resources: dict[ResourceKey, JsonObject] = {}
    for file in (*(file for directory in before for file in library_files(directory)), *own):
        if file.name != CASES and (resource := _resource(file)) and (key := read_key(resource)):
            resources[key] = resource
    files = {file.name: file for file in own if file.name != CASES}
    return Present(resources=resources, files=files)


def _resource(file: Path) -> JsonObject | None:
    try:
        value = decode(read_file(file))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
