"""The door: who comes in, and the trail of a request from there on.

Discovery, services and feedback are for clients; what shows the store or the service's inside is
for operators; policies and probes are for anybody.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import g, request

from cds_service.access.authentication import Authentication
from cds_service.access.clients import Operator
from cds_service.access.limits import Limit, Limits
from cds_service.access.operators import find_operator
from cds_service.audit.trail import Trail
from cds_service.crd.request.caller import Caller, TokenUse
from cds_service.errors import HookError, NotRecorded, Replayed, TooMany

_AUTHORIZATION = "Authorization"


def _keep_nothing(_use: TokenUse) -> None:
    """There is no store."""


def _own_time() -> datetime:
    """There is no other clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Lets in clients, each within its limit, and operators.

    `base_url` is the URL that clients reach us under, without a final slash. `note_use` has the
    store note the use of a token that no record came with, and raises Replayed if it was noted
    before, by any process; `time_of_call` raises ClockWrong while this host cannot date a call.
    """

    authentication: Authentication
    call_limits: Limits
    limit_of: Callable[[Caller], Limit]
    operators: tuple[Operator, ...]
    base_url: str
    note_use: Callable[[TokenUse], None] = _keep_nothing
    time_of_call: Callable[[], datetime] = _own_time

    @contextmanager
    def client(self) -> Iterator[Trail]:
        """Let a client in for one request; gives its trail.

        Raises:
            Unauthorized: no valid token came.
            TooMany: this client makes more calls than it may.
            ClockWrong: no day is certain here.
        """
        trail = current_trail()
        # Read once: a clock that is set while the call is under way does not date it.
        trail.at = self.time_of_call()
        trail.enter("auth")
        url, headers = f"{self.base_url}{request.path}", request.headers.getlist(_AUTHORIZATION)
        caller = self.authentication.authenticate(headers, url, request.get_data())
        trail.caller = caller
        try:
            with (
                self._used_once(trail),
                self.call_limits.call(caller.name, self.limit_of(caller)),
            ):
                yield trail
        except (NotRecorded, TooMany):
            # It had no answer, so its client may send the very same again.
            self.authentication.forget(caller)
            raise

    @contextmanager
    def _used_once(self, trail: Trail) -> Iterator[None]:
        """Note the use of the token in the store, before an answer of which there is no record."""
        try:
            yield
        except (NotRecorded, TooMany, Replayed):
            raise
        except HookError:
            self._note_use(trail)
            raise
        else:
            self._note_use(trail)

    def _note_use(self, trail: Trail) -> None:
        if trail.caller.token_use and not trail.leaves_record:
            self.note_use(trail.caller.token_use)

    def check_clock(self) -> None:
        """Pass while this host can date what it answers, in front of what needs no client.

        Raises:
            ClockWrong: no day is certain here.
        """
        self.time_of_call()

    def operator(self) -> str:
        """The name of the operator who asks.

        Raises:
            Unauthorized: it is none.
        """
        return find_operator(request.headers.get(_AUTHORIZATION, ""), self.operators).name

    def check_operator(self) -> None:
        """Pass an operator, in front of pages that need no name.

        Raises:
            Unauthorized: it is none.
        """
        self.operator()


def open_trail() -> None:
    """Begin the trail of the request that has come, in whose trace it stands."""
    g.trail = Trail(trace_id=g.trace_context.trace_id)


def current_trail() -> Trail:
    """The trail of the request under way."""
    trail: Trail = g.trail
    return trail
