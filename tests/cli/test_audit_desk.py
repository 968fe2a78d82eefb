"""`crd audit show, find, hold, purge, export` and `crd metrics`: what is printed, and recorded."""

import csv
import io
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result
from crd_command import ROOT
from fakes import NOON, builtin_index
from hook_requests import bundle, coverage, order_sign, patient, service_request
from replaying import with_token
from scripted_ehr import ScriptedEhr
from signed_logs import SIGNER, signer_called, write_key
from sqlalchemy import Engine
from stored_calls import Calls, desk_of, readings, seal, store_in

from cds_service.audit.export import FORMATS, ExportedRecord, whole
from cds_service.audit.mentions import mention
from cds_service.cli.audit.export import export
from cds_service.cli.audit.find import find
from cds_service.cli.audit.hold import hold
from cds_service.cli.audit.opening import user_name
from cds_service.cli.audit.prove import prove
from cds_service.cli.audit.purge import purge
from cds_service.cli.audit.show import show
from cds_service.cli.metrics import metrics
from cds_service.database.engine import writing
from cds_service.errors import AuditError
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex
from cds_service.settings import all_settings

JsonObject = dict[str, Any]

KEY = b"a key of the deployer's, for tests only"


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The store in a data directory."""
    store = store_in(tmp_path)
    file = tmp_path / "audit.key"
    file.write_bytes(KEY + b"\n")
    file.chmod(0o600)
    yield store
    store.dispose()


@pytest.fixture
def calls(engine: Engine, index: PolicyIndex) -> Calls:
    """Calls that are kept in it."""
    return Calls(engine, index, audit_key=KEY)


def run(command: click.Command, directory: Path, *arguments: str, **invoked: Any) -> Result:
    """One run of a command on the store in a directory."""
    unset: dict[str, str | None] = {setting.variable: None for setting in all_settings()}
    given = [*arguments, "--data-dir", str(directory)]
    return CliRunner().invoke(command, given, env=unset, catch_exceptions=False, **invoked)


def member_call(member: str) -> JsonObject:
    """A call about a member of iCare."""
    prefetch = {"patient": patient(), "coverage": bundle(coverage(subscriberId=member))}
    return order_sign(version="2.2", prefetch=prefetch)


def test_show_prints_the_dossier_or_the_whole_record(tmp_path: Path, calls: Calls) -> None:
    """And records who has read it."""
    record = calls.call(member_call("M-1"))
    assertion = record["decisions"][0]["assertion"]

    shown, given = run(show, tmp_path, assertion), run(show, tmp_path, assertion, "--json")

    assert shown.output.startswith("The call\n--------\n")
    assert "determined  not-covered; because not-reasonable-necessary" in shown.output
    assert decode(given.output.encode())["record"] == record
    read = [(by["who"], by["command"], by["subject"]) for by in readings(calls.engine)]
    assert read == [(user_name(), "audit show", assertion)] * 2


def test_show_of_what_is_not_there_is_one_line(tmp_path: Path, calls: Calls) -> None:
    """And is recorded all the same."""
    found = run(show, tmp_path, "unknown")

    assert (found.exit_code, found.output) == (
        1,
        "Error: no record has this assertion id or id\n",
    )
    assert [by["subject"] for by in readings(calls.engine)] == ["unknown"]


def test_an_empty_database_is_most_often_the_wrong_one(tmp_path: Path) -> None:
    """Nothing is made of it."""
    found = run(show, tmp_path, "a-1")

    assert found.exit_code == 1
    assert found.output == (
        "Error: setting --database (CRD_DATABASE_URL): "
        "nothing has been recorded there; is it the right one?\n"
    )


def columns(output: str, *names: str) -> list[tuple[str, ...]]:
    """Some columns of a printed table."""
    heading, *lines = output.splitlines()
    starts = [heading.index(name) for name in names]
    ends = [
        next((place for place in sorted(_starts(heading)) if place > start), None)
        for start in starts
    ]
    return [
        tuple(line[start:end].strip() for start, end in zip(starts, ends, strict=True))
        for line in lines
    ]


def _starts(heading: str) -> list[int]:
    return [
        place
        for place, character in enumerate(heading)
        if character != " " and (place == 0 or heading[place - 1] == " ")
    ]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--member", "M-1"], ["M-1"]),
        (["--member", "M-9"], []),
        (["--patient", "member-1"], ["M-2", "M-1"]),
        (["--patient", "Patient/member-1", "--member", "M-2"], ["M-2"]),
        (["--order", "ServiceRequest/order-1"], ["M-2", "M-1"]),
        (["--code", "http://www.ama-assn.org/go/cpt|0600T"], ["M-2", "M-1"]),
        (["--code", "https://www.ama-assn.org/go/cpt|0600t"], ["M-2", "M-1"]),
        (["--code", "http://www.ama-assn.org/go/cpt|0601T"], []),
        (["--date", "2026-11-01"], ["M-2", "M-1"]),
        (["--date", "2026-11-02"], []),
        (["--payer", "icare", "--plan", "icare-medicare-advantage"], ["M-2", "M-1"]),
        (["--hook", "order-select"], []),
        (["--client", "north"], []),
        (["--since", "2026-11-20T12:00:01"], ["M-2"]),
        (["--until", "2026-11-20T12:00:01Z"], ["M-1"]),
        (["--kind", "feedback"], []),
    ],
)
def test_find_shows_what_matches_all_that_is_named(
    tmp_path: Path, calls: Calls, arguments: list[str], found: list[str]
) -> None:
    """The latest first."""
    of_member = {
        calls.call(member_call(member), at=NOON + timedelta(minutes=number))["decisions"][0][
            "assertion"
        ]: member
        for number, member in enumerate(("M-1", "M-2"))
    }
    shown = run(find, tmp_path, *arguments)

    assert shown.exit_code == 0
    if not found:
        assert shown.output == "Nothing was found.\n"
    else:
        rows = columns(shown.output, "Assertion", "Determined")
        assert [(of_member[row[0]], row[1]) for row in rows] == [
            (member, "not-covered") for member in found
        ]


def test_find_says_that_there_is_more_and_shows_each_order(tmp_path: Path, calls: Calls) -> None:
    """A call about two orders has two lines; the limit is of calls."""
    two = [service_request("0600T", id="a"), service_request("0601T", id="b")]
    calls.call(order_sign(*two, version="2.2"))
    calls.call(member_call("M-2"), at=NOON + timedelta(minutes=1))
    shown = run(find, tmp_path, "--limit", "1")
    every = run(find, tmp_path)

    assert len(shown.stdout.splitlines()) == 2
    assert shown.stderr == "there are more than these 1; name more, or a larger --limit\n"
    assert [row[0] for row in columns(every.stdout, "Order")] == [
        "ServiceRequest/order-1",
        "ServiceRequest/a",
        "ServiceRequest/b",
    ]
    assert every.stderr == ""


def test_a_refusal_is_found_with_its_record_id(tmp_path: Path, calls: Calls) -> None:
    """It has neither order nor assertion."""
    record = calls.call(order_sign(version="9.9"))
    shown = run(find, tmp_path)

    assert columns(shown.output, "Status", "Assertion") == [("422", f"record {record['id']}")]


def test_find_as_json_prints_whole_records_and_keeps_no_member_id(
    tmp_path: Path, calls: Calls
) -> None:
    """What is recorded of the search names the member by hash."""
    record = calls.call(member_call("M-CANARY"))
    shown = run(find, tmp_path, "--member", "M-CANARY", "--json")

    assert [decode(line.encode()) for line in shown.output.splitlines()] == [record]
    (read,) = readings(calls.engine)
    assert (read["command"], read["by"][0][0]) == ("audit find", "member")
    assert b"CANARY" not in encode(read)


def test_a_member_cannot_be_found_without_the_key(tmp_path: Path, calls: Calls) -> None:
    """Of the store's owner; with another nothing is found."""
    calls.call(member_call("M-1"))
    (tmp_path / "audit.key").unlink()
    refused = run(find, tmp_path, "--member", "M-1")
    by_code = run(find, tmp_path, "--payer", "icare")

    assert refused.exit_code == 1
    assert refused.output.startswith("Error: setting --audit-key (CRD_AUDIT_KEY): cannot read")
    assert by_code.exit_code == 0


def test_a_hold_is_put_listed_and_released(tmp_path: Path, calls: Calls) -> None:
    """Each is recorded, with the hash alone."""
    put = run(hold, tmp_path, "--member", "M-CANARY", "--reason", "a suit")
    listed = run(hold, tmp_path)
    released = run(hold, tmp_path, "--member", "M-CANARY", "--release")
    again = run(hold, tmp_path, "--member", "M-CANARY", "--release")

    assert put.output == "held: records of this member\n"
    assert "a suit" in listed.output
    assert released.output == "released: records of this member\n"
    assert again.output == "Error: there is no hold on this member\n"
    assert run(hold, tmp_path).output == "Nothing is held.\n"
    changes = run(find, tmp_path, "--kind", "change", "--json").output
    assert "CANARY" not in changes
    assert changes.count('"command":"audit hold"') == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--member", "M-1"],
        ["--member", "M-1", "--reason", "r", "--release"],
        ["--member", "M-1", "--order", "ServiceRequest/1", "--reason", "r"],
    ],
)
def test_a_hold_that_is_not_plain_is_refused(
    tmp_path: Path, engine: Engine, arguments: list[str]
) -> None:
    """One thing, and a reason or the release."""
    refused = run(hold, tmp_path, *arguments)

    assert refused.exit_code == 2
    assert "name one of --member, --patient, --order and --assertion" in refused.output


UNREADABLE = os.fsdecode(b"\xff\xfe")  # what a terminal of another encoding sends


@pytest.mark.parametrize(
    ("command", "arguments", "printed"),
    [
        (find, ["--client", UNREADABLE], "Nothing was found.\n"),
        (find, ["--hook", UNREADABLE], "Nothing was found.\n"),
        (find, ["--member", UNREADABLE], "Nothing was found.\n"),
        (hold, ["--order", UNREADABLE, "--reason", UNREADABLE], "held: records of this order\n"),
        (show, [UNREADABLE], "Error: no record has this assertion id or id\n"),
        (
            prove,
            [UNREADABLE, "--output", "proof", "--public-key", str(SIGNER.verifier)],
            "Error: no record has this assertion id or id\n",
        ),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_what_no_record_can_hold_is_looked_for_in_vain(
    tmp_path: Path, engine: Engine, command: click.Command, arguments: list[str], printed: str
) -> None:
    """And that it was is recorded."""
    assert run(command, tmp_path, *arguments).output == printed
    kind = "change" if command is hold else "reading"
    assert len(list(desk_of(engine).reader.find(kind=kind))) == 1


def test_a_purge_shows_a_table_first_and_asks(tmp_path: Path, calls: Calls) -> None:
    """A dry run and a no delete nothing."""
    old = calls.call(member_call("M-1"), at=NOON - timedelta(days=4000))
    calls.call(member_call("M-2"))
    seal(calls.engine)
    write_key(tmp_path / "checkpoint.key")
    rules = ("--retention", "answer=10y")
    dry = run(purge, tmp_path, "--dry-run", *rules)
    refused = run(purge, tmp_path, *rules, input="n\n")

    assert columns(dry.output, "Class", "Kept", "Records", "Held") == [("answer", "10y", "1", "0")]
    assert refused.output.endswith("Delete 1 records for ever? [y/N]: n\nAborted!\n")
    assert run(show, tmp_path, old["id"]).exit_code == 0
    done = run(purge, tmp_path, "--yes", *rules)
    assert done.stderr == "purged 1 of 1 records\n"
    assert run(show, tmp_path, old["id"]).output == "Error: no record has this assertion id or id\n"
    assert columns(run(purge, tmp_path, "--yes", *rules).output, "Records") == [("0",)]


@pytest.mark.parametrize("has_key", [True, False])
def test_only_who_signs_the_store_may_purge_it(tmp_path: Path, calls: Calls, has_key: bool) -> None:
    """A purge that another key has signed would be found as a deletion."""
    old = calls.call(member_call("M-1"), at=NOON - timedelta(days=4000))
    seal(calls.engine)
    if has_key:
        write_key(tmp_path / "checkpoint.key", signer_called("log.example/other", 8))
    refused = run(purge, tmp_path, "--yes", "--retention", "answer=10y")

    assert refused.exit_code == 1
    assert "Error: setting --checkpoint-key (CRD_CHECKPOINT_KEY)" in refused.output
    assert run(show, tmp_path, old["id"]).exit_code == 0


def test_nothing_of_a_purged_record_is_left_in_the_files(tmp_path: Path, calls: Calls) -> None:
    """Neither in pages that are free now, nor in the write-ahead log."""
    old = calls.call(member_call("M-1"), at=NOON - timedelta(days=4000))
    hashed = mention("member", "M-1", KEY).value.encode()
    seal(calls.engine)
    write_key(tmp_path / "checkpoint.key")
    files = [path for path in tmp_path.iterdir() if path.name.startswith("crd.sqlite3")]
    assert any(hashed in path.read_bytes() for path in files)
    assert run(purge, tmp_path, "--yes", "--retention", "answer=10y").exit_code == 0

    left = b"".join(path.read_bytes() for path in files if path.exists())
    assert hashed not in left
    assert old["decisions"][0]["assertion"].encode() not in left
    assert old["id"].encode() in left  # the leaf's, and that of the purge's record


def test_a_purge_without_a_rule_deletes_nothing(tmp_path: Path, engine: Engine) -> None:
    """All is kept for ever."""
    refused = run(purge, tmp_path, "--yes")

    assert (refused.exit_code, refused.output) == (
        1,
        "Error: setting --retention (CRD_RETENTION): "
        "all records are kept for ever; name a class: answer=10y\n",
    )


def test_an_export_as_lines_is_the_records_byte_for_byte(tmp_path: Path, calls: Calls) -> None:
    """Readable by its owner alone, and never over a file that is there."""
    records = [
        calls.call(member_call(f"M-{number}"), at=NOON + timedelta(minutes=number))
        for number in range(3)
    ]
    path = tmp_path / "out.ndjson"
    done = run(export, tmp_path, "--output", str(path), "--kind", "answer")
    again = run(export, tmp_path, "--output", str(path))

    assert [decode(line) for line in path.read_bytes().splitlines()] == records
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert done.stderr == f"exported 3 records to {path}\n"
    assert again.output == f"Error: cannot write {path}: File exists\n"


def test_an_export_is_of_a_stretch_of_time_and_is_recorded(tmp_path: Path, calls: Calls) -> None:
    """The reading itself is among the records that are exported."""
    for number in range(3):
        calls.call(member_call("M-1"), at=NOON + timedelta(days=number))
    path = tmp_path / "out.ndjson"
    run(export, tmp_path, "--output", str(path), "--since", "2026-11-21", "--until", "2026-11-22")

    assert len(path.read_bytes().splitlines()) == 1
    (read,) = readings(calls.engine)
    assert (read["command"], read["patients"], read["since"]) == (
        "audit export",
        True,
        "2026-11-21T00:00:00+00:00",
    )


def test_an_export_as_parquet_reads_back(tmp_path: Path, calls: Calls) -> None:
    """A row a record, its payload as it was."""
    records = [
        calls.call(member_call(f"M-{number}"), at=NOON + timedelta(minutes=number))
        for number in range(3)
    ]
    path = tmp_path / "out.parquet"
    run(export, tmp_path, "--format", "parquet", "--output", str(path), "--kind", "answer")
    rows = pyarrow.parquet.read_table(path).to_pylist()

    assert [decode(row["payload"].encode()) for row in rows] == records
    first = {name: value for name, value in rows[0].items() if name != "payload"}
    assert first == {
        "id": records[0]["id"],
        "kind": "answer",
        "hook": "order-sign",
        "client": "",
        "issuer": "",
        "class": "answer",
        "at": NOON,
        "status": 200,
    }


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_an_export_without_patients_holds_none(tmp_path: Path, calls: Calls, form: str) -> None:
    """No value that came with a call about one, or was read; what was determined stays."""
    name = [{"family": "Canary", "given": ["Canary"]}]
    insured = coverage(subscriberId="M-canary", id="canary")
    order = service_request("0600T", id="canary", occurrenceDateTime="2026-12-31")
    request = with_token(order_sign(order, version="2.2", prefetch={}))
    ehr = ScriptedEhr([patient(name=name), insured])
    record = calls.call(request, ehr=ehr)
    calls.feedback(record["cards"][0], "overridden", overrideReason={"userComment": "canary"})
    path = tmp_path / "out"
    run(export, tmp_path, "--format", form, "--output", str(path), "--without-patients")

    if form == "parquet":
        rows = pyarrow.parquet.read_table(path).to_pylist()
        written = [row["payload"] for row in rows]
    else:
        written = path.read_text().splitlines()
    together = "\n".join(written)
    assert "canary" not in together.lower()
    assert "member-1" not in together
    assert "2026-12-31" not in together
    kept = next(found for found in map(decode, map(str.encode, written)) if "decisions" in found)
    assert kept["queries"][1]["type"] == "Coverage"
    assert kept["decisions"][0]["determined"][0]["covered"] == "not-covered"


def test_metrics_are_a_table_json_or_csv(tmp_path: Path, calls: Calls) -> None:
    """With the groups as columns."""
    calls.call(member_call("M-1"))
    table = run(metrics, tmp_path, "--by", "hook,payer")
    lines = list(csv.DictReader(io.StringIO(run(metrics, tmp_path, "--format", "csv").stdout)))
    groups = decode(run(metrics, tmp_path, "--format", "json", "--by", "payer").stdout.encode())

    first = columns(table.stdout, "Hook", "Payer", "No.", "Volume", "%")[0]
    assert first == ("order-sign", "icare", "1", "1", "100.0")
    assert "Measures 8 and 9 of the guide are these by payer" in table.stderr
    assert lines[0] == {
        "number": "1",
        "measure": "orders with coverage information returned",
        "volume": "1",
        "of": "1",
        "percent": "100.0",
    }
    assert (groups[0]["payer"], groups[0]["measures"][6]["volume"]) == ("icare", 0)
    assert {by["command"] for by in readings(calls.engine)} == {"metrics"}


def test_metric_data_is_a_line_a_call_with_what_the_clinician_did(
    tmp_path: Path, calls: Calls
) -> None:
    """The last feedback counts."""
    card = calls.call(member_call("M-1"))["cards"][0]
    calls.feedback(card, "accepted")
    calls.feedback(card, "overridden", at=NOON + timedelta(minutes=1))
    calls.call(order_sign(version="9.9"))
    lines = [decode(line.encode()) for line in run(metrics, tmp_path, "--data").stdout.splitlines()]

    assert sorted(line["httpResponse"] for line in lines) == [200, 422]
    (engaged,) = [
        response["engagement"]
        for line in lines
        for ordered in line["request"]
        for response in ordered.get("response", ())
        if "engagement" in response
    ]
    assert engaged == "override"


@pytest.mark.parametrize("by", ["member", "hook,hook", "hook;payer"])
def test_metrics_by_anything_else_are_refused(tmp_path: Path, engine: Engine, by: str) -> None:
    """The message names what there is."""
    refused = run(metrics, tmp_path, "--by", by)

    assert refused.exit_code == 2
    assert "no list of hook, client, payer, each once at most" in refused.output


def test_nothing_is_shown_where_the_reading_cannot_be_recorded(
    tmp_path: Path, calls: Calls
) -> None:
    """A store that cannot be written shows no patient to anybody."""
    record = calls.call(member_call("M-1"))
    with writing(calls.engine) as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER closed BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    shown = run(show, tmp_path, record["id"])

    assert shown.exit_code == 1
    assert "it could not be recorded that the store is read" in shown.output
    assert "ServiceRequest" not in shown.output


def test_parquet_without_pyarrow_names_what_to_install(tmp_path: Path) -> None:
    """It is an extra: the rest of the service does without."""
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from cds_service.audit.export import write_parquet\n"
        "from cds_service.errors import AuditError\n"
        "try:\n    list(write_parquet([], Path('out.parquet')))\n"
        "except AuditError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )

    assert done.stdout == (
        "Parquet needs pyarrow, which is not installed: pip install 'crd-service[parquet]'\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_an_export_holds_a_thousand_records_at_a_time(
    tmp_path: Path, calls: Calls, form: str
) -> None:
    """However many there are."""
    calls.call(member_call("M-1"))
    (stored,) = desk_of(calls.engine).reader.find(kind="answer")
    taken: list[int] = []

    def records() -> Iterator[ExportedRecord]:
        for number in range(2500):
            taken.append(number)
            yield whole(stored)

    written = [(done, len(taken)) for done in FORMATS[form](records(), tmp_path / "out")]

    assert written == [(1000, 1000), (2000, 2000), (2500, 2500)]


def test_an_export_that_fails_leaves_no_file(tmp_path: Path, calls: Calls) -> None:
    """Half an export looks like a whole one."""

    def records() -> Iterator[ExportedRecord]:
        raise AuditError("the store is away")
        yield

    with pytest.raises(AuditError, match="the store is away"):
        list(FORMATS["ndjson"](records(), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
