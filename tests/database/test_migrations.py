"""Migrations: an empty file is set up, what is older waits for the command, a newer is refused."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from signed_logs import SIGNER, sequencer_of
from sqlalchemy import Engine, inspect, text, update
from stores import kept, record, together

from cds_service.audit.log import open_log
from cds_service.audit.mentions import mention
from cds_service.audit.migration import find_schema, migrate_store
from cds_service.audit.reading import Reader
from cds_service.audit.verification import VerificationRequest, verify_log
from cds_service.cli.audit.migrate import migrate as command
from cds_service.database import migrations
from cds_service.database.engine import open_engine, reading, writing
from cds_service.database.migrations import migrate, read_schema
from cds_service.database.schema_check import newest_revision, require_schema
from cds_service.database.tables import METADATA, SERVED
from cds_service.errors import SettingError
from cds_service.fhir.resource import decode

KEY = b"k" * 32
# The schema of the release before there were migrations, with what it kept.
FORMER = """
CREATE TABLE answer (
    id TEXT PRIMARY KEY, at TEXT NOT NULL,
    hook TEXT NOT NULL, hook_instance TEXT NOT NULL, version TEXT NOT NULL,
    decisions TEXT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL
);
CREATE TABLE feedback (
    card TEXT NOT NULL, outcome TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (card, outcome, at)
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
DECISIONS = '[{"order":"ServiceRequest/1","payer":"icare","assertion":"x-1"}]'
REQUEST = '{"context":{"patientId":"p-1"}}'
RESPONSE = '{"cards":[{"uuid":"c-1","weight":1.50}]}'


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine of an empty database."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def former(tmp_path: Path) -> str:
    """The URL of a file of the former release, with 450 answers and two reactions."""
    path = tmp_path / "crd.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(FORMER)
        add_answers(connection, range(450))
        connection.executemany(
            "INSERT INTO feedback VALUES (?, ?, ?, ?)",
            [
                ("c-1", "accepted", "2026-11-20T12:00:00Z", '{"card":"c-1"}'),
                ("c-1", "overridden", "yesterday", "no JSON"),
            ],
        )
    return f"sqlite:///{path}"


def add_answers(connection: sqlite3.Connection, numbers: range) -> None:
    """Keep answers as the former release did."""
    at = "2026-11-20T12:00:00+00:00"
    rows = [
        (f"a-{number:03}", at, "order-sign", "h-1", "2.2", DECISIONS, REQUEST, RESPONSE)
        for number in numbers
    ]
    connection.executemany("INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def test_a_migrated_database_has_the_tables_of_this_release(engine: Engine) -> None:
    """The migrations, step by step, lead to what `tables` describes."""
    migrate(engine)

    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    """The schemas before and after tell what was done."""
    first, second = migrate(engine), migrate(engine)

    assert [schema.current for schema in first] == [None, first[1].head]
    assert [schema.current for schema in second] == [first[1].head] * 2


def test_a_store_of_the_release_before_gets_the_new_tables_and_keeps_its_rows(
    engine: Engine,
) -> None:
    """And the release before could go on with it: what it has is left as it was."""
    migrate(engine)
    tables = (
        "activation",
        "approval",
        "policy_set",
        "shadow",
        "shadow_effect",
        "allowance",
        "lease",
        "served_schema",
    )
    with writing(engine) as connection:
        for table in tables:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        connection.execute(
            text("INSERT INTO hold VALUES ('order', '1', 'why', '2026-11-20 12:00:00')")
        )

    before, after = migrate(engine)
    assert (before.current, after.is_current) == ("0001", True)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.execute(text("SELECT count(*) FROM hold")).scalar_one() == 1


def test_two_that_migrate_at_once_do_it_once(database_url: str) -> None:
    """Two operators, or two starts on an empty file, wait for each other."""
    engines = [open_engine(database_url) for _ in range(4)]
    together([partial(migrate, engine) for engine in engines])

    assert [read_schema(engine).is_current for engine in engines] == [True] * 4
    for engine in engines:
        engine.dispose()


def test_an_empty_file_is_set_up_by_a_start(tmp_path: Path) -> None:
    """Two lines of the README need nothing but Python."""
    open_log(f"sqlite:///{tmp_path / 'crd.sqlite3'}").close()

    with closing(sqlite3.connect(tmp_path / "crd.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM record").fetchall() == [(0,)]


def test_a_newer_schema_is_refused_and_left_as_it_is(engine: Engine) -> None:
    """Neither a start nor a migration touches what a newer release wrote."""
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DELETE FROM served_schema"))

    for refused in (require_schema, migrate):
        with pytest.raises(SettingError, match=r"9999.*newer"):
            refused(engine)
    assert read_schema(engine).current == "9999"


def leave_newer_schema(engine: Engine, oldest: str) -> None:
    """Leave what a newer release does that adds a table, and lets programs from `oldest` on."""
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE added (id INTEGER)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(update(SERVED).values(oldest=oldest))


def test_the_release_before_serves_a_newer_schema_that_lets_it(database_url: str) -> None:
    """So that going back after a migration does; and its own migration has nothing to do."""
    engine = open_engine(database_url)
    leave_newer_schema(engine, newest_revision())
    before, after = migrate(engine)
    engine.dispose()
    with closing(open_log(database_url)) as log:
        log.write(record("a-1"))

    assert (before.current, after.current) == ("9999", "9999")
    assert kept(database_url) == ["a-1"]


def test_a_newer_schema_that_has_taken_something_away_is_refused(engine: Engine) -> None:
    """It says from which programs on it may be served, and this one is older."""
    leave_newer_schema(engine, "9998")

    with pytest.raises(SettingError, match=r"9999.*does not let this one"):
        require_schema(engine)


def test_every_migration_from_now_on_says_which_programs_it_lets() -> None:
    """None of those that come after, and none that an earlier one has refused."""
    versions = Path(migrations.__file__).with_name("versions")
    texts = {
        file.stem[-4:]: file.read_text("utf-8")
        for file in sorted(versions.glob("*_[0-9][0-9][0-9][0-9].py"))
        if file.stem[-4:] >= "0005"
    }
    lets = re.compile(r'^oldest_program = "(\d{4})"$', re.MULTILINE)
    found = [(program, revision) for revision in texts for program in lets.findall(texts[revision])]

    assert len(found) == len(texts) > 0
    assert all(program <= revision for program, revision in found)
    assert found == sorted(found)


def test_the_command_tells_that_a_newer_schema_may_be_served(tmp_path: Path) -> None:
    """And exits as where nothing is due."""
    url = f"sqlite:///{tmp_path / 'crd.sqlite3'}"
    engine = open_engine(url)
    leave_newer_schema(engine, newest_revision())
    engine.dispose()
    options = ["--database", url, "--data-dir", str(tmp_path)]
    runs = [CliRunner().invoke(command, [*options, *more]) for more in (["--check"], [])]

    assert [run.exit_code for run in runs] == [0, 0]
    assert "may serve this newer one" in runs[0].output
    assert "schema 9999: nothing to migrate" in runs[1].output


def test_another_programs_database_is_not_taken_for_an_empty_one(engine: Engine) -> None:
    """A table that is not ours waits for an operator's word."""
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))

    with pytest.raises(SettingError, match="crd audit migrate"):
        require_schema(engine)
    assert inspect(engine).get_table_names() == ["theirs"]


def test_a_former_file_stops_the_start_and_names_the_command(former: str) -> None:
    """It is older, so it is migrated by an operator."""
    with pytest.raises(SettingError, match="run `crd audit migrate` first"):
        open_log(former)


def test_the_records_of_a_former_file_are_kept(former: str) -> None:
    """Each answer and reaction is a record, found by what it mentions, and marked as former."""
    migrate_store(former, KEY, lambda _: None)

    engine = open_engine(former)
    reader = Reader(engine)
    answers = list(reader.find([mention("patient", "p-1", KEY)], kind="answer"))
    reactions = list(reader.find([mention("card", "c-1", KEY)], kind="feedback"))
    engine.dispose()
    payload = decode(answers[0].payload)
    assert (len(answers), len(reactions)) == (450, 2)
    assert payload["former"]
    assert b'"response":{"cards":[{"uuid":"c-1","weight":1.50}]}' in answers[0].payload


def test_a_store_that_was_migrated_is_sound(former: str, tmp_path: Path) -> None:
    """Nothing looks altered, also where a client wrote a time that is none."""
    migrate_store(former, KEY, lambda _: None)
    engine = open_engine(former)
    sequencer_of(engine, tmp_path / "checkpoints").run_round()
    request = VerificationRequest(
        verifiers=[SIGNER.verifier], audit_key=KEY, copied=None, now=datetime.now(UTC)
    )
    verification = verify_log(engine, request, lambda _done, _of: None)
    engine.dispose()

    assert verification.findings == []
    assert verification.records == 452


def test_the_command_refuses_a_database_of_another_program(tmp_path: Path) -> None:
    """It leaves it as it is."""
    path = tmp_path / "theirs.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    options = ["--database", f"sqlite:///{path}", "--data-dir", str(tmp_path)]
    refused = CliRunner().invoke(command, options)
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()

    assert refused.exit_code == 1
    assert "another program has tables there, such as `theirs`" in refused.output
    assert tables == [("theirs",)]


def test_records_a_former_program_adds_later_are_copied_by_a_second_migration(
    former: str,
) -> None:
    """The former release may run until the new one has taken over; nothing is doubled."""
    migrate_store(former, KEY, lambda _: None)
    path = former.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        add_answers(connection, range(450, 460))
    migrate_store(former, KEY, lambda _: None)

    engine = open_engine(former)
    assert len(list(Reader(engine).all_records())) == 462
    engine.dispose()


def test_the_command_shows_what_it_does(former: str, tmp_path: Path) -> None:
    """What is due, what was done, and that nothing is left; with the exit status for scripts."""
    options = ["--database", former, "--data-dir", str(tmp_path)]
    runs = [
        CliRunner().invoke(command, [*options, *more])
        for more in (["--check"], [], ["--check"], [])
    ]

    assert [run.exit_code for run in runs] == [1, 0, 0, 0]
    assert "schema none; this release needs 0005" in runs[0].output
    assert "schema migrated from none to 0005" in runs[1].output
    assert "452 records of the former schema are there" in runs[1].output
    assert "nothing to migrate" in runs[3].output


def test_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    """What the command prints holds no secret."""
    with pytest.raises(SettingError, match="cannot be reached") as caught:
        find_schema("postgresql://someone:canary@127.0.0.1:1/nothing")

    assert "someone:***@127.0.0.1" in str(caught.value)
    assert "canary" not in str(caught.value)
