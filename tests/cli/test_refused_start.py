"""A refused start is one line that names the cause, in the form that log lines have."""

import json
from pathlib import Path

import pytest
from crd_command import crd, taken_port

pytestmark = pytest.mark.long

WRONG = ("--host", "0.0.0.0")  # noqa: S104


def test_a_refused_start_is_a_json_line_where_log_lines_are() -> None:
    """Whatever collects the lines can read it, and the exit status stays."""
    run = crd("serve", *WRONG, "--log-format", "json")
    (line,) = run.stderr.splitlines()
    written = json.loads(line)

    assert run.returncode == 1
    assert (written["level"], written["event"]) == ("critical", "start-refused")
    assert "--allow-open" in written["cause"]


def test_the_variable_and_the_settings_file_count_too(tmp_path: Path) -> None:
    """Even where the file itself is what is refused."""
    config = tmp_path / "crd.toml"
    config.write_text('log_format = "json"\nno_such_setting = 1\n', encoding="utf-8")

    by_file = crd("serve", "--config", config)
    by_variable = crd("serve", *WRONG, CRD_LOG_FORMAT="json")

    assert "no_such_setting" in json.loads(by_file.stderr)["cause"]
    assert json.loads(by_variable.stderr)["event"] == "start-refused"


def test_a_taken_port_is_named_in_the_same_form(tmp_path: Path) -> None:
    """The address is part of the start."""
    with taken_port() as port:
        run = crd("serve", "--port", port, "--data-dir", tmp_path, "--log-format", "json")

    assert f"cannot listen on 127.0.0.1:{port}" in json.loads(run.stderr.splitlines()[-1])["cause"]


@pytest.mark.parametrize("arguments", [("serve", *WRONG), ("check", "/does/not/exist")])
def test_people_read_a_sentence(arguments: tuple[str, ...]) -> None:
    """Without a form, or for another command, it is an error as commands have it."""
    run = crd(*arguments)

    assert "Error: " in run.stderr
    assert not run.stderr.startswith("{")
