"""The audit key: the deployer's secret, under which patients and members are found in the store.

Without it a hash of a member id tells nothing; with another one nobody is found.
"""

from pathlib import Path
from secrets import token_hex

from cds_service.errors import SettingError
from cds_service.settings.key_file import open_key_file, read_key_file

FILE_NAME = "audit.key"  # in the data directory, where no other file is set
_SETTING = "audit_key"
_FEWEST = 32  # bytes: of a key that is guessed, all hashes can be reversed
_MADE = 32  # bytes, written as hexadecimal digits


def read_audit_key(path: Path) -> bytes:
    """The key in a file: what stands in it, but for blanks at either end.

    Raises:
        SettingError: there is none, it is too short, or others than its owner may read it.
    """
    return _check(path, read_key_file(_SETTING, path))


def open_audit_key(path: Path) -> bytes:
    """The key in a file, made if there is none; processes that start together get one and the same.

    Raises:
        SettingError: it cannot be read or made.
    """
    return _check(path, open_key_file(_SETTING, path, _make))


def _make() -> bytes:
    return f"{token_hex(_MADE)}\n".encode()


def _check(path: Path, content: bytes) -> bytes:
    key = content.strip()
    if len(key) < _FEWEST:
        raise SettingError(_SETTING, f"{path} holds {len(key)} bytes; a key has {_FEWEST} or more")
    return key
