"""Where checkpoints go, out of the reach of the database's owner: a file, a command, a URL.

A file is always kept, because it can be read again: it shows whether the database has been put
back to an older state.
"""

import fcntl
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from cds_service.audit.checkpoint import Checkpoint, read_checkpoint, split_notes
from cds_service.audit.signed_note import SIGNATURE_DASH
from cds_service.errors import NotPublished, RequestFailed, SettingError

# Sends a body to a URL with POST, and raises RequestFailed unless it was taken.
Post = Callable[[str, bytes], None]

_COMMAND = "exec:"
_SECONDS = 5.0  # for a command
_TAIL = 64 * 1024  # bytes; far more than a note
_SETTING = "checkpoints"


class Witness(Protocol):
    """Takes checkpoints and gives nothing back; the same one may come twice."""

    def publish(self, note: str) -> None:
        """Hand on the note of a checkpoint.

        Raises:
            NotPublished: it was not taken; it is to be offered again.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWitness:
    """A command that reads a note from its standard input; no shell is between."""

    arguments: tuple[str, ...]
    seconds: float = _SECONDS

    def publish(self, note: str) -> None:
        """Run the command with the note; it takes it by ending with status 0, in time."""
        try:
            done = subprocess.run(  # noqa: S603
                self.arguments,
                input=note.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotPublished("the command did not end in time") from error
        except OSError as error:
            raise NotPublished(f"the command cannot be run: {error.strerror}") from error
        if done.returncode:
            raise NotPublished(f"the command ended with status {done.returncode}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlWitness:
    """A URL that takes a note with POST, as text."""

    url: str
    post: Post

    def publish(self, note: str) -> None:
        """Send the note."""
        try:
            self.post(self.url, note.encode())
        except RequestFailed as error:
            raise NotPublished(f"the URL did not take it: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFile:
    """A file that checkpoints are appended to, each synced before the next; it never shrinks."""

    path: Path

    def last(self) -> Checkpoint | None:
        """The last checkpoint there, whoever signed it; None if there is none yet.

        Raises:
            OSError: it cannot be read.
            TamperError: what stands there as the last one is none.
        """
        try:
            with self.path.open("rb") as file:
                return _read_end(file).last
        except FileNotFoundError:
            return None

    def append(self, notes: Sequence[str]) -> None:
        """Add the notes that are larger than the last there, in order; processes take turns.

        Raises:
            NotPublished: they could not be made durable, or the file ends with something else.
            TamperError: what stands there as the last checkpoint is none.
        """
        try:
            with _locked(self.path) as file:
                end = _read_end(file)
                due = [note for note in notes if read_checkpoint(note).size > end.size]
                _append_whole(file, end, due)
        except OSError as error:
            raise NotPublished(f"the file cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """All places outside the database: the file that is always kept, and what else is set."""

    file: CheckpointFile
    witnesses: tuple[Witness, ...] = ()


def open_outside(setting: str, default: Path, post: Post) -> Outside:
    """The places that `--checkpoints` names; `default` is the file where it names none.

    Raises:
        SettingError: it names nothing that can be used.
    """
    kept = CheckpointFile(path=default)
    if setting.startswith(_COMMAND):
        arguments = _split_command(setting.removeprefix(_COMMAND))
        return Outside(file=kept, witnesses=(CommandWitness(arguments=arguments),))
    if "://" in setting:
        if urlsplit(setting).scheme != "https":
            raise SettingError(_SETTING, f"`{urlsplit(setting).scheme}` is not https")
        return Outside(file=kept, witnesses=(UrlWitness(url=setting, post=post),))
    return Outside(file=CheckpointFile(path=Path(setting).expanduser()) if setting else kept)


def _split_command(command: str) -> tuple[str, ...]:
    try:
        arguments = tuple(shlex.split(command))
    except ValueError as error:
        raise SettingError(_SETTING, f"the command cannot be read: {error}") from error
    if not arguments:
        raise SettingError(_SETTING, "no command after `exec:`")
    return arguments


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
        if is_new:  # the name is durable only once its directory is
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """The end of a file of checkpoints: its last whole note, where that ends, what is behind it."""

    last: Checkpoint | None = None
    place: int = 0
    rest: bytes = b""

    @property
    def size(self) -> int:
        return self.last.size if self.last else 0


def _read_end(file: BinaryIO) -> _End:
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read(size - start)
    whole = _whole_notes(tail)
    *_, last = (None, *split_notes(whole.decode("utf-8", "replace").splitlines(keepends=True)))
    return _End(
        last=read_checkpoint(last) if last else None,
        place=start + len(whole),
        rest=tail[len(whole) :],
    )


def _whole_notes(tail: bytes) -> bytes:
    """All up to the last signature that was written to the end of its line."""
    lines = tail.splitlines(keepends=True)
    dash = SIGNATURE_DASH.encode()
    while lines and not (lines[-1].startswith(dash) and lines[-1].endswith(b"\n")):
        lines.pop()
    return b"".join(lines)


def _append_whole(file: BinaryIO, end: _End, notes: Sequence[str]) -> None:
    """Write behind what is there: what a crash cut short is the beginning of the same.

    Nothing is ever cut off, so that the file may be one that can only be appended to.
    """
    if not notes:
        return
    octets = ("\n" if end.place else "").encode() + "\n".join(notes).encode()
    begun = end.rest if octets.startswith(end.rest) else b""
    if end.rest.strip() and not begun:
        raise NotPublished("the file ends with something else than checkpoints; name another file")
    left = memoryview(octets)[len(begun) :]
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())
