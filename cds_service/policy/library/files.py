"""The files of a library directory: those that are read, and those that are left alone.

What is hidden is nobody's policy: a Kubernetes volume keeps its versions in `..2026_…` behind a
link `..data`, and editors and `git` keep theirs in files and directories that begin with a dot.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cds_service.errors import ArtifactError

CASES = "cases.json"  # a policy's own tests: beside the artifacts, not one of them

_SUFFIX = ".json"


def library_files(directory: Path) -> list[Path]:
    """Every JSON file below a library directory, cases too, in order.

    A link to a file is one; a link to a directory is not followed.

    Raises:
        ArtifactError: it is not there, or what is in it cannot be seen.
    """
    return sorted(_json_files(directory), key=lambda file: file.parts)


def library_folders(directory: Path) -> list[Path]:
    """The directory itself and those in it that are looked into.

    Raises:
        ArtifactError: as `library_files`.
    """
    return [folder for folder, _ in _walk(directory)]


def read_file(file: Path) -> bytes:
    """What is in a file.

    Raises:
        ArtifactError: it cannot be read, or is not there any more.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ArtifactError(file, "$", f"cannot be read: {error.strerror}") from error


def _json_files(directory: Path) -> Iterator[Path]:
    for folder, names in _walk(directory):
        for name in names:
            if name.endswith(_SUFFIX) and not _is_hidden(name):
                yield folder / name


def _walk(directory: Path) -> Iterator[tuple[Path, list[str]]]:
    def refuse(error: OSError) -> NoReturn:
        """A directory that cannot be seen must not pass for an empty one."""
        place = error.filename or directory
        raise ArtifactError(place, "$", f"cannot be read: {error.strerror}") from error

    try:
        is_there = directory.is_dir()
    except OSError as error:  # one above it may not be entered
        refuse(error)
    if not is_there:
        raise ArtifactError(directory, "$", "no such library directory")
    for folder, folders, names in os.walk(directory, onerror=refuse):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield Path(folder), names


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
