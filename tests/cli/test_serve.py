"""`crd serve`: what is on the first screen, an answer over a socket, and what stops the start."""

import json
import urllib.request
from pathlib import Path

import pytest
from crd_command import EXAMPLE, crd, serving, taken_port, url_of
from kept_records import records_in

from cds_service.errors import typed

pytestmark = pytest.mark.long


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
        with urllib.request.urlopen(url, data=EXAMPLE.read_bytes(), timeout=10) as reply:
            response = json.load(reply)

    assert run.returncode == 0
    assert response["cards"][0]["indicator"] == "warning"
    assert [record.hook for record in records_in(tmp_path / "crd.sqlite3")] == ["order-sign"]


def test_links_on_cards_lead_to_the_page_of_the_running_service(tmp_path: Path) -> None:
    """A card's link opens, at the port really taken."""
    with serving("--data-dir", tmp_path) as (_, lines):
        base = url_of(lines)
        with urllib.request.urlopen(
            f"{base}/cds-services/order-sign-crd", data=EXAMPLE.read_bytes()
        ) as reply:
            link = json.load(reply)["cards"][0]["links"][0]["url"]
        with urllib.request.urlopen(link) as page:
            shown = page.read().decode()

    assert link.startswith(base)
    assert f'id="{link.rsplit("#", 1)[1]}"' in shown


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
    run = crd("serve", "--data-dir", tmp_path, "--port", "0", option, value)

    assert run.returncode == 1
    assert key in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("option", "value", "key"),
    [("--database", "mysql:///x", "database_url"), ("--library", "/does/not/exist", "library")],
)
def test_an_unusable_setting_is_named_although_the_port_is_taken(
    tmp_path: Path, option: str, value: str, key: str
) -> None:
    """Another process on the port does not hide what an operator has to mend."""
    with taken_port() as port:
        run = crd("serve", "--data-dir", tmp_path, "--port", port, option, value)

    assert run.returncode == 1
    assert run.stderr.startswith(f"Error: setting {typed(key)}: ")


def test_a_host_that_is_no_host_name_is_named(tmp_path: Path) -> None:
    """A host that cannot even be looked up is one line, not a stack."""
    run = crd("serve", "--data-dir", tmp_path, "--port", "0", "--allow-open", "--host", "a..b")

    assert run.returncode == 1
    assert run.stderr == "Error: setting --host (CRD_HOST): `a..b` is not a host name\n"


def test_a_broken_artifact_stops_the_start_with_file_and_path(tmp_path: Path) -> None:
    """A policy that cannot be used never gets served around."""
    broken = tmp_path / "ValueSet-x.json"
    broken.write_text('{"resourceType": "ValueSet", "id": "x", "status": "active", "surprise": 1}')

    run = crd("serve", "--port", "0", "--data-dir", tmp_path / "data", "--library", tmp_path)

    assert run.returncode == 1
    assert str(broken) in run.stderr
    assert "$.surprise" in run.stderr


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    """The most common first mistake has a plain answer."""
    with taken_port() as port:
        run = crd("serve", "--data-dir", tmp_path, "--port", port)

    assert run.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in run.stderr
