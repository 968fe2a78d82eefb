"""What a caller gets an HTTP error for, with an OperationOutcome."""

from typing import ClassVar

from cds_service.errors.base import CrdError


class HookError(CrdError):
    """A hook call that gets an error response.

    `where` is the JSON path of the fault, if it has one; `retry_after` are the seconds after which
    the same call may be answered, 0 if that cannot be told.
    """

    status: ClassVar[int]
    issue_code: ClassVar[str]
    retry_after = 0

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


class BeingMade(HookError):
    """What is shown of the policies is just being made for another caller, and is there soon."""

    status = 503
    issue_code = "transient"
    retry_after = 1


class ClockWrong(HookError):
    """This host's clock and the database's differ: neither tells what day it is."""

    status = 503
    issue_code = "transient"


class Stopping(HookError):
    """What was asked for is not done: the service stops, or takes too long over it."""

    status = 503
    issue_code = "transient"
