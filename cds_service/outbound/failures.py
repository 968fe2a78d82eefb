"""Why a request has no response that may be used, in words without an address, an id or a token."""

from cds_service.errors import CrdError

LATE = "no response in time"


class RequestFailed(CrdError):
    """A request has no response that may be used; the message is a short cause."""


class ServerFailed(RequestFailed):
    """The server cannot be reached, does not respond, or says itself that it is in trouble."""
