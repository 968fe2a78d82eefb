"""Replay: a recorded call answered again, and how the answer differs; never a guess.

The call, the EHR's replies, the authorizations and the clock are those of the record. Only the
library is chosen: as it was, or as it is. What a record does not hold makes a replay impossible.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from cds_service.audit.decisions import describe_answers
from cds_service.audit.trail import Trail
from cds_service.authoring.differences import (
    Difference,
    differences_of,
    ids_in,
    without_made_ids,
)
from cds_service.authoring.recorded_call import RecordedCall, check_replayable, read_recorded_call
from cds_service.crd.decision.order_answer import Decisions
from cds_service.errors import AuditError, HookError
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import JsonObject, decode, encode, text

# Answers a recorded call by one library; raises the HookError that refuses it.
Evaluate = Callable[[RecordedCall], Trail]


class Verdict(StrEnum):
    """How the answer given again compares with the one that was given."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_REPLAYABLE = "not replayable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One replay: its verdict; why it is not replayable, or each difference; and remarks on it."""

    verdict: Verdict
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    remarks: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        return {
            "verdict": self.verdict.value,
            **({"reason": self.reason} if self.reason else {}),
            "remarks": list(self.remarks),
            "differences": [
                {"path": found.path, "before": found.before, "after": found.after}
                for found in self.differences
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rerun:
    """A call answered again: the answer, and what was asked of the world that has no reply."""

    answer: JsonObject
    unrecorded: tuple[str, ...]
    authorizations: tuple[str, ...]


def not_replayable(reason: str) -> Replay:
    """The replay that cannot be made, and why."""
    return Replay(verdict=Verdict.NOT_REPLAYABLE, reason=reason)


def replay_as_it_was(record: JsonObject, evaluate: Evaluate, *, program: str) -> Replay:
    """The call answered again by the library of its time; `program` is the version of this one."""
    try:
        check_replayable(record)
    except AuditError as error:
        return not_replayable(str(error))
    return _compared(record, _rerun_as_then(record, evaluate), program)


def replay_as_it_is(
    record: JsonObject, evaluate: Evaluate, *, was: Evaluate | None, program: str
) -> Replay:
    """The call answered by another library; `was` is its own, None if that is not kept.

    The own library shows whether the call had a token, which no record keeps: it had none if it
    asked nothing although the library wanted to.
    """
    try:
        check_replayable(record)
    except AuditError as error:
        return not_replayable(str(error))
    had_token = not (was and not record["queries"] and _rerun(record, was).unrecorded)
    rerun = _rerun(record, evaluate, with_token=had_token)
    return _compared(record, rerun, program, _unknown_authorizations(rerun))


def _unknown_authorizations(rerun: _Rerun) -> tuple[str, ...]:
    return tuple(
        f"whether an authorization was on file for {sought} was not looked up then; "
        "it is answered as if none was"
        for sought in dict.fromkeys(rerun.authorizations)
    )


def _rerun_as_then(record: JsonObject, evaluate: Evaluate) -> _Rerun:
    """With a token if the call asked anything, or wanted nothing; else it had none."""
    rerun = _rerun(record, evaluate)
    if rerun.unrecorded and not record["queries"]:
        return _rerun(record, evaluate, with_token=False)
    return rerun


def _rerun(record: JsonObject, evaluate: Evaluate, *, with_token: bool = True) -> _Rerun:
    call = read_recorded_call(record, with_token=with_token)
    try:
        trail = evaluate(call)
        answer = _answer(200, trail.decisions, trail.response.to_json())
    except HookError as refusal:
        # The id of an error is the call's trace, not of its answer.
        refused = outcome_of(refusal, text(record.get("trace")))
        answer = _answer(refusal.status, Decisions(), refused)
    return _Rerun(
        answer=answer,
        unrecorded=tuple(dict.fromkeys(call.ehr.unrecorded)),
        authorizations=tuple(call.authorizations.unrecorded),
    )


def _answer(status: int, decisions: Decisions, response: JsonObject) -> JsonObject:
    whole = {
        "status": status,
        "decisions": describe_answers(decisions.answers),
        "advice": describe_answers(decisions.advice),
        "response": response,
    }
    answer: JsonObject = decode(encode(whole))  # as it is read back from a record
    return answer


def _compared(
    record: JsonObject, rerun: _Rerun, program: str, remarks: tuple[str, ...] = ()
) -> Replay:
    all_remarks = (*_remarks(record, program), *remarks)
    if rerun.unrecorded:
        asked = ", ".join(f"`{query}`" for query in rerun.unrecorded)
        reason = f"the EHR was not asked then for {asked}, and what it had to say is not known"
        return Replay(verdict=Verdict.NOT_REPLAYABLE, reason=reason, remarks=all_remarks)
    found = tuple(_differences(record, rerun.answer))
    if found and (reason := _what_is_not_whole(record)):
        return Replay(verdict=Verdict.NOT_REPLAYABLE, reason=reason, remarks=all_remarks)
    verdict = Verdict.DIFFERS if found else Verdict.SAME
    return Replay(verdict=verdict, differences=found, remarks=all_remarks)


def _what_is_not_whole(record: JsonObject) -> str:
    """Why an answer may differ though nothing has changed; empty if it may not."""
    if not record.get("hookInstance"):
        return "the body was no hook request, and what is kept of it is not whole"
    if record.get("redacted"):
        return "the access token stood in the call's own data too, and was removed there"
    return ""


def _remarks(record: JsonObject, program: str) -> Iterator[str]:
    made_by = text(record.get("program"))
    if made_by != program:
        yield f"answered by program {made_by or 'unknown'}, replayed by {program}"


def _differences(record: JsonObject, answer: JsonObject) -> Iterator[Difference]:
    """Of what is in the record; ids of our making aside."""
    sent = ids_in(encode([record["request"], record.get("resources")]))
    before = {name: record[name] for name in answer if name in record}
    after = {name: answer[name] for name in before}
    yield from differences_of(without_made_ids(before, sent), without_made_ids(after, sent))
