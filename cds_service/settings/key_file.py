"""Files that hold a secret: for their owner's eyes only, and made once where none is set."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from cds_service.errors import SettingError

_ROOT = 0


def is_exposed(file: os.stat_result, reader: int) -> bool:
    """Whether others than this user may read a file, or change one of root's.

    A group may read what is root's, where that is not the reader: so do a system's own secrets come
    to a user, such as a Secret that Kubernetes mounts, and the user cannot change them.
    """
    is_given = file.st_uid == _ROOT != reader
    return bool(file.st_mode & (0o037 if is_given else 0o077))


def read_key_file(setting: str, path: Path) -> bytes:
    """What a file holds, which the setting of this name leads to.

    Raises:
        SettingError: it cannot be read, or others than its owner may read it.
    """
    try:
        if is_exposed(path.stat(), os.geteuid()):
            raise SettingError(setting, f"{path} is readable by others; chmod 600 it")
        return path.read_bytes()
    except OSError as error:
        raise SettingError(setting, f"cannot read {path}: {error.strerror}") from error


def read_private_file(path: Path) -> bytes:
    """What a file holds that no setting leads to.

    Raises:
        OSError: it cannot be read, or others than its owner may read it.
    """
    if is_exposed(path.stat(), os.geteuid()):
        raise PermissionError(errno.EPERM, "it is readable by others; chmod 600 it")
    return path.read_bytes()


def make_private_file(path: Path, secret: bytes) -> None:
    """Write a secret to a new file, for its owner alone.

    Raises:
        OSError: there is a file already, or it cannot be made.
    """
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secret)


def open_key_file(setting: str, path: Path, make: Callable[[], bytes]) -> bytes:
    """What a file holds; if there is none, what `make` gives is written to it.

    Processes that start together get one and the same.

    Raises:
        SettingError: it cannot be read or made.
    """
    if not path.exists():
        try:
            _write_once(path, make())
        except OSError as error:
            raise SettingError(setting, f"cannot make {path}: {error.strerror}") from error
    return read_key_file(setting, path)


def _write_once(path: Path, secret: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-") as draft:  # mode 0600
        draft.write(secret)
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            # A link never replaces: whoever comes second keeps the key of the first.
            os.link(draft.name, path)
