"""Everything that can go wrong, on one page.

CrdError
├── StartError                  the service does not start
│   ├── SettingError            a setting has no usable value
│   └── ArtifactError           a library file is broken
│       └── ArtifactErrors      several things in a library are broken
├── HookError                   the caller gets an HTTP error with an OperationOutcome
│   ├── InvalidRequest      400 not JSON, not a hook request, the wrong hook for the service
│   ├── PayerNotHandled     400 no Coverage of a payer hosted here (CRD hook-13)
│   ├── Unauthorized        401 no valid token; the body is always the same (CDS Hooks, security)
│   │   └── Replayed        401 a token that was used for this very call before
│   ├── Forbidden           403 a client asks for what it may not have
│   ├── UnknownService      404
│   ├── DataUnavailable     412 needed data neither sent nor obtainable
│   ├── TooLarge            413 more than this service reads
│   ├── UnsupportedVersion  422 a CRD version this service does not speak
│   ├── OrderNotFound       422 an order that is not there to write an answer on (CRD hook-16)
│   ├── TooMany             429 more calls than this client may make just now
│   └── NotRecorded         503 the response could not be made durable, so it is not given
├── TokenRefused                a client gets no access token but an OAuth error (RFC 6749, 5.2)
├── AuditError                  a question to the store of records has no answer
│   └── TamperError             what the store holds is not what was signed
├── NotPublished                a checkpoint could not be put outside the store
├── RequestFailed               a request of ours to another server has no usable response
│   └── ServerFailed            that server cannot be reached, or is in trouble
├── StaleConnection             a kept connection was gone before it was used
└── ExpressionError             a FHIRPath expression that cannot be used or evaluated
"""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class CrdError(Exception):
    """Any error this service raises on purpose."""


class StartError(CrdError):
    """The service cannot start; the message says what an operator has to mend."""


# The option of a setting is its name with hyphens; these are the others.
_OPTIONS = {"database_url": "--database"}


def typed(key: str) -> str:
    """A setting as it is typed: its option, and its variable in brackets."""
    option = _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    return f"{option} (CRD_{key.upper()})"


class SettingError(StartError):
    """A setting has no usable value; `place` is the file and line it stands in, if it does."""

    def __init__(self, key: str, problem: str, place: str = "") -> None:
        where = f"{place}: `{key}`: " if place else ""
        super().__init__(f"{where}setting {typed(key)}: {problem}")
        self.key, self.place = key, place


class ArtifactError(StartError):
    """A library file is broken: which one, where in it, and what is wrong."""

    def __init__(self, path: Path | str, where: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: {problem}")
        self.path, self.where, self.problem = path, where, problem

    @property
    def faults(self) -> "tuple[ArtifactError, ...]":
        """Each single fault that this names."""
        return (self,)


class ArtifactErrors(ArtifactError):
    """Several faults of a library, all named, a line each; it is placed where the first one is."""

    def __init__(self, faults: Iterable[ArtifactError]) -> None:
        self._faults = tuple(faults)
        first, *others = self._faults
        super().__init__(first.path, first.where, "\n".join([first.problem, *map(str, others)]))

    @property
    def faults(self) -> tuple[ArtifactError, ...]:
        """Each single fault, as they were found."""
        return self._faults


class HookError(CrdError):
    """A hook call that gets an error response.

    `where` is the JSON path of the fault, if it has one.
    """

    status: ClassVar[int]
    issue_code: ClassVar[str]

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(problem)
        self.where = where


class InvalidRequest(HookError):
    """The body is not JSON, not a hook request, or for another hook (CRD hook-13)."""

    status = 400
    issue_code = "invalid"


class PayerNotHandled(HookError):
    """The primary Coverage does not lead to a payer hosted here (CRD hook-13)."""

    status = 400
    issue_code = "not-supported"


class Unauthorized(HookError):
    """No valid token came; whatever is wrong with it, the caller reads the same.

    `cause` is a short code of a closed list, for log and metric alone: it holds nothing of a token.
    `challenge` is how a token may be sent (RFC 9110, 11.6.1).
    """

    status = 401
    issue_code = "login"

    def __init__(self, cause: str, challenge: str = "Bearer") -> None:
        super().__init__("a valid token is needed")
        self.cause, self.challenge = cause, challenge


class Replayed(Unauthorized):
    """The token has been used with this very body before."""

    def __init__(self) -> None:
        super().__init__("replayed")


class Forbidden(HookError):
    """A known client asks for what it may not have."""

    status = 403
    issue_code = "forbidden"


class UnknownService(HookError):
    """No service has this id."""

    status = 404
    issue_code = "not-found"


class DataUnavailable(HookError):
    """Needed data was not prefetched and cannot be queried (CDS Hooks, prefetch)."""

    status = 412
    issue_code = "required"


class TooLarge(HookError):
    """The body is larger than this service reads, or names more than it reads."""

    status = 413
    issue_code = "too-long"


class UnsupportedVersion(HookError):
    """The client asks for a CRD version this service does not speak (CRD dev-3)."""

    status = 422
    issue_code = "not-supported"


class OrderNotFound(HookError):
    """A primary hook names only orders that are not there for its patient (CRD hook-16).

    The call is sound JSON, FHIR and CDS Hooks, so it is no 400; that they are not there is known,
    so it is no 412 (CRD hook-13, found-32).
    """

    status = 422
    issue_code = "not-found"


class TooMany(HookError):
    """More calls than may be made just now; `retry_after` is in seconds."""

    status = 429
    issue_code = "throttled"

    def __init__(self, problem: str, retry_after: int) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


class NotRecorded(HookError):
    """The response could not be written to the log (CRD found-37), so none is given."""

    status = 503
    issue_code = "transient"


class TokenRefused(CrdError):
    """A request for an access token gets an OAuth error (RFC 6749, 5.2), whose code is `error`.

    The message is for the client. `cause` is a short code of a closed list, for log and metric
    alone: what is wrong with an assertion its sender does not learn.
    """

    def __init__(self, error: str, problem: str, cause: str = "") -> None:
        super().__init__(problem)
        self.error, self.cause = error, cause or error


class AuditError(CrdError):
    """A question to the store of records has no answer; the message is for the person who asked."""


class TamperError(AuditError):
    """What the store holds, or a note or proof of it, is not what was signed."""


class NotPublished(CrdError):
    """A checkpoint could not be put outside the store; the message is a short cause, no address."""


class RequestFailed(CrdError):
    """A request to another server has no response that may be used; the message is a short cause.

    It names no address, no id and no token.
    """


class ServerFailed(RequestFailed):
    """That server cannot be reached, does not respond, or says itself that it is in trouble."""


class StaleConnection(CrdError):
    """A kept connection was gone before it gave a byte: nothing is known against the server."""


class ExpressionError(CrdError, ValueError):
    """A FHIRPath expression that cannot be used, or that failed for one order."""
