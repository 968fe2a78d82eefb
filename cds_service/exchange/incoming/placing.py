"""Putting checked files into a directory: all of them, or none.

They are written aside first, in a hidden folder that nobody reads as policies, and checked there.
Then they are moved into place one by one. What a failed move leaves is undone; if the process is
killed between two moves, the next import into this directory begins by making the others.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from cds_service.errors import ExchangeError

_STAGING = ".crd-import"
_CHECKED = ".crd-import-checked"
_BEFORE = ".crd-import-before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A directory with new files beside it: `files` is where those stand until they are moved."""

    directory: Path

    @property
    def files(self) -> Path:
        """The new files, laid out as they will be in the directory."""
        return self.directory / _STAGING

    def write(self, bodies: Mapping[PurePath, bytes]) -> None:
        """Put these files aside, in place of those put aside before.

        Raises:
            ExchangeError: they cannot be written.
        """
        try:
            _discard(self.files)
            for file, body in bodies.items():
                path = self.files / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            self.files.mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(self.directory, error) from error

    def place(self, files: Sequence[PurePath]) -> None:
        """Move the files that were put aside into place, in this order.

        Raises:
            ExchangeError: one cannot be moved, and those before it are back where they were.
        """
        before = self.directory / _BEFORE
        try:
            _keep(self.directory, files, before)
            self.files.rename(self.directory / _CHECKED)
            _move(self.directory / _CHECKED, self.directory, files, before)
        except OSError as error:
            raise _unwritable(self.directory, error) from error
        finally:
            _discard(before)
            _discard(self.directory / _CHECKED)


@contextmanager
def opened_stage(directory: Path) -> Iterator[Stage]:
    """A stage for one import into a directory, which is made if it is not there.

    What a former import was killed over is finished first.

    Raises:
        ExchangeError: another import into it is under way, or it cannot be written to.
    """
    made = _make(directory)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        _lock(directory, descriptor)
        finish_former(directory)
        yield Stage(directory=directory)
    finally:
        os.close(descriptor)
        _discard(directory / _STAGING)
        if made and not any(directory.iterdir()):
            directory.rmdir()


def finish_former(directory: Path) -> None:
    """Move into place what an import had checked and was killed over; discard what it had not.

    Raises:
        ExchangeError: it cannot be done.
    """
    checked = directory / _CHECKED
    try:
        if checked.is_dir():
            for file in sorted(file for file in checked.rglob("*") if file.is_file()):
                _put(file, directory / file.relative_to(checked))
        for left in (_CHECKED, _BEFORE, _STAGING):
            _discard(directory / left)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _make(directory: Path) -> bool:
    if directory.is_dir():
        return False
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(directory, error) from error
    return True


def _lock(directory: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ExchangeError(f"{directory}: another import into it is under way") from error


def _keep(directory: Path, files: Sequence[PurePath], before: Path) -> None:
    """Copies of the files that others will take the place of."""
    for file in files:
        if (directory / file).exists():
            kept = before / file
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(directory / file, kept)


def _move(checked: Path, directory: Path, files: Sequence[PurePath], before: Path) -> None:
    moved: list[PurePath] = []
    try:
        for file in files:
            _put(checked / file, directory / file)
            moved.append(file)
    finally:  # whatever ends it, be it an interruption
        if len(moved) < len(files):
            for file in reversed(moved):
                _undo(directory / file, before / file)


def _undo(file: Path, before: Path) -> None:
    if before.exists():
        before.replace(file)
    else:
        file.unlink()


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _discard(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _unwritable(directory: Path, error: OSError) -> ExchangeError:
    return ExchangeError(f"{directory}: cannot be written to: {error.strerror or error}")
