"""PostgreSQL's own programs are run with a database, and told no secret that others could see."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from backups import no_progress
from psycopg.conninfo import conninfo_to_dict

from cds_service.database.copying import POSTGRESQL_COPY, copy_database
from cds_service.database.server_programs import dump, load
from cds_service.errors import AuditError

SECRET = "s3cret"  # noqa: S105
HOST = "db.payer.example"
# Each way to write a URL, with the parameters that the program is given, but for the secret.
URLS: dict[str, dict[str, str]] = {
    f"postgresql://crd:{SECRET}@{HOST}/crd": {"user": "crd", "host": HOST, "dbname": "crd"},
    f"postgresql://crd@{HOST}/crd?password={SECRET}": {
        "user": "crd",
        "host": HOST,
        "dbname": "crd",
    },
    f"postgresql://{HOST}/crd?user=crd&password={SECRET}&sslmode=verify-full": {
        "user": "crd",
        "host": HOST,
        "dbname": "crd",
        "sslmode": "verify-full",
    },
    f"postgresql://crd:another@{HOST}:5433/crd?password={SECRET}": {
        "user": "crd",
        "host": HOST,
        "port": "5433",
        "dbname": "crd",
    },
    f"postgresql://{HOST}/crd?password=another&password={SECRET}": {
        "host": HOST,
        "dbname": "crd",
    },
    f"postgresql:///crd?host=/run/postgresql&password=%7332cret&password=%73{SECRET[1:]}": {
        "host": "/run/postgresql",
        "dbname": "crd",
    },
    f"postgresql://crd:{SECRET}@[::1]/crd?options=-c%20search_path%3D'a\\b'": {
        "user": "crd",
        "host": "::1",
        "dbname": "crd",
        "options": "-c search_path='a\\b'",
    },
}
WITHOUT = f"postgresql://crd@{HOST}/crd?passfile=/etc/crd/passfile"
RECORDER = """#!{python} -I
import json, os, sys
kept = {{"arguments": sys.argv[1:], "password": os.environ.get("PGPASSWORD")}}
open({seen!r}, "w").write(json.dumps(kept))
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the programs, the only one on the path."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    return directory


def put_program(directory: Path, name: str, script: str) -> None:
    """A program of this name."""
    program = directory / name
    program.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def seen(programs: Path, tmp_path: Path) -> Path:
    """Where programs write down what they were given."""
    file = tmp_path / "seen.json"
    for name in ("pg_dump", "pg_restore"):
        put_program(programs, name, RECORDER.format(python=sys.executable, seen=str(file)))
    return file


def parameters(arguments: list[str]) -> dict[str, str]:
    """What the argument that names the database holds, as libpq reads it."""
    (address,) = [
        argument.removeprefix("--dbname=")
        for argument in arguments
        if argument.startswith("--dbname=")
    ]
    return {name: str(value) for name, value in conninfo_to_dict(address).items()}


def kept_by(program: str, url: str, directory: Path, seen: Path) -> Any:
    """What a program was given."""
    if program == "pg_dump":
        assert copy_database(url, directory, no_progress) == POSTGRESQL_COPY
    else:
        (directory / "copy").write_bytes(b"dump")
        load(directory / "copy", url, no_progress)
    return json.loads(seen.read_text())


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
@pytest.mark.parametrize("url", URLS, ids=map(str, range(len(URLS))))
def test_a_password_is_no_argument(seen: Path, tmp_path: Path, url: str, program: str) -> None:
    """However the URL has it: whoever lists processes would read it."""
    kept = kept_by(program, url, tmp_path, seen)

    assert kept["password"] == SECRET
    assert parameters(kept["arguments"]) == URLS[url]
    words = (SECRET, "another", "32cret")
    assert [word for argument in kept["arguments"] for word in words if word in argument] == []


def test_a_file_of_passwords_is_named(seen: Path, tmp_path: Path) -> None:
    """It is where it is, and no password is in the environment."""
    kept = kept_by("pg_dump", WITHOUT, tmp_path, seen)

    assert kept["password"] is None
    assert parameters(kept["arguments"])["passfile"] == "/etc/crd/passfile"
    assert "--no-password" in kept["arguments"]  # nobody is there who could type one


@pytest.mark.parametrize("name", ["sslpassword", "scram_client_key", "oauth_client_secret"])
def test_a_secret_that_only_an_argument_could_bear_is_refused(
    seen: Path, tmp_path: Path, name: str
) -> None:
    """No program is started; the message names the parameter and not the secret."""
    with pytest.raises(AuditError, match=f"would show `{name}`") as refused:
        copy_database(f"{WITHOUT}&{name}={SECRET}", tmp_path, no_progress)

    assert SECRET not in str(refused.value)
    assert not seen.exists()
    assert not (tmp_path / POSTGRESQL_COPY).exists()


def test_a_program_that_is_not_there_is_named(programs: Path, tmp_path: Path) -> None:
    """With what it comes with."""
    (tmp_path / "copy").write_bytes(b"dump")

    with pytest.raises(AuditError, match="pg_restore is not installed: it comes with PostgreSQL"):
        load(tmp_path / "copy", WITHOUT, no_progress)


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("pg_dump: error: connection failed: no route", "pg_dump: error: connection failed: no r"),
        (
            "pg_dump: error: aborting because of server version mismatch\n"
            "pg_dump: detail: server version: 17.6; pg_dump version: 15.18 (Debian 15.18-0)",
            r"pg_dump is of PostgreSQL 15\.18 and the server of 17\.6: PostgreSQL wants a pg_dump",
        ),
        ("", "pg_dump: exit status 1"),
    ],
)
def test_what_a_program_complains_of_is_told(
    programs: Path, tmp_path: Path, complaint: str, words: str
) -> None:
    """Its first line, or plainer words; and what it has written is not kept."""
    (tmp_path / "complaint").write_text(complaint)
    put_program(programs, "pg_dump", f"/bin/cat {tmp_path}/complaint >&2; exit 1")

    with pytest.raises(AuditError, match=f"^{words}"):
        dump(WITHOUT, tmp_path / "copy", no_progress)
    assert not (tmp_path / "copy").exists()


def test_a_dump_of_a_later_release_is_told_of(programs: Path, tmp_path: Path) -> None:
    """With what to install."""
    (tmp_path / "copy").write_bytes(b"dump")
    complaint = "pg_restore: error: unsupported version (1.16) in file header"
    put_program(programs, "pg_restore", f"echo '{complaint}' >&2; exit 1")

    with pytest.raises(AuditError, match=r"made by a later pg_dump .* install the client programs"):
        load(tmp_path / "copy", WITHOUT, no_progress)


def test_progress_is_shown_while_a_program_runs(programs: Path, tmp_path: Path) -> None:
    """How much of a dump it has read."""
    (tmp_path / "copy").write_bytes(b"x" * 1000)
    waits = tmp_path / "waits"
    os.mkfifo(waits)
    put_program(programs, "pg_restore", f"/usr/bin/head -c 600 >/dev/null; read line <{waits}")
    seen = []

    def look(doing: str, done: int, of: int) -> None:
        seen.append((doing, of))
        if len(seen) == 1:
            waits.write_text("go on\n")

    load(tmp_path / "copy", WITHOUT, look)

    assert seen[0] == ("restored copy", 1000)


def test_a_program_does_not_go_on_without_us(programs: Path, tmp_path: Path) -> None:
    """If we are ended, it is."""
    started = tmp_path / "started"
    put_program(programs, "pg_dump", f"echo $$ >{started}.new; /bin/mv {started}.new {started}\n"
                "exec /bin/sleep 100")  # fmt: skip

    def end(doing: str, done: int, of: int) -> None:
        while not started.exists():
            pass
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dump(WITHOUT, tmp_path / "copy", end)
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), signal.SIGCONT)
    assert not (tmp_path / "copy").exists()
