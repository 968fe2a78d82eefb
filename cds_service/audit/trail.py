"""The trail: what happened in one call so far; record, log line, metrics and spans follow it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from cds_service.cds_hooks.request import HookRequest
from cds_service.cds_hooks.response import HookResponse
from cds_service.crd.decision.order_answer import Decisions
from cds_service.crd.request.caller import ANYONE, Caller
from cds_service.crd.request.reply import Reply
from cds_service.crd.request.version import Version, asked_version
from cds_service.errors import HookError

_NEVER = datetime.min.replace(tzinfo=UTC)
_SILENCE = HookResponse(cards=())


@dataclass(slots=True, kw_only=True)
class Trail:
    """One call as it happens; it belongs to the thread that answers the call.

    `trace_id` is the 32 hexadecimal digits of W3C Trace Context. `durations` are seconds by phase:
    auth, read, fetch, match, respond, record. What is not known yet is None: `request` until the
    body has proved to be a hook request, `version` until one is agreed, `refusal` if the call is
    not refused. `leaves_record`: however it ends is recorded, with the use of its caller's token.
    `oddities` are what an operator may want to know, without a patient's data.
    """

    trace_id: str = ""
    caller: Caller = ANYONE
    hook: str = ""
    body: bytes = b""
    at: datetime = _NEVER
    request: HookRequest | None = None
    version: Version | None = None
    replies: Sequence[Reply] = ()
    oddities: tuple[str, ...] = ()
    decisions: Decisions = field(default_factory=Decisions)
    response: HookResponse = _SILENCE
    refusal: HookError | None = None
    durations: dict[str, float] = field(default_factory=dict)
    leaves_record: bool = False
    clock: Callable[[], float] = time.monotonic
    _phase: str = ""
    _since: float = 0.0

    @property
    def asked_version(self) -> str:
        """The CRD version that the client wrote, empty if it wrote none."""
        return asked_version(self.request.extension) if self.request else ""

    def begin(self, hook: str, body: bytes, at: datetime) -> Self:
        """This trail, now that a call of a hook has come and is about to be read.

        It came `at` a time, unless the door has dated it.
        """
        self.hook, self.body = hook, body
        self.at = at if self.at is _NEVER else self.at
        self.enter("read")
        return self

    def enter(self, phase: str) -> None:
        """End the phase under way and begin another; the time of a phase entered again adds up."""
        now = self.clock()
        if self._phase:
            self.durations[self._phase] = self.durations.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now

    def leave(self) -> None:
        """End the phase under way."""
        self.enter("")
