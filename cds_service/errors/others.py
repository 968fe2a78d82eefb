"""What is refused, missing or broken without an HTTP status of its own."""

from cds_service.errors.base import CrdError


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


class SetRefused(CrdError):
    """A set of policies may not go live until it is changed; the message is for an operator."""


class NotThereYet(CrdError):
    """A set of policies cannot be had or kept just now, and is tried again in a while."""


class ExchangeError(CrdError):
    """Artifacts cannot be given out or taken in as asked; the message is for who asked."""


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
