"""Dossiers: all that explains one answer, from its record alone, and who read it is recorded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import NOON, builtin_index
from hook_requests import bundle, coverage, order_sign, patient, service_request
from replaying import with_token
from scripted_ehr import ScriptedEhr, always
from sqlalchemy import Engine
from stored_calls import Calls, desk_of, new_store, readings, seal, store_in

from cds_service.audit.dossier import Dossier, Seal
from cds_service.audit.dossier_sections import sections_of
from cds_service.audit.holds import put_hold
from cds_service.audit.mentions import mention
from cds_service.audit.text_tables import dossier_text, text_table
from cds_service.crd.request.caller import Caller
from cds_service.errors import AuditError, NotRecorded
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

RULE = (
    "https://coverage-policies.invalid/fhir/PlanDefinition/icare-wi-pa-1266|2024.10.8"
    "#ire-any-indication"
)
NORTH = Caller(name="north", issuer="https://north.example", tenant="ward", is_test=True)
MEMBER = coverage(subscriberId="M-1")


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty store, in a database of each kind."""
    store = new_store(database_url)
    yield store
    store.dispose()


@pytest.fixture
def calls(engine: Engine, index: PolicyIndex) -> Calls:
    """Calls that are kept in it."""
    return Calls(engine, index)


def asked(calls: Calls, **seams: Any) -> JsonObject:
    """The record of a call whose member has to be asked for."""
    request = with_token(order_sign(version="2.2", prefetch={}))
    return calls.call(request, ehr=ScriptedEhr([patient(), MEMBER]), caller=NORTH, **seams)


def dossier_of(engine: Engine, identity: str) -> Dossier:
    """The dossier of an id that is there."""
    found = desk_of(engine).dossier("audit show", identity)
    assert found
    return found


def rows(dossier: Dossier, title: str) -> list[tuple[str, ...]]:
    """The rows of the section of a title."""
    (section,) = (found for found in sections_of(dossier) if found.title == title)
    return list(section.rows)


def test_a_dossier_tells_who_asked_what_was_read_why_and_what_was_done(
    engine: Engine, calls: Calls
) -> None:
    """All of it is found by the assertion id alone."""
    record = asked(calls)
    assertion, card = record["decisions"][0]["assertion"], record["cards"][0]
    override = {"reason": {"code": "other"}, "userComment": "the <b>payer</b> agreed"}
    calls.feedback(card, "overridden", overrideReason=override)
    seal(engine)
    put_hold(engine, mention("member", "M-1", b"key"), "a suit", NOON)
    dossier = dossier_of(engine, assertion)

    called = {row[0]: row[1] for row in rows(dossier, "The call")}
    assert {name: called[name] for name in ("client", "issuer", "tenant", "CRD version")} == {
        "client": "north",
        "issuer": "https://north.example",
        "tenant": "ward",
        "CRD version": "2.2, answered as 2.2",
    }
    assert [row[:3] for row in rows(dossier, "What the EHR was asked")] == [
        ("Patient/member-1", "found", ""),
        ("Coverage?patient=member-1&status=active", "found", ""),
    ]
    assert ("Coverage", "coverage-1") in [row[:2] for row in rows(dossier, "What the EHR gave")]
    assert rows(dossier, "Decision on ServiceRequest/order-1")[-2:] == [
        ("assertion", f"{assertion} (the one asked for)"),
        ("determined", f"not-covered; because not-reasonable-necessary; by {RULE}"),
    ]
    assert rows(dossier, "Why: ServiceRequest/order-1")[:2] == [
        ("speaks", RULE, "matched http://www.ama-assn.org/go/cpt|0600T"),
        ("true", "this version is in force on the date of service", ""),
    ]
    information = rows(dossier, "Coverage information on ServiceRequest/order-1")
    assert information[:2] == [("coverage", "Coverage/coverage-1"), ("covered", "not-covered")]
    assert rows(dossier, "Feedback") == [
        (card, "overridden", NOON.isoformat(), "other; the <b>payer</b> agreed")
    ]
    assert rows(dossier, "How it is kept") == [
        ("hash tree", "number 0 of the tree"),
        ("checkpoint", f"the checkpoint of size 2, signed {NOON.isoformat()}"),
        ("hold", f"member, since {NOON.isoformat()}: a suit"),
    ]


def test_a_record_is_found_by_its_own_id_too(engine: Engine, calls: Calls) -> None:
    """Such as a refusal, which gave no assertion."""
    refused = calls.call(order_sign(version="9.9"))
    dossier = dossier_of(engine, refused["id"])

    assert refused["decisions"] == []
    assert [row[0] for row in rows(dossier, "Why it was refused")] == ["not-supported"]
    assert ("HTTP status", "422") in rows(dossier, "The call")
    assert dossier.seal == Seal()


def test_a_failed_query_shows_its_cause(engine: Engine, calls: Calls) -> None:
    """So that whoever runs the EHR knows what to mend."""
    request = with_token(order_sign(version="2.2", prefetch={}))
    record = calls.call(request, ehr=ScriptedEhr(fails=always))
    dossier = dossier_of(engine, record["id"])

    assert rows(dossier, "What the EHR was asked")[0][:3] == (
        "Patient/member-1",
        "failed",
        "the script says so",
    )


def test_each_order_of_a_call_has_its_decision(engine: Engine, calls: Calls) -> None:
    """And only the assertion that was asked for is marked."""
    orders = [service_request("0600T", id="first"), service_request("93799", id="second")]
    record = calls.call(order_sign(*orders, version="2.2"))
    first, second = (decision["assertion"] for decision in record["decisions"])
    dossier = dossier_of(engine, second)

    assert ("assertion", first) in rows(dossier, "Decision on ServiceRequest/first")
    marked = ("assertion", f"{second} (the one asked for)")
    assert marked in rows(dossier, "Decision on ServiceRequest/second")


def test_advice_without_a_coverage_is_shown(engine: Engine, calls: Calls) -> None:
    """An older client that sends no Coverage gets cards alone."""
    record = calls.call(order_sign(prefetch={"patient": patient(), "coverage": bundle()}))
    titles = [section.title for section in sections_of(dossier_of(engine, record["id"]))]

    assert titles.count("Decision on ServiceRequest/order-1") == len(record["advice"]) > 0


FORMER: JsonObject = {
    "id": "old",
    "at": "2026-10-01T10:00:00+00:00",
    "kind": "answer",
    "hook": "order-sign",
    "hookInstance": "i",
    "version": "",
    "decisions": [
        {
            "order": "ServiceRequest/1",
            "coverage": "Coverage/1",
            "payer": "icare",
            "plan": "",
            "assertion": "a-1",
            "determined": [{"covered": "not-covered", "pa-needed": None, "rules": [RULE]}],
        }
    ],
    "request": {"context": {"patientId": "1"}},
    "response": {"cards": []},
}


def test_a_record_of_a_former_version_has_what_it_holds() -> None:
    """It kept neither queries nor traces."""
    dossier = Dossier(asked="a-1", record=FORMER)

    assert [section.title for section in sections_of(dossier)] == [
        "The call",
        "What was sent",
        "Decision on ServiceRequest/1",
        "How it is kept",
    ]
    assert ("determined", f"not-covered; by {RULE}") in rows(
        dossier, "Decision on ServiceRequest/1"
    )


@pytest.mark.parametrize("member", [*FORMER])
@pytest.mark.parametrize("senseless", [None, "text", 7, [], [None, 1], {}, {"a": {"b": [1]}}])
def test_whatever_stands_in_a_record_has_a_dossier(member: str, senseless: Any) -> None:
    """A body that was refused may hold anything."""
    dossier = Dossier(asked="a-1", record={**FORMER, member: senseless})

    assert dossier_text(dossier)


def test_a_dossier_for_a_terminal_is_sections_of_aligned_rows() -> None:
    """With no character that hides or turns text."""
    ugly = {**FORMER, "client": "a\u202eb\x1b[31m", "hookInstance": "line\nbreak"}

    text = dossier_text(Dossier(asked="a-1", record=ugly))

    assert text.splitlines()[:8] == [
        "The call",
        "--------",
        "record         old",
        "received       2026-10-01T10:00:00+00:00",
        "kind           answer",
        "client         ab[31m",
        "hook           order-sign",
        "hook instance  line break",
    ]


def test_a_table_has_columns_as_wide_as_their_cells() -> None:
    """Headings count too."""
    assert text_table(("A", "Long"), [("wide", "b"), ("c", "")]) == "A     Long\nwide  b\nc"


def test_the_json_is_the_whole_record_and_what_stands_around_it(
    engine: Engine, calls: Calls
) -> None:
    """Nothing of it is shortened."""
    record = asked(calls)
    calls.feedback(record["cards"][0], "accepted")

    shown = dossier_of(engine, record["id"]).to_json()

    assert shown["record"] == record
    assert [given["feedback"]["outcome"] for given in shown["feedback"]] == ["accepted"]
    assert shown["seal"] == {"number": None, "checkpoint": None, "signed": None}
    assert decode(encode(shown)) == shown


def test_every_reading_is_recorded_also_of_what_is_not_there(engine: Engine, calls: Calls) -> None:
    """By whom, with which command, of what."""
    record = asked(calls)
    desk = desk_of(engine, who="ada")

    assert desk.dossier("audit show", record["id"])
    assert desk.dossier("audit show", "unknown") is None
    kept = [(read["who"], read["command"], read["subject"]) for read in readings(engine)]
    assert sorted(kept) == [
        ("ada", "audit show", record["id"]),
        ("ada", "audit show", "unknown"),
    ]


def test_what_cannot_be_recorded_is_not_shown(engine: Engine, calls: Calls) -> None:
    """The id of the reading is taken, as it is of no other."""
    record = asked(calls)
    desk_of(engine).dossier("audit show", record["id"])

    with pytest.raises(NotRecorded):  # the same ids again
        desk_of(engine).dossier("audit show", record["id"])


@pytest.mark.parametrize(
    "identity", ["", "' OR 1=1 --", "%", "<b>", "é", "\x00", "\udc80", "a" * 9999]
)
def test_an_ugly_id_is_found_nowhere(engine: Engine, identity: str) -> None:
    """And breaks nothing."""
    assert desk_of(engine).dossier("audit show", identity) is None


def test_a_store_that_is_away_is_named_in_words(tmp_path: Path) -> None:
    """No message of the database reaches a person: it may quote a patient."""
    engine = store_in(tmp_path)
    engine.dispose()
    (tmp_path / "crd.sqlite3").write_bytes(b"no database, but long enough to be taken for one" * 99)
    (tmp_path / "crd.sqlite3-wal").unlink(missing_ok=True)

    with pytest.raises(
        AuditError, match="the store cannot be used: the file is no SQLite database"
    ):
        desk_of(engine).dossier("audit show", "a-1")
