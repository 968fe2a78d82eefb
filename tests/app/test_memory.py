"""The memory of a running service: its keys, and what it leaves when it is closed."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.app.memory import open_memory
from cds_service.errors import SettingError
from cds_service.settings import Settings

SHARED = Settings(database_url="postgresql://crd@127.0.0.1:1/crd", audit_key="a")


@pytest.mark.parametrize(
    ("missing", "settings"),
    [
        ("--audit-key", replace(SHARED, audit_key="")),
        ("--checkpoint-key", SHARED),
        ("--token-key", replace(SHARED, checkpoint_key="b", auth="jwt")),
    ],
)
def test_hosts_that_share_a_database_share_their_keys(
    tmp_path: Path, missing: str, settings: Settings
) -> None:
    """Each with a key of its own, none would find the patients of the other."""
    with pytest.raises(SettingError, match=missing):
        open_memory(replace(settings, data_dir=str(tmp_path)))

    assert list(tmp_path.iterdir()) == []


def test_a_service_of_its_own_makes_its_keys_once(tmp_path: Path) -> None:
    """For its owner's eyes alone; the next start has the same."""
    settings = Settings(data_dir=str(tmp_path / "data"))
    keys: list[Any] = []
    for _ in range(2):
        with closing(open_memory(settings)) as memory:
            keys.append(memory.audit_key)

    assert keys[0] == keys[1]
    made = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert made.keys() >= {"audit.key", "checkpoint.key", "crd.sqlite3", "journal"}
    assert {mode for name, mode in made.items() if name != "journal"} == {0o600}


def test_a_key_that_cannot_be_used_leaves_no_log_open(tmp_path: Path) -> None:
    """The start is refused, and whoever mends the key can start at once."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "checkpoint.key").write_text("no key")
    (data / "checkpoint.key").chmod(0o600)
    settings = Settings(data_dir=str(data))

    with pytest.raises(SettingError, match="--checkpoint-key"):
        open_memory(settings)
    (data / "checkpoint.key").unlink()

    open_memory(settings).close()
