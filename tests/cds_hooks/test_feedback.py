"""Feedback: what CDS Hooks asks of it, in batches, and nothing of what was sent in a refusal."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values, paths, replaced

from cds_service.cds_hooks.feedback import MOST_FEEDBACK, Feedback, FeedbackParser
from cds_service.errors import InvalidRequest, TooLarge
from cds_service.fhir.resource import encode

CANARY = "Canary-Jane-Q-1957"
NUMBER = 19570402
GONE = object()
AT = "2026-11-20T12:00:00Z"
OVERRIDDEN: dict[str, Any] = {"card": "card-1", "outcome": "overridden", "outcomeTimestamp": AT}
ACCEPTED: dict[str, Any] = {
    **OVERRIDDEN,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "suggestion-1"}],
}
REASON = {"code": "other", "system": "https://reasons.example.invalid"}
FULL: dict[str, Any] = {
    **OVERRIDDEN,
    "overrideReason": {"reason": REASON, "userComment": "Discussed."},
}

PARSER = FeedbackParser()

# What is wrong, the path below the feedback it is reported at, and what the message must speak of.
BREACHES: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"card": GONE}, "", "'card' is a required property"),
    ({"card": 5}, ".card", "string"),
    ({"card": ""}, ".card", "minLength"),
    ({"card": "c" * 201}, ".card", "maxLength"),
    ({"outcome": None}, ".outcome", "accepted"),
    ({"outcome": "ignored"}, ".outcome", "accepted"),
    ({"outcomeTimestamp": GONE}, "", "'outcomeTimestamp' is a required property"),
    ({"outcomeTimestamp": 5}, ".outcomeTimestamp", "string"),
    ({"outcomeTimestamp": "2026-11-20"}, ".outcomeTimestamp", "must be a time as RFC 3339"),
    (
        {"outcomeTimestamp": "2026-11-20T12:00:00"},
        ".outcomeTimestamp",
        "must be a time as RFC 3339",
    ),
    ({"outcomeTimestamp": "yesterday at noon"}, ".outcomeTimestamp", "must be a time as RFC 3339"),
    ({"outcome": "accepted"}, "", "'acceptedSuggestions' is a required property"),
    ({"acceptedSuggestions": "all"}, ".acceptedSuggestions", "array"),
    ({"acceptedSuggestions": [{}]}, ".acceptedSuggestions[0]", "'id' is a required property"),
    ({"acceptedSuggestions": [{"id": ""}]}, ".acceptedSuggestions[0].id", "minLength"),
    ({"overrideReason": {}}, ".overrideReason", "'reason' or 'userComment'"),
    ({"overrideReason": "other"}, ".overrideReason", "object"),
    ({"overrideReason": {"reason": {}}}, ".overrideReason.reason", "'code' is a required property"),
    ({"overrideReason": {"userComment": 5}}, ".overrideReason.userComment", "string"),
)


def batch(*feedback: Any) -> bytes:
    """A feedback body."""
    return encode({"feedback": list(feedback)})


def refusal(body: bytes) -> InvalidRequest:
    """The error a body is refused with."""
    with pytest.raises(InvalidRequest) as caught:
        PARSER.parse(body)
    return caught.value


@pytest.mark.parametrize("sent", [OVERRIDDEN, ACCEPTED, FULL])
def test_a_feedback_is_read(sent: dict[str, Any]) -> None:
    """Card, outcome and time are read out; the whole is kept as it came."""
    found = PARSER.parse(batch(sent))

    assert found == (Feedback(card="card-1", outcome=sent["outcome"], timestamp=AT, body=sent),)


@pytest.mark.parametrize(("change", "below", "words"), BREACHES)
def test_a_breach_is_named_by_its_place(change: dict[str, Any], below: str, words: str) -> None:
    """A breach of cds-fb-1 to cds-fb-3 is a 400 that names the place and what is wanted there."""
    faulty = {name: value for name, value in {**OVERRIDDEN, **change}.items() if value is not GONE}

    error = refusal(batch(OVERRIDDEN, faulty))

    assert (error.status, error.where) == (400, f"$.feedback[1]{below}")
    assert f"`{error.where}`" in str(error)
    assert words in str(error)


def test_a_feedback_without_outcome_is_told_so() -> None:
    """A missing outcome is reported as that, not as what an accepted card would need besides."""
    error = refusal(batch({name: value for name, value in OVERRIDDEN.items() if name != "outcome"}))

    assert "'outcome' is a required property" in str(error)


def test_a_line_break_behind_a_time_is_part_of_it() -> None:
    """A time with a line break behind it is none; kept, it would make one event two."""
    error = refusal(batch({**OVERRIDDEN, "outcomeTimestamp": f"{AT}\n"}))

    assert error.where == "$.feedback[0].outcomeTimestamp"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{}", "$"),
        (b"[]", "$"),
        (b"null", "$"),
        (b'{"feedback":{}}', "$.feedback"),
        (b"feedback", "$"),
    ],
)
def test_what_is_no_feedback_body_is_refused(body: bytes, where: str) -> None:
    """A feedback body is an object with a list under `feedback`."""
    assert refusal(body).where == where


@pytest.mark.parametrize(
    "at", [AT, "2026-11-20T12:00:00.123Z", "2026-11-20T13:00:00+01:00", "2026-11-20T12:00:00-00:00"]
)
def test_times_are_rfc_3339(at: str) -> None:
    """Fractions of a second and offsets are times too."""
    (found,) = PARSER.parse(batch({**OVERRIDDEN, "outcomeTimestamp": at}))

    assert found.timestamp == at


@pytest.mark.parametrize(
    "reason", [{"reason": REASON}, {"userComment": "Discussed."}, {"reason": {"code": "other"}}]
)
def test_either_a_reason_or_a_comment_is_enough(reason: dict[str, Any]) -> None:
    """cds-fb-3: one of both; the specification's own sample sends a reason without display."""
    (found,) = PARSER.parse(batch({**OVERRIDDEN, "overrideReason": reason}))

    assert found.body["overrideReason"] == reason


@settings(max_examples=100, deadline=None)
@given(sent=st.lists(st.sampled_from([OVERRIDDEN, ACCEPTED, FULL]), max_size=5))
def test_a_batch_holds_any_number_and_repeats_cards(sent: list[Any]) -> None:
    """One POST may hold no feedback, several, and the same card again, each read in its order."""
    found = PARSER.parse(batch(*sent))

    assert [feedback.body for feedback in found] == sent


def test_one_bad_feedback_refuses_the_batch() -> None:
    """A batch is taken whole or not at all, so that a client may send it again."""
    error = refusal(batch(OVERRIDDEN, {}, ACCEPTED))

    assert error.where == "$.feedback[1]"


@settings(max_examples=50, deadline=None)
@given(extra=json_objects)
def test_members_nobody_asked_for_are_kept_and_ignored(extra: Any) -> None:
    """Unknown members change nothing of what is read."""
    (found,) = PARSER.parse(batch({**extra, **OVERRIDDEN}))

    assert (found.card, found.outcome, found.timestamp) == ("card-1", "overridden", AT)


@settings(max_examples=200, deadline=None)
@given(
    path=st.sampled_from(list(paths({"feedback": [FULL, ACCEPTED]}))),
    canary=st.sampled_from([CANARY, [CANARY], {CANARY: CANARY}, NUMBER, [NUMBER]]),
)
def test_a_refusal_never_repeats_a_value(path: tuple[str | int, ...], canary: Any) -> None:
    """Whatever stands wherever, no refusal holds it: a comment may name a patient."""
    words = ""
    try:
        PARSER.parse(encode(replaced({"feedback": [FULL, ACCEPTED]}, path, canary)))
    except InvalidRequest as error:
        words = f"{error} {error.where} {error!r}"

    assert CANARY not in words
    assert str(NUMBER) not in words


@settings(max_examples=100, deadline=None)
@given(value=json_values)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """No JSON value under `feedback` leads to anything but feedback or an InvalidRequest."""
    try:
        places = [feedback.card for feedback in PARSER.parse(encode({"feedback": value}))]
    except InvalidRequest as error:
        places = [error.where]

    assert all(place.startswith("$.feedback") for place in places)


def test_a_batch_that_would_hold_up_the_store_is_refused() -> None:
    """One POST is kept in one transaction, for which the calls of everybody else wait."""
    most = [{**OVERRIDDEN, "card": str(number)} for number in range(MOST_FEEDBACK)]

    assert len(PARSER.parse(batch(*most))) == MOST_FEEDBACK
    with pytest.raises(TooLarge, match=f"at most {MOST_FEEDBACK}") as raised:
        PARSER.parse(batch(*most, "whatever it is"))

    assert raised.value.where == "$.feedback"
