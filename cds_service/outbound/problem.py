"""Why a query has no answer, in words without an address, an id or a token."""

from cds_service.errors import CrdError

LATE = "no answer in time"


class Problem(CrdError):
    """A query has no answer that may be used; the message is a short cause."""


class Unwell(Problem):
    """The EHR cannot be reached, does not answer, or says itself that it is in trouble."""
