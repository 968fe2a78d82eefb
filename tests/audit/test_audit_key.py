"""The audit key: made once, for its owner alone, and refused where it would protect nobody."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cds_service.audit.audit_key import open_audit_key, read_audit_key
from cds_service.errors import SettingError


def key_file(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file with a key."""
    path = directory / "audit.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """And read again after that."""
    path = tmp_path / "data" / "audit.key"
    key = open_audit_key(path)

    assert (len(key), open_audit_key(path)) == (64, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["audit.key"]


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    """Or each would find its own patients only."""
    path = tmp_path / "audit.key"
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(lambda _: open_audit_key(path), range(64)))

    assert len(keys) == 1


def test_a_key_is_what_stands_in_the_file_but_for_blanks(tmp_path: Path) -> None:
    """An editor ends a file with a line break."""
    assert read_audit_key(key_file(tmp_path, b" " + b"k" * 32 + b"\r\n")) == b"k" * 32


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"k" * 31, 0o600, "holds 31 bytes; a key has 32 or more"),
        (b"", 0o600, "holds 0 bytes"),
        (b"k" * 32, 0o644, "is readable by others; chmod 600 it"),
    ],
)
def test_a_key_that_protects_nobody_is_refused(
    tmp_path: Path, content: bytes, mode: int, problem: str
) -> None:
    """The message names the setting and holds nothing of the key."""
    with pytest.raises(SettingError, match="--audit-key") as refused:
        read_audit_key(key_file(tmp_path, content, mode))

    assert problem in str(refused.value)
    assert "kkk" not in str(refused.value)


def test_a_key_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    """With another key nobody would be found."""
    with pytest.raises(SettingError, match="No such file or directory"):
        read_audit_key(tmp_path / "audit.key")

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where its directory should."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SettingError, match=r"cannot make .*: File exists"):
        open_audit_key(tmp_path / "file" / "audit.key")
