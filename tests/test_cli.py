"""The `crd` command, run as a user runs it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "order-sign-icare-0600t" / "request.json"


def crd(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One finished run of the command."""
    command = [sys.executable, "-m", "cds_service", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, check=False
    )


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The running service and what it printed first."""
    command = [sys.executable, "-m", "cds_service", "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as run:
        assert run.stdout
        lines = [run.stdout.readline() for _ in range(4)]
        try:
            yield run, lines
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(timeout=20)


def url_of(lines: list[str]) -> str:
    return lines[0].split()[3]


def test_serve_says_where_it_listens_what_it_holds_and_where_to_look(tmp_path: Path) -> None:
    """A newcomer needs three things, and they are on the first screen."""
    with serving("--data-dir", tmp_path) as (_, lines):
        printed = "".join(lines)

    assert "CRD service on http://127.0.0.1:" in lines[0]
    assert "WI.PA-1266" in printed
    assert "SURG.00126" in printed
    assert "/policies and" in printed


def test_serve_answers_on_a_socket_and_keeps_the_answer_when_stopped(tmp_path: Path) -> None:
    """The main job from socket to disk, and a clean exit on SIGTERM."""
    with serving("--data-dir", tmp_path) as (run, lines):
        url = f"{url_of(lines)}/cds-services/order-sign-crd"
        with urllib.request.urlopen(url, data=EXAMPLE.read_bytes(), timeout=10) as response:
            answer = json.load(response)

    assert run.returncode == 0
    assert answer["cards"][0]["indicator"] == "warning"
    connection = sqlite3.connect(tmp_path / "crd.sqlite3")
    assert connection.execute("SELECT hook FROM answer").fetchall() == [("order-sign",)]
    connection.close()


def test_links_on_cards_lead_to_the_page_of_the_running_service(tmp_path: Path) -> None:
    """A card's link opens, at the port really taken."""
    with serving("--data-dir", tmp_path) as (_, lines):
        base = url_of(lines)
        with urllib.request.urlopen(
            f"{base}/cds-services/order-sign-crd", data=EXAMPLE.read_bytes()
        ) as response:
            link = json.load(response)["cards"][0]["links"][0]["url"]
        with urllib.request.urlopen(link) as page:
            shown = page.read().decode()

    assert link.startswith(base)
    assert f'id="{link.rsplit("#", 1)[1]}"' in shown


def test_answer_prints_the_response_without_recording_it(tmp_path: Path) -> None:
    """Offline answers leave nothing behind."""
    run = crd("answer", EXAMPLE, CRD_DATA_DIR=str(tmp_path / "data"))

    assert run.returncode == 0
    assert json.loads(run.stdout)["systemActions"][0]["type"] == "update"
    assert not (tmp_path / "data").exists()


def test_answer_explains_which_rule_spoke_and_why() -> None:
    """The trace names policy version, rule, matched code and each condition's value."""
    run = crd("answer", EXAMPLE, "--explain")

    for words in (
        "icare-wi-pa-1266|2024.10.8",
        "ire-any-indication speaks",
        "|0600T",
        "true",
        "not-covered",
    ):
        assert words in run.stdout


def test_answer_refuses_what_the_service_refuses(tmp_path: Path) -> None:
    """The same OperationOutcome, and exit status 1."""
    request = tmp_path / "request.json"
    request.write_text('{"hook": "order-sign"}')

    run = crd("answer", request)

    assert run.returncode == 1
    assert json.loads(run.stdout)["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("body", ["{", "[]", '{"hook": "patient-view"}'])
def test_answer_says_what_is_wrong_with_a_file_that_is_no_hook_request(
    tmp_path: Path, body: str
) -> None:
    """No stack, whatever the file."""
    request = tmp_path / "request.json"
    request.write_text(body)

    run = crd("answer", request)

    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stdout or run.stderr


def test_check_runs_every_policys_cases() -> None:
    """The built-in library passes its own cases."""
    run = crd("check")

    assert run.returncode == 0
    assert "0 findings" in run.stderr


def test_check_names_the_case_that_fails(tmp_path: Path) -> None:
    """A finding is one line: file, case, difference; exit status 1."""
    cases = {
        "members": {"nobody": {"coverage": {"resourceType": "Coverage", "id": "c"}}},
        "cases": [
            {
                "name": "never",
                "order": {},
                "member": "nobody",
                "date": "2025-01-01",
                "expect": {"covered": "covered", "rule": None},
            }
        ],
    }
    (tmp_path / "cases.json").write_text(json.dumps(cases))

    run = crd("check", tmp_path)

    assert run.returncode == 1
    assert "cases.json: never: covered is conditional, expected covered" in run.stdout


@pytest.mark.parametrize(
    ("option", "value", "key"),
    [
        ("--port", "http", "port"),
        ("--host", "0.0.0.0", "host"),  # noqa: S104
        ("--database", "mysql:///x", "database"),
        ("--auth", "none", "auth"),
        ("--library", "/does/not/exist", "/does/not/exist"),
    ],
)
def test_a_bad_setting_stops_the_start_and_is_named(
    tmp_path: Path, option: str, value: str, key: str
) -> None:
    """An operator reads one line and knows what to mend."""
    run = crd("serve", "--data-dir", tmp_path, option, value)

    assert run.returncode == 1
    assert key in run.stderr
    assert "Traceback" not in run.stderr


def test_a_broken_artifact_stops_the_start_with_file_and_path(tmp_path: Path) -> None:
    """A policy that cannot be used never gets served around."""
    broken = tmp_path / "ValueSet-x.json"
    broken.write_text('{"resourceType": "ValueSet", "id": "x", "status": "active", "surprise": 1}')

    run = crd("serve", "--data-dir", tmp_path / "data", "--library", tmp_path)

    assert run.returncode == 1
    assert str(broken) in run.stderr
    assert "$.surprise" in run.stderr


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    """The most common first mistake has a plain answer."""
    with serving("--data-dir", tmp_path / "one") as (_, lines):
        port = url_of(lines).rsplit(":", 1)[1]
        run = crd("serve", "--data-dir", tmp_path / "two", "--port", port)

    assert run.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in run.stderr
