"""Files for their owner alone: made new, copied piece by piece, and synced; nothing is overwritten.

What is made is taken away again by the `ExitStack` that is handed over, unless that is kept.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cds_service.errors import AuditError

# What is being done with which file, bytes done, and of how many; 0 where that is not known.
Progress = Callable[[str, int, int], None]

_PIECE = 1 << 20  # bytes that are held at a time, however large the file


def make_directories(path: Path, undo: ExitStack) -> None:
    """Make a directory, and those above it that are missing, each for its owner alone.

    Raises:
        OSError: it cannot be made, or a file is there.
    """
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=0o700)
            undo.callback(_remove_empty, directory)


def _remove_empty(directory: Path) -> None:
    with suppress(OSError):  # something else is in it by now
        directory.rmdir()


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file to write, for its owner alone: synced at the end, or not there if that is not met.

    Raises:
        OSError: there is one already, or it cannot be written.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        undo.pop_all()


def copy_file(source: Path, target: Path, progress: Progress, doing: str) -> str:
    """Copy a file to a new one; the SHA-256 of what was copied, in hexadecimal digits.

    Raises:
        OSError: there is one already, or it cannot be copied.
    """
    digest = sha256()
    with source.open("rb") as file, new_file(target) as copy:
        for piece in _pieces(file, progress, doing):
            digest.update(piece)
            copy.write(piece)
    return digest.hexdigest()


def digest_of(path: Path, progress: Progress, doing: str) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = sha256()
    with path.open("rb") as file:
        for piece in _pieces(file, progress, doing):
            digest.update(piece)
    return digest.hexdigest()


def _pieces(file: BinaryIO, progress: Progress, doing: str) -> Iterator[bytes]:
    done, size = 0, os.fstat(file.fileno()).st_size
    while piece := file.read(_PIECE):
        yield piece
        done += len(piece)
        progress(doing, done, max(done, size))  # a journal grows meanwhile


def put_in_place(draft: Path, target: Path, undo: ExitStack) -> None:
    """Give a finished file the name that others find it by.

    Raises:
        AuditError: something has that name.
        OSError: the file system cannot do it.
    """
    try:
        os.link(draft, target)  # a link never replaces, as a rename would
    except FileExistsError as error:
        raise AuditError(f"{target} is there already: nothing is overwritten") from error
    undo.callback(target.unlink, missing_ok=True)
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """See that the names in a directory survive a power cut.

    Raises:
        OSError: they may not.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def file_errors(doing: str) -> Iterator[None]:
    """What the system refuses, in words for the person who asked for it: `doing` what, and why.

    Raises:
        AuditError: the system refused something.
    """
    try:
        yield
    except OSError as error:
        raise AuditError(f"{doing}: {words_of(error)}") from error


def words_of(error: OSError) -> str:
    """What the system refused, with the file if it names one: a full disk names none."""
    words = error.strerror or str(error) or type(error).__name__
    return words if error.filename is None else f"{os.fsdecode(error.filename)}: {words}"
