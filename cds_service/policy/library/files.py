"""The files of a library directory: those that are read, and those that are left alone.

What is hidden is nobody's policy: a Kubernetes volume keeps its versions in `..2026_…` behind a
link `..data`, and editors and `git` keep theirs in files and directories that begin with a dot.
"""

import errno
import os
import stat
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
    return sorted(map(Path, library_names(directory)), key=lambda file: file.parts)


def library_names(directory: Path) -> Iterator[str]:
    """The paths of the same files, in no order: quicker for who looks at them all and reads none.

    Raises:
        ArtifactError: as `library_files`, once it is come to.
    """
    for folder, names in _walk(directory):
        for name in names:
            if name.endswith(_SUFFIX) and not _is_hidden(name):
                yield os.path.join(folder, name)  # noqa: PTH118  # a Path takes ten times as long


def library_folders(directory: Path) -> list[Path]:
    """The directory itself and those in it that are looked into.

    Raises:
        ArtifactError: as `library_files`.
    """
    return [Path(folder) for folder, _ in _walk(directory)]


def read_file(file: Path) -> bytes:
    """What is in a file.

    Raises:
        ArtifactError: it cannot be read, or is not there any more.
    """
    try:
        return read_regular(file)
    except OSError as error:
        raise ArtifactError(file, "$", f"cannot be read: {error.strerror}") from error


def read_regular(file: Path) -> bytes:
    """What is in a file, or at the end of a link to one; a pipe or a device might never end.

    Raises:
        OSError: it is no regular file, cannot be read, or is not there.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        pieces: list[bytes] = []
        while piece := os.read(descriptor, seen.st_size + 1):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _walk(directory: Path) -> Iterator[tuple[str, list[str]]]:
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
        yield folder, names


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
