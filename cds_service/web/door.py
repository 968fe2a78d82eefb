"""The door: who comes in, and the trail of a request from there on.

Discovery, services and feedback are for clients; what shows the store or the service's inside is
for operators; policies and probes are for anybody.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import g, request

from cds_service.access.authentication import Authentication
from cds_service.access.clients import Operator
from cds_service.access.limits import CallLimits, Limit
from cds_service.access.operators import find_operator
from cds_service.audit.trail import Trail
from cds_service.crd.request.caller import Caller
from cds_service.errors import NotRecorded, TooMany

_AUTHORIZATION = "Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Lets in clients, each within its limit, and operators.

    `base_url` is the URL that clients reach us under, without a final slash.
    """

    authentication: Authentication
    call_limits: CallLimits
    limit_of: Callable[[Caller], Limit]
    operators: tuple[Operator, ...]
    base_url: str

    @contextmanager
    def client(self) -> Iterator[Trail]:
        """Let a client in for one request; gives its trail.

        Raises:
            Unauthorized: no valid token came.
            TooMany: this client makes more calls than it may.
        """
        trail = current_trail()
        trail.enter("auth")
        url, headers = f"{self.base_url}{request.path}", request.headers.getlist(_AUTHORIZATION)
        caller = self.authentication.authenticate(headers, url, request.get_data())
        trail.caller = caller
        try:
            with self.call_limits.call(caller.name, self.limit_of(caller)):
                yield trail
        except (NotRecorded, TooMany):
            # It had no answer, so its client may send the very same again.
            self.authentication.forget(caller)
            raise

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
