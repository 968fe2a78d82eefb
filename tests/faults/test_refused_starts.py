"""A bad value of any setting stops the start, and its line names the setting (G6)."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from faults.workers import NotServing, Worker, stopped_in_the_end

from cds_service.errors import SettingError
from cds_service.settings import all_settings, read_settings

pytestmark = pytest.mark.long

BAD_CLIENTS = "[clients.north]\niss = 5\n"
GOOD_CLIENTS = """
[clients.north]
iss = "https://ehr.example.invalid"
jku = "http://127.0.0.1:9/keys"
test = true
"""
# Settings that any text is read of: a value that is of no use; `{}` is a directory that holds a
# `file` of no use.
BAD: Mapping[str, str] = {
    "host": "no such host",
    "library": "/nowhere/at/all",
    "data_dir": "{}/file",
    "database_url": "mysql://localhost/crd",
    "audit_key": "{}/file",
    "checkpoint_key": "{}/file",
    "checkpoints": "http://witness.example.invalid",
    "journal": "{}/file",
    "retention": "answer=soon",
    "authorizations": "{}/file",
    "clients": "{}/file",
    "token_key": "{}/file",
    "ca_file": "{}/file",
}
OF_JWT = ("clients", "token_key")
WITH_JWT = ("--auth", "jwt", "--base-url", "https://crd.example.invalid")


READ = sorted({setting.name for setting in all_settings()} - BAD.keys())


@pytest.mark.parametrize("name", READ)
def test_a_senseless_value_is_refused_when_it_is_read(name: str) -> None:
    """So is every setting that does not stand in the table above."""
    with pytest.raises(SettingError) as refused:
        read_settings({}, {name: "senseless value"})

    assert option_of(name) in str(refused.value)


@pytest.mark.parametrize("name", BAD)
def test_a_start_is_refused_in_one_line_that_names_the_setting(name: str, tmp_path: Path) -> None:
    """As it is typed; no traceback, and the process ends by itself."""
    value = BAD[name].replace("{}", str(tmp_path))
    for file, text in (("file", BAD_CLIENTS), ("clients.toml", GOOD_CLIENTS)):
        (tmp_path / file).touch(0o600)
        (tmp_path / file).write_text(text)
    needed = (*WITH_JWT, "--clients", str(tmp_path / "clients.toml")) if name in OF_JWT else ()
    arguments = (*needed, option_of(name), value)
    worker = Worker(directory=tmp_path / "data", arguments=arguments)
    with stopped_in_the_end([worker]), pytest.raises(NotServing) as refused:
        worker.start()

    assert option_of(name) in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert not worker.is_running


def option_of(name: str) -> str:
    """How a setting is typed."""
    (setting,) = (setting for setting in all_settings() if setting.name == name)
    return str(setting.option).split("/")[0]
