"""A SQLite file as the file system has it: whose it is, whether it is still there, and whole.

A commit that SQLite reports as durable is lost all the same if somebody has removed the file or cut
it short: SQLite goes on in what it holds open. So the files themselves are looked at.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from threading import RLock
from typing import NamedTuple

_OWNER_ALONE = 0o600
_BESIDE = ("-wal", "-shm", "-journal")
# The wal-index (`-shm`) begins with two copies of a header of 48 bytes, the log (`-wal`) with 32
# bytes; in the log 24 bytes stand before each page (SQLite, "WAL-mode File Format", 1.2, 2.1, 2.3).
_INDEX = struct.Struct("=14x H I 4x 2I 16x")  # bytes of a page, frames, checksum of the last one
_SALTS = slice(32, 40)
_CHECKSUM = struct.Struct(">2I")
_LOG_HEADER = 32
_FRAME_HEADER = 24


def prepare_file(path: Path) -> None:
    """Make the file at `path` if need be; it and what SQLite puts beside it are its owner's alone.

    A directory made for it is the owner's too. SQLite gives the files beside it the same mode.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ALONE))
    for found in files_of(path):
        if found.exists() and found.stat().st_mode & 0o077:
            found.chmod(_OWNER_ALONE)


def files_of(path: Path) -> Iterator[Path]:
    """The file, and those that SQLite puts beside it, there or not."""
    yield path
    yield from (path.with_name(path.name + suffix) for suffix in _BESIDE)


class _LogEnd(NamedTuple):  # not a dataclass: every commit makes two and compares them
    """Where the write-ahead log ends: frames in it, bytes of one, and what its last one holds."""

    frames: int
    frame_size: int
    salts: bytes
    checksum: tuple[int, int]

    @property
    def last(self) -> int:
        """Where its last frame begins, in bytes."""
        return _LOG_HEADER + (self.frames - 1) * self.frame_size


class FileWatch:
    """Tells whether a SQLite file in write-ahead mode is still the one that was opened, and whole.

    Look before a transaction and after its commit, and what was committed in between is in the
    files that the path leads to. Threads may share it.
    """

    def __init__(self, path: Path) -> None:
        """Watch the file at `path`, from now on the only right one.

        Raises:
            OSError: it is not there.
        """
        # Names and no Paths, which cost each commit as much as the system calls.
        self._file, self._log, self._index = str(path), f"{path}-wal", f"{path}-shm"
        self._identities = {self._file: _identity(path.stat())}
        self._size, self._is_shorter = path.stat().st_size, False
        self._end: _LogEnd | None = None
        self._log_fd = self._index_fd = -1
        self._door = RLock()

    def attach(self) -> None:
        """Watch the files beside it too; a connection is open, and has read.

        Raises:
            OSError: they are not there.
        """
        with self._door:
            self.detach()
            self._log_fd = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
            self._index_fd = os.open(self._index, os.O_RDONLY | os.O_CLOEXEC)
            self._identities[self._log] = _identity(os.fstat(self._log_fd))
            self._identities[self._index] = _identity(os.fstat(self._index_fd))

    def detach(self) -> None:
        """Watch them no more: with its last connection SQLite removes them."""
        with self._door:
            for descriptor in (self._log_fd, self._index_fd):
                if descriptor >= 0:
                    os.close(descriptor)
            self._log_fd = self._index_fd = -1
            self._end = None
            self._identities = {self._file: self._identities[self._file]}

    def look(self) -> str:
        """What is wrong with the files, in words for an operator; empty if nothing is."""
        with self._door:
            for name, identity in self._identities.items():
                found = _stat(name)
                if found is None or _identity(found) != identity:
                    return f"{Path(name).name} was moved or removed while the service ran"
                if name == self._file:
                    self._is_shorter |= found.st_size < self._size
                    self._size = found.st_size
            if self._log_fd >= 0 and not self._log_is_whole():
                return f"{Path(self._log).name} was cut short or overwritten while the service ran"
        return ""

    def has_shrunk(self) -> bool:
        """Whether a look since the last time this was asked found the file shorter than before.

        Somebody has cut it short or made it compact: a check of its pages tells which.
        """
        with self._door:
            is_shorter, self._is_shorter = self._is_shorter, False
            return is_shorter

    def _log_is_whole(self) -> bool:
        """Whether the log ends as its index says, and has what was its end at the last look."""
        before = self._end
        while (end := self._read_end()) is not None:
            self._end = end
            is_grown = before is not None and before != end and before.salts == end.salts
            if self._holds(end) and not (is_grown and before and not self._holds(before)):
                return True
            if self._read_end() == end:
                return False
        return True  # its index is being written just now, by a program that looks for itself

    def _read_end(self) -> _LogEnd | None:
        """The end of the log as its index has it; None while both copies there differ."""
        header = os.pread(self._index_fd, 2 * _INDEX.size, 0)
        if header[: _INDEX.size] != header[_INDEX.size :] or len(header) < _INDEX.size:
            return None
        page_size, frames, *checksum = _INDEX.unpack_from(header)
        size = _FRAME_HEADER + (65536 if page_size == 1 else page_size)
        return _LogEnd(frames, size, header[_SALTS], (checksum[0], checksum[1]))

    def _holds(self, end: _LogEnd) -> bool:
        """Whether the log on disk has this last frame, whole."""
        if not end.frames:
            return True
        frame = os.pread(self._log_fd, end.frame_size, end.last)
        return (
            len(frame) == end.frame_size
            and frame[8:16] == end.salts
            and _CHECKSUM.unpack_from(frame, 16) == end.checksum
        )


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)  # noqa: PTH116
    except OSError:
        return None


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
