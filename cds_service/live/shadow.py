"""The shadow: the set of policies to come, answering silently what the one in service answers.

A call is answered and recorded first. Then, on a thread of its own, it is answered again from its
record, by the set in service and by the one to come; nobody waits for that, nothing is asked of an
EHR, and nothing of it is sent or recorded but how the two differ.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore

from cds_service.audit.record import AuditRecord, Kind
from cds_service.authoring.effects import Effect, OrderEffect, effects_of
from cds_service.authoring.recorded_call import check_replayable, read_recorded_call
from cds_service.authoring.replay import Evaluate
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.errors import AuditError, HookError
from cds_service.fhir.resource import JsonObject, decode

_LOG = logging.getLogger("cds_service.live")
_WAITING = 256  # calls; one that finds no room is answered all the same, and only counted

# What became of one call in the shadow.
NOT_COMPARED, PASSED_OVER = "not-compared", "passed-over"  # else the value of an Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowing:
    """The two sets that a call is compared by, each by its digest with what answers by it."""

    serving: str
    by_serving: Evaluate
    coming: str
    by_coming: Evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What one call would have got: an effect for each order; `record` is the call's own id."""

    coming: str
    record: str
    effects: tuple[OrderEffect, ...]


def compare_call(record: JsonObject, shadowing: Shadowing) -> tuple[OrderEffect, ...]:
    """The effect of the coming set on each order of a recorded call.

    Raises:
        AuditError: it cannot be compared; the message says why.
    """
    check_replayable(record)
    if record.get("library") != shadowing.serving:
        raise AuditError("another set has come in service since")
    before, asked = _answers(record, shadowing.by_serving, with_token=True)
    had_token = not (asked and not record["queries"])
    if not had_token:  # it wanted to ask, and did not: it had no token, which no record keeps
        before, _ = _answers(record, shadowing.by_serving, with_token=False)
    after, asked = _answers(record, shadowing.by_coming, with_token=had_token)
    if asked:
        raise AuditError("the coming set would ask the EHR for what was not asked")
    return effects_of(before, after)


def _answers(
    record: JsonObject, evaluate: Evaluate, *, with_token: bool
) -> tuple[tuple[OrderAnswer, ...], bool]:
    """The answers of one set, none to a call that it refuses; and whether it lacked a reply."""
    call = read_recorded_call(record, with_token=with_token)
    try:
        answers = evaluate(call).decisions.answers
    except HookError:
        answers = ()
    return answers, bool(call.ehr.unrecorded)


def verdict_of(effects: Iterable[OrderEffect]) -> Effect:
    """The gravest of the effects on the orders of one call; the same where there are none."""
    found = {effect.effect for effect in effects}
    return next((effect for effect in Effect if effect in found), Effect.SAME)


class Shadow:
    """Compares calls on a thread of its own, until `close`.

    `shadowing` gives the two sets at the moment, None where there is nothing to compare. `keep` is
    given each call that would have been answered otherwise; it may fail without harm to any call.
    `count` is told the verdict on each call.
    """

    def __init__(
        self,
        *,
        shadowing: Callable[[], Shadowing | None],
        keep: Callable[[Compared], None],
        count: Callable[[str], None],
    ) -> None:
        self._shadowing, self._keep, self._count = shadowing, keep, count
        self._room = BoundedSemaphore(_WAITING)
        self._is_closed = False
        self._pool = ThreadPoolExecutor(1, "policy-shadow")

    def observe(self, record: AuditRecord) -> None:
        """Take a call that has been recorded; it waits for nothing, and never fails.

        A call may end after `close`, at a stop that did not wait for it: its answer leaves as ever.
        """
        if self._is_closed or record.kind is not Kind.ANSWER or self._shadowing() is None:
            return
        if not self._room.acquire(blocking=False):
            self._count(PASSED_OVER)
            return
        try:
            comparison = self._pool.submit(self._compare, record.payload)
        except RuntimeError:  # closed since it was asked whether it is
            self._room.release()
            return
        comparison.add_done_callback(self._ended)

    def close(self) -> None:
        """Stop after the call under comparison; those that wait are not compared."""
        self._is_closed = True
        self._pool.shutdown(cancel_futures=True)

    def _compare(self, payload: bytes) -> None:
        shadowing = self._shadowing()
        if shadowing is None:
            return
        record: JsonObject = decode(payload)
        try:
            effects = compare_call(record, shadowing)
        except AuditError as error:
            self._count(NOT_COMPARED)
            _LOG.debug("not compared: %s", error)
            return
        verdict = verdict_of(effects)
        if verdict is not Effect.SAME:
            self._keep(Compared(coming=shadowing.coming, record=record["id"], effects=effects))
        self._count(verdict.value)  # at last, so that what cannot be kept is counted as that alone

    def _ended(self, comparison: "Future[None]") -> None:
        """Make room; a fault of ours is told by its kind, and ends nothing but the comparison."""
        self._room.release()
        if not comparison.cancelled() and (fault := comparison.exception()):
            self._count(NOT_COMPARED)
            kind = type(fault).__name__
            _LOG.error("a call could not be compared: %s", kind, extra={"event": "shadow-fault"})
