"""Health: whether the process lives, and whether it may be sent calls (reliability: 2).

Ready does not depend on EHRs and key servers: every instance would be taken out for the fault of
one of theirs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, Response

from cds_service.audit.health import StoreHealth
from cds_service.fhir.resource import encode

_JSON = "application/json"
_JOURNAL_MARK = 0.85  # of its limit; the rest is for the calls under way (reliability: C5)
_MOST_BEHIND = 300.0  # seconds that a record may be without a checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that has to hold; `cause` says in words why it does not, or not as it should."""

    name: str
    ok: bool
    cause: str = ""


class Readiness:
    """Whether this instance may be sent calls.

    `policies` tells how many policies are in service, `store` tells how the log of records is, and
    `behind` why newer policies are not in service, empty if they are; `clock` is why this host
    cannot date a call, empty if it can.
    """

    def __init__(
        self,
        *,
        policies: Callable[[], int],
        store: Callable[[], StoreHealth],
        behind: Callable[[], str] = str,
        clock: Callable[[], str] = str,
    ) -> None:
        self._policies, self._store, self._behind = policies, store, behind
        self._clock = clock
        self._is_stopping = False

    def stopping(self) -> None:
        """From now on it may not: calls under way are finished, and that is all."""
        self._is_stopping = True

    def checks(self) -> Sequence[Check]:
        """Everything that has to hold, in a lasting order."""
        return tuple(self._checks())

    def _checks(self) -> Iterator[Check]:
        yield _check("running", not self._is_stopping, "the service is stopping")
        yield _check("library", bool(self._policies()), "no policy is loaded")
        # Those in service go on answering: that newer ones are refused takes no instance out.
        yield Check(name="policies", ok=True, cause=self._behind())
        why = self._clock()
        yield _check("clock", not why, why)
        yield from _store_checks(self._store())


def _store_checks(state: StoreHealth) -> Iterator[Check]:
    yield _check("store", state.writable, _in_words(state.why) or "records cannot be written")
    mark = state.journal_limit * _JOURNAL_MARK
    is_below = not state.journal_bytes or state.journal_bytes < mark
    yield _check("journal", is_below, "the journal is nearly full: the database is away too long")
    # Where the chain is broken nothing is signed any more, so this too becomes false after a while.
    is_recent = state.sequencer_lag_seconds <= _MOST_BEHIND
    yield _check("checkpoints", is_recent, "records have been without a checkpoint for too long")


def _check(name: str, holds: bool, cause: str) -> Check:
    return Check(name=name, ok=holds, cause="" if holds else cause)


def _in_words(cause: str) -> str:
    """A cause that names no place: whoever may ask here need not know where things are."""
    return cause if "/" not in cause and "\\" not in cause else ""


def create_health(readiness: Readiness) -> Blueprint:
    """GET /livez and GET /readyz, which anybody may ask."""
    health = Blueprint("health", __name__)

    @health.get("/livez")
    def live() -> Response:
        return _respond({"live": True}, HTTPStatus.OK)

    @health.get("/readyz")
    def ready() -> Response:
        checks = readiness.checks()
        is_ready = all(check.ok for check in checks)
        body = {"ready": is_ready, "checks": [_to_json(check) for check in checks]}
        return _respond(body, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)

    return health


def _to_json(check: Check) -> dict[str, object]:
    return {"name": check.name, "ok": check.ok, **({"cause": check.cause} if check.cause else {})}


def _respond(body: dict[str, object], status: HTTPStatus) -> Response:
    """A line for each check, so that it can be read in a terminal."""
    lines = encode(body).replace(b'{"name"', b'\n  {"name"').replace(b"}]}", b"}\n]}") + b"\n"
    return Response(lines, status, mimetype=_JSON, headers={"Cache-Control": "no-store"})
