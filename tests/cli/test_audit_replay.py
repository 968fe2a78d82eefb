"""`crd audit replay`: a call of a running service, answered again from its store alone."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import NOON
from replaying import RecordsLog, prefetched, with_token
from scripted_ehr import ScriptedEhr
from signed_logs import write_records
from small_library import change
from sqlalchemy import Engine, insert
from stored_calls import readings, store_in

from cds_service.app.service import Service, build_service
from cds_service.audit.payloads import compress
from cds_service.cli.audit.replay import replay
from cds_service.crd.request.hooks import HOOKS
from cds_service.database.engine import writing
from cds_service.database.tables import LIBRARY
from cds_service.errors import HookError
from cds_service.fhir.resource import decode, encode
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.library.snapshot import pack, unpack
from cds_service.settings import Settings, all_settings

JsonObject = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples"
ICARE = "icare/wi-pa-1266/PlanDefinition-icare-wi-pa-1266-20241008.json"


@pytest.fixture(scope="module")
def service() -> Service:
    """A service with the policies that come with it."""
    return build_service(Settings(base_url="https://crd.example"), ehr=None, log=RecordsLog())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The store in a data directory."""
    store = store_in(tmp_path)
    yield store
    store.dispose()


def keep_library(engine: Engine, service: Service) -> None:
    """Keep the policies of a service, as it does when it starts."""
    row = {
        "digest": service.recorder.library,
        "at": datetime.now(UTC),
        "payload": compress(pack(service.library)),
    }
    with writing(engine) as connection:
        connection.execute(insert(LIBRARY), row)


def answer(
    engine: Engine, service: Service, name: str, *, asks: bool = True, library: str = ""
) -> str:
    """Answer an example and keep its record; its assertion id, or its own id."""
    request = decode((EXAMPLES / name / "request.json").read_bytes())
    log = RecordsLog()
    whole = with_token(request)
    ehr = ScriptedEhr(prefetched(request))
    pipeline = replace(
        service.pipelines[HOOKS[request["hook"]].service_id],
        log=log,
        ehr=ehr if asks else None,
        now=lambda: NOON,
        recorder=replace(service.recorder, library=library or service.recorder.library),
    )
    try:
        pipeline.respond(encode({**whole, "prefetch": {}} if asks else request))
    except HookError:
        assert log.written
    write_records(engine, log.written)
    (record,) = log.written
    decisions = decode(record.payload)["decisions"]
    return str(decisions[0]["assertion"] if decisions else record.id)


def run(directory: Path, *arguments: str) -> Result:
    """One run of the command on the store in a directory."""
    unset: dict[str, str | None] = {setting.variable: None for setting in all_settings()}
    given = [*arguments, "--data-dir", str(directory)]
    return CliRunner().invoke(replay, given, env=unset, catch_exceptions=False)


@pytest.mark.parametrize("asks", [True, False])
def test_a_call_of_a_service_is_answered_again_alike(
    tmp_path: Path, engine: Engine, service: Service, asks: bool
) -> None:
    """By the policies that were kept with it, and by those that it has."""
    keep_library(engine, service)
    found = run(tmp_path, answer(engine, service, "order-sign-anthem-93799-unspecified", asks=asks))

    assert found.output == "By the policies as it was: same\nBy the policies as it is: same\n"
    assert found.exit_code == 0
    assert [read["command"] for read in readings(engine)] == ["audit replay"]


def test_a_call_within_the_limits_of_its_service_is_within_those_of_a_replay(
    tmp_path: Path, engine: Engine
) -> None:
    """The service took deeper requests, with more resources, than one that is not set to."""
    lenient = Settings(base_url="https://crd.example", max_depth=500, max_entries=50_000)
    service = build_service(lenient, ehr=None, log=RecordsLog())
    keep_library(engine, service)
    request = decode((EXAMPLES / "order-sign-icare-0600t" / "request.json").read_bytes())
    for _ in range(150):
        request["extension"]["com.example.deep"] = {
            "a": request["extension"].get("com.example.deep")
        }
    basics = [{"resource": {"resourceType": "Basic", "id": str(number)}} for number in range(6000)]
    request["prefetch"]["more"] = {"resourceType": "Bundle", "type": "searchset", "entry": basics}
    log = RecordsLog()
    replace(service.pipelines["order-sign-crd"], log=log).respond(encode(request))
    write_records(engine, log.written)
    found = run(tmp_path, log.written[0].id)

    assert found.output == "By the policies as it was: same\nBy the policies as it is: same\n"


def changed_library(directory: Path) -> Path:
    """A policy of ours in which something has changed since."""
    path = directory / "changed" / Path(ICARE).name
    path.parent.mkdir()
    shutil.copy(next(builtin_library().rglob(path.name)), path)

    def plant(resource: JsonObject) -> None:
        rule = resource["action"][0]["action"][0]
        (determination,) = (
            extension
            for extension in rule["extension"]
            if extension["url"].endswith("coverage-determination")
        )
        for part in determination["extension"]:
            if part["url"] == "reason":
                part["valueCodeableConcept"]["text"] = "Another reason."

    change(path, plant)
    return path.parent


def test_a_changed_policy_differs_and_how_is_a_table(
    tmp_path: Path, engine: Engine, service: Service
) -> None:
    """As it was it is the same; the exit status tells that one differs."""
    keep_library(engine, service)
    assertion = answer(engine, service, "order-sign-icare-0600t")
    found = run(tmp_path, assertion, "--against", str(changed_library(tmp_path)))
    lines = found.output.splitlines()

    assert found.exit_code == 1
    assert lines[:2] == ["By the policies as it was: same", "By the policies as it is: differs"]
    assert lines[2].split() == ["Where", "Before", "After"]
    assert any(
        line.split()[0].endswith(".valueCodeableConcept.text") and '"Another reason."' in line
        for line in lines[3:]
    )
    given = decode(
        run(tmp_path, assertion, "--json", "--against", str(tmp_path / "changed")).output.encode()
    )
    assert given["as it was"] == {"verdict": "same", "remarks": [], "differences": []}
    assert given["as it is"]["verdict"] == "differs"


def test_without_the_policies_of_then_only_now_is_replayed(
    tmp_path: Path, engine: Engine, service: Service
) -> None:
    """The reason names the digest that is missing."""
    found = run(tmp_path, answer(engine, service, "order-sign-icare-0600t"))

    assert found.exit_code == 2
    assert found.output == (
        "By the policies as it was: not replayable\n"
        f"  the library {service.recorder.library} is not kept in this store\n"
        "By the policies as it is: same\n"
    )


def test_policies_of_then_that_cannot_be_read_now_are_named(
    tmp_path: Path, engine: Engine, service: Service
) -> None:
    """A program of today may refuse what one of then took."""
    broken = encode([{"resourceType": "PlanDefinition", "id": "p", "status": "no-such-status"}])
    digest = f"sha256:{sha256(broken).hexdigest()}"
    row = {"digest": digest, "at": NOON, "payload": compress(broken)}
    with writing(engine) as connection:
        connection.execute(insert(LIBRARY), row)
    found = run(tmp_path, answer(engine, service, "order-sign-icare-0600t", library=digest))

    assert found.exit_code == 2
    assert "this program cannot read the policies of then" in found.output
    assert "By the policies as it is: same" in found.output


def test_policies_that_were_altered_in_the_store_answer_nothing(
    tmp_path: Path, engine: Engine, service: Service
) -> None:
    """They are known by their digest, which the record holds."""
    row = {"digest": service.recorder.library, "at": NOON, "payload": compress(b"[]")}
    with writing(engine) as connection:
        connection.execute(insert(LIBRARY), row)
    found = run(tmp_path, answer(engine, service, "order-sign-icare-0600t"))

    assert found.exit_code == 2
    assert found.output.startswith(
        "By the policies as it was: not replayable\n"
        "  the policies of then were altered in this store; run `crd audit verify`\n"
    )


def test_a_name_in_a_snapshot_leads_nowhere(tmp_path: Path) -> None:
    """Whoever owns the database writes no file of whoever replays."""
    (tmp_path / "inner").mkdir()
    unpack(encode([{"resourceType": "../x", "id": "/../../y"}]), tmp_path / "inner")

    assert [path.name for path in tmp_path.rglob("*.json")] == [".._x-_.._.._y.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]


def test_a_replay_of_what_is_not_there_is_one_line(tmp_path: Path, engine: Engine) -> None:
    """No policy is read for it."""
    found = run(tmp_path, "unknown")

    assert (found.exit_code, found.output) == (
        1,
        "Error: no record has this assertion id or id\n",
    )
