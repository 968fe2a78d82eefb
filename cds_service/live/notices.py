"""Log lines about sets of policies: one for each change of state, none for each try."""

import logging
from collections.abc import Mapping

from cds_service.live.attempt import Attempt, Ending, Standing

_LOG = logging.getLogger("cds_service.live")
_DIGITS = 19  # of a digest, as many as tell sets apart: `sha256:` and twelve

_LEVELS: Mapping[Ending, int] = {
    Ending.CHANGED: logging.INFO,
    Ending.UNCHANGED: logging.INFO,
    Ending.WAITING: logging.INFO,
    Ending.DECLINED: logging.WARNING,
    Ending.POSTPONED: logging.ERROR,
    Ending.REFUSED: logging.ERROR,
}
_WORDS: Mapping[Ending, str] = {
    Ending.CHANGED: "new policies are in service: %(digest)s, from the %(source)s",
    Ending.UNCHANGED: "the policies were read again and are those in service: %(digest)s",
    Ending.WAITING: "policies are proved and wait for their instant: %(digest)s",
    Ending.DECLINED: "the directories were not read: %(cause)s",
    Ending.POSTPONED: "new policies wait, and the old ones stay in service: %(cause)s",
    Ending.REFUSED: "new policies are refused, and the old ones stay in service: %(cause)s",
}
_EVENTS: Mapping[Ending, Mapping[str, str]] = {
    Ending.CHANGED: {"event": "policies-changed"},
    Ending.UNCHANGED: {"event": "policies-unchanged"},
    Ending.WAITING: {"event": "policies-waiting"},
    Ending.DECLINED: {"event": "policies-declined"},
    Ending.POSTPONED: {"event": "policies-postponed"},
    Ending.REFUSED: {"event": "policies-refused"},
}


def note_attempt(attempt: Attempt, before: Standing) -> None:
    """A line on how an attempt ended, unless it is a try that failed as the one before did."""
    if _is_again(attempt, before.last):
        return
    cause = attempt.cause
    values = {
        "digest": attempt.digest[:_DIGITS],
        "source": attempt.source.value,
        "cause": cause,
    }
    extra = {**_EVENTS[attempt.ending], "revision": attempt.digest, "cause": cause}
    _LOG.log(_LEVELS[attempt.ending], _WORDS[attempt.ending], values, extra=extra)


def _is_again(attempt: Attempt, last: Attempt | None) -> bool:
    """Whether it was tried again by itself, and failed as it did before."""
    return (
        last is not None
        and attempt.ending is Ending.POSTPONED
        and (attempt.ending, attempt.problems) == (last.ending, last.problems)
    )


def note_fault(error: BaseException) -> None:
    """A line on a fault of the program."""
    raised = (type(error), error, error.__traceback__)
    extra = {"event": "policies-fault"}
    _LOG.error("a fault of the program, and the old policies stay", exc_info=raised, extra=extra)
