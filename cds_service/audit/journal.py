"""The journal: what keeps writes on this machine while the database is away.

A directory with one file a process, which that process alone may append to, holds locked as long as
it lives, and syncs before an answer leaves. Whoever has the lock replays a file and removes it: its
process, or any other once that is dead.

A file is a sequence of frames: a mark, the length of a body, its CRC-32, the body. A frame that was
torn by the end of its process is known by its length or checksum; it was never acknowledged.
"""

import fcntl
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from errno import EDQUOT
from pathlib import Path
from secrets import token_hex
from struct import Struct
from threading import Lock

import msgspec

from cds_service.audit.rows import Write

_SUFFIX = ".journal"
_HEAD = Struct("<4sII")
_MARK = b"crdJ"


class Journal:
    """The journal of this process in a shared directory; `limit` bounds all files in it, in bytes.

    One thread appends; another may `seal` and replay.
    """

    def __init__(self, directory: Path, limit: int) -> None:
        """Use the directory, made if need be for its owner alone.

        Raises:
            OSError: no file can be made in it.
        """
        self._directory, self._limit = directory, limit
        self._file: _OpenFile | None = None
        self._door = Lock()
        if limit:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(directory).discard()

    @property
    def limit(self) -> int:
        """The most bytes that it takes, 0 for none."""
        return self._limit

    def size(self) -> int:
        """Bytes in the journals of all processes that are not replayed yet.

        Where the directory cannot be read, as without descriptors, they count as full.
        """
        try:
            return self._used()
        except OSError:
            return self._limit

    def _used(self) -> int:
        return sum(_size(path) for path in self._directory.glob(f"*{_SUFFIX}"))

    def append(self, writes: Iterable[Write]) -> None:
        """Keep the writes, synced.

        Raises:
            OSError: they are not kept: it is full, or the disk is.
        """
        data = b"".join(map(_frame, writes))
        with self._door:
            if self._used() + len(data) > self._limit:
                raise OSError(EDQUOT, "the journal is full" if self._limit else "there is none")
            if self._file is None:
                self._file = _create(self._directory)
            try:
                self._file.append(data)
            except OSError:
                self._let_go()  # what is in it up to here is whole, and replayed
                raise

    def seal(self) -> None:
        """Append no more to what is there, so that it can be replayed."""
        with self._door:
            self._let_go()

    def replayable(self) -> Iterator["SealedJournal"]:
        """The files that no living process appends to, each locked until the next is asked for."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            if sealed := _take_over(path):
                with closing(sealed):
                    yield sealed

    def close(self) -> None:
        """Leave what is there to whoever replays it."""
        self.seal()

    def _let_go(self) -> None:
        if self._file:
            self._file.close()
        self._file = None


class _OpenFile:
    """A file of the journal that is locked and appended to."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path, self._size = descriptor, path, 0

    def append(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def discard(self) -> None:
        self._path.unlink()
        self.close()

    def close(self) -> None:
        os.close(self._descriptor)


class SealedJournal:
    """A file of the journal whose process has ended or lets it be replayed; locked by us."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self._descriptor = descriptor
        self._unreadable = 0

    def writes(self) -> Iterator[Write]:
        """What is in it, in order. What cannot be read is passed over."""
        size = os.fstat(self._descriptor).st_size
        if not size:
            return
        with mmap.mmap(self._descriptor, size, prot=mmap.PROT_READ) as data:
            place = behind = 0
            while (place := data.find(_MARK, place)) >= 0:
                if frame := _read_frame(data, place):
                    self._unreadable += place - behind
                    write, place = frame
                    behind = place
                    yield write
                else:
                    place += 1

    def remove(self, *, keep: bool = False) -> int:
        """Remove it, or put it aside if it was damaged before its end, or to `keep` it.

        Returns the bytes in it that could not be read.
        """
        if self._unreadable or keep:
            self.path.rename(self.path.with_suffix(".damaged"))
        else:
            self.path.unlink()
        return self._unreadable

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._descriptor)


def _create(directory: Path) -> _OpenFile:
    """A new file. It is locked before it has the name by which others find it."""
    path = directory / f"{os.getpid()}-{token_hex(8)}{_SUFFIX}"
    hidden = path.with_suffix(".new")
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(hidden, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(path)
        _sync_directory(directory)
    except OSError:
        os.close(descriptor)
        hidden.unlink(missing_ok=True)
        raise
    return _OpenFile(descriptor, path)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_over(path: Path) -> SealedJournal | None:
    """The file, unless somebody else has it or has just removed it, or it is another user's.

    Whoever may write into the directory could put records of their own there.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if found.st_nlink and found.st_uid == os.geteuid():
            return SealedJournal(descriptor, path)
    except OSError:  # locked
        pass
    os.close(descriptor)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # just replayed and removed
        return 0


def _frame(write: Write) -> bytes:
    body = msgspec.msgpack.encode(write)
    return _HEAD.pack(_MARK, len(body), zlib.crc32(body)) + body


def _read_frame(data: mmap.mmap, place: int) -> tuple[Write, int] | None:
    """The write whose frame begins here, and where the next one does; None if it is not whole."""
    begin = place + _HEAD.size
    if begin > len(data):
        return None
    _, length, checksum = _HEAD.unpack_from(data, place)
    body = data[begin : begin + length]
    if len(body) < length or zlib.crc32(body) != checksum:
        return None
    try:
        return msgspec.msgpack.decode(body, type=Write), begin + length
    except msgspec.DecodeError:  # of another release
        return None
