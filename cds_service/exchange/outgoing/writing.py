"""Files written whole or not at all: beside their place first, then moved there in one step."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

from cds_service.errors import ExchangeError


def check_file_place(path: Path) -> None:
    """Pass if a file can be written there: checked before the work, and again by the writing.

    Raises:
        ExchangeError: it is a directory, or is to be in one that is not there.
    """
    if path.is_dir():
        raise ExchangeError(f"{path} is a directory; name a file in it")
    _check_parent(path)


def check_directory_place(path: Path) -> None:
    """Pass if a directory can be written there: nothing is there yet, or an empty one.

    Raises:
        ExchangeError: there is something.
    """
    if path.exists() and not path.is_dir():
        raise ExchangeError(f"{path} is a file; name a directory, new or empty")
    if path.is_dir() and any(path.iterdir()):
        raise ExchangeError(f"{path} is not empty; name a directory that is new or empty")
    _check_parent(path)


def write_file(path: Path, body: bytes) -> None:
    """Write a file; one that was there is replaced in one step.

    Raises:
        ExchangeError: it cannot be written; what was there is unchanged.
    """
    with _refused(path):
        check_file_place(path)
        place = path.resolve()
        if place.exists() and not place.is_file():
            place.write_bytes(body)  # a pipe or a device is no place for another file
        else:
            _move_there(place, body)


def write_directory(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a directory of files, by their names.

    Raises:
        ExchangeError: it is there and not empty, or cannot be written; nothing is there then.
    """
    with _refused(path):
        check_directory_place(path)
        place = path.resolve()
        unfinished = _beside(place)
        try:
            unfinished.mkdir()
            for name, body in files.items():
                (unfinished / name).write_bytes(body)
            unfinished.replace(place)
        finally:
            rmtree(unfinished, ignore_errors=True)


def _move_there(place: Path, body: bytes) -> None:
    unfinished = _beside(place)
    try:
        with unfinished.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(place)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{token_hex(4)}.part")


def _check_parent(path: Path) -> None:
    parent = path.resolve().parent
    if not parent.is_dir():
        raise ExchangeError(f"{path}: there is no directory {parent} to write it in")


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExchangeError(f"{path} cannot be written: {error.strerror or error}") from error
