"""CDS Hooks, Feedback: what clinicians made of our cards, as clients report it.

All of it is the client's to keep; the service takes what does and refuses the rest with 400.
"""

from typing import Any

import pytest
from every_hook import HOOK_NAMES, JsonObject, asked_about, call
from kept_records import KeptRecord
from wire import ACME, PROPOSING, Wire, every_card, open_wire

from cds_service.fhir.resource import decode, encode

AT = "2026-11-20T12:00:00Z"
DISMISSED: JsonObject = {"card": "card-1", "outcome": "overridden", "outcomeTimestamp": AT}
ACCEPTED: JsonObject = {
    **DISMISSED,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "suggestion-1"}],
}
REASON = {"code": "other", "system": "https://reasons.example.invalid"}
NO_NAMES: tuple[Any, ...] = ("", None, 5, {})
NO_LISTS: tuple[Any, ...] = ([], None, "suggestion-1", {"id": "suggestion-1"})


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


def without(value: JsonObject, name: str) -> JsonObject:
    """The same object without one member."""
    return {key: inner for key, inner in value.items() if key != name}


def issue(wire: Wire, body: Any, hook: str = "order-sign") -> tuple[int, str]:
    """The status of the answer to a body, and the words of its issue if it is refused."""
    response = wire.post(f"{hook}-crd/feedback", encode(body))
    if response.status_code == 200:
        return 200, ""
    return response.status_code, decode(response.data)["issue"][0]["diagnostics"]


def reaction_in(kept: KeptRecord) -> Any:
    """The reaction that a record is of."""
    assert kept.record.kind == "feedback"
    return kept.whole["feedback"]


def is_taken(wire: Wire, reaction: JsonObject) -> bool:
    """Whether one reaction is taken, and kept."""
    wire.log.records.clear()
    status, _ = issue(wire, {"feedback": [reaction]})
    return status == 200 and [reaction_in(kept) for kept in wire.log.records] == [reaction]


def refused_for(wire: Wire, reaction: JsonObject, words: str) -> bool:
    """Whether a reaction is refused with 400 that speaks of these words, and nothing is kept."""
    wire.log.records.clear()
    status, problem = issue(wire, {"feedback": [DISMISSED, reaction]})
    is_placed = words in problem and "$.feedback[1]" in problem
    return status == 400 and is_placed and not wire.log.records


@pytest.mark.cds_hooks("feedback-1")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_feedback_is_an_object_with_an_array_at_each_service(wire: Wire, hook: str) -> None:
    """One reaction, several, or none; anything else is refused, and no other method is taken."""
    for sent in ([], [DISMISSED], [DISMISSED, ACCEPTED, DISMISSED]):
        wire.log.records.clear()
        assert issue(wire, {"feedback": sent}, hook) == (200, "")
        assert [reaction_in(kept) for kept in wire.log.records] == sent
    bodies: list[Any] = [{}, [DISMISSED], DISMISSED, None, {"feedback": DISMISSED}]
    for body in (*bodies, {"feedback": None}, {"feedback": ["card-1"]}):
        assert issue(wire, body, hook)[0] == 400
    assert wire.client.get(f"/cds-services/{hook}-crd/feedback").status_code == 405


@pytest.mark.cds_hooks("feedback-2", "feedback-5")
def test_cards_and_suggestions_of_an_answer_can_be_reported(wire: Wire) -> None:
    """By the uuids that the answer gave them."""
    about = asked_about("order-sign", PROPOSING)
    cards = wire.answer(call("order-sign", about, member=ACME))["cards"]
    offering = [card for card in cards if card.get("suggestions")]
    assert offering

    for card in offering:
        accepted = [{"id": suggestion["uuid"]} for suggestion in card["suggestions"]]
        assert is_taken(wire, {**ACCEPTED, "card": card["uuid"], "acceptedSuggestions": accepted})
        assert reaction_in(wire.log.records[0])["card"] == card["uuid"]


@pytest.mark.cds_hooks("feedback-2")
def test_a_reaction_names_its_card(wire: Wire) -> None:
    """Every card has a uuid that no other has; a reaction without one is refused."""
    ids = [card["uuid"] for card in every_card()]

    assert len(set(ids)) == len(ids) > 100
    assert is_taken(wire, {**DISMISSED, "card": ids[0]})
    assert refused_for(wire, without(DISMISSED, "card"), "'card'")
    for card in NO_NAMES:
        assert refused_for(wire, {**DISMISSED, "card": card}, "].card`")


@pytest.mark.cds_hooks("feedback-3")
def test_a_reaction_has_one_of_two_outcomes(wire: Wire) -> None:
    """An ignored card is not reported."""
    assert is_taken(wire, ACCEPTED)
    assert is_taken(wire, DISMISSED)
    assert reaction_in(wire.log.records[0])["outcome"] == "overridden"
    assert refused_for(wire, without(DISMISSED, "outcome"), "'outcome'")
    for outcome in ("ignored", "Accepted", "", None, 5):
        assert refused_for(wire, {**DISMISSED, "outcome": outcome}, "].outcome`")


@pytest.mark.cds_hooks("feedback-4")
def test_who_accepts_names_what(wire: Wire) -> None:
    """At least one suggestion; who dismisses a card names none."""
    assert is_taken(wire, ACCEPTED)
    assert is_taken(wire, DISMISSED)
    assert refused_for(wire, without(ACCEPTED, "acceptedSuggestions"), "'acceptedSuggestions'")
    for accepted in NO_LISTS:
        reaction = {**ACCEPTED, "acceptedSuggestions": accepted}
        assert refused_for(wire, reaction, "].acceptedSuggestions`")


@pytest.mark.cds_hooks("feedback-5")
def test_an_accepted_suggestion_is_named(wire: Wire) -> None:
    """By its id, each of several."""
    assert is_taken(wire, {**ACCEPTED, "acceptedSuggestions": [{"id": "1"}, {"id": "2"}]})
    assert refused_for(wire, {**ACCEPTED, "acceptedSuggestions": [{"id": "1"}, {}]}, "'id'")
    for name in NO_NAMES:
        reaction = {**ACCEPTED, "acceptedSuggestions": [{"id": name}]}
        assert refused_for(wire, reaction, "].acceptedSuggestions[0].id`")


@pytest.mark.cds_hooks("feedback-6")
@pytest.mark.parametrize(
    "at",
    [
        AT,
        "2026-11-20T12:00:00.123456Z",
        "2026-11-20t12:00:00z",
        "2026-12-31T23:59:60Z",
        "2026-11-20T13:00:00+01:00",
    ],
)
def test_a_reaction_has_its_time(wire: Wire, at: str) -> None:
    """As RFC 3339 writes it; another offset than UTC is tolerated."""
    assert is_taken(wire, {**DISMISSED, "outcomeTimestamp": at})
    assert reaction_in(wire.log.records[0])["outcomeTimestamp"] == at


@pytest.mark.cds_hooks("feedback-6")
@pytest.mark.parametrize(
    "at",
    [
        "",
        None,
        1795176000,
        "2026-11-20",
        "2026-11-20T12:00:00",
        "2026-11-20 12:00:00Z",
        "20 Nov 2026 12:00:00 GMT",
        "2026-13-20T12:00:00Z",
        "2026-11-32T12:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T12:60:00Z",
        "2026-11-20T12:00:61Z",
        "2026-11-20T12:00:00+25:00",
    ],
)
def test_what_is_no_time_is_refused(wire: Wire, at: object) -> None:
    """Days without a time, times without an offset, and what no calendar or clock has."""
    assert refused_for(wire, {**DISMISSED, "outcomeTimestamp": at}, "].outcomeTimestamp`")
    assert refused_for(wire, without(DISMISSED, "outcomeTimestamp"), "'outcomeTimestamp'")


@pytest.mark.cds_hooks("feedback-7")
def test_a_reason_that_was_picked_comes_as_its_coding(wire: Wire) -> None:
    """Each that a card offers is taken, without its display too; or a comment, or both."""
    (offered, *_) = [card["overrideReasons"] for card in every_card()]
    reasons = [*offered, {"code": "other"}, REASON]
    assert len(offered) > 1

    for reason in reasons:
        assert is_taken(wire, {**DISMISSED, "overrideReason": {"reason": reason}})
    comment = {"userComment": "Discussed."}
    assert is_taken(wire, {**DISMISSED, "overrideReason": comment})
    assert is_taken(wire, {**DISMISSED, "overrideReason": {**comment, "reason": REASON}})


@pytest.mark.cds_hooks("feedback-7")
@pytest.mark.parametrize(
    "override",
    [
        {},
        "other",
        [],
        {"reason": "other"},
        {"reason": {}},
        {"reason": {"system": REASON["system"]}},
        {"reason": {"code": ""}},
        {"reason": None},
        {"userComment": 5},
    ],
)
def test_what_is_no_reason_is_refused(wire: Wire, override: object) -> None:
    """A reason without a code tells nothing that could be counted."""
    assert refused_for(wire, {**DISMISSED, "overrideReason": override}, "].overrideReason")
