"""What a caller of the library's FHIR API gets an HTTP error for."""

from cds_service.errors.http import HookError


class InvalidSearch(HookError):
    """A search that cannot be read: a value, a modifier or its own contradiction (FHIR R4, search).

    Never raised for a parameter that is merely unknown, unless `Prefer: handling=strict` asks.
    """

    status = 400
    issue_code = "invalid"


class MissingParameter(HookError):
    """A parameter that a FHIR operation cannot do without is not there (FHIR R4, operations)."""

    status = 400
    issue_code = "required"


class UnknownArtifact(HookError):
    """The set of policies in service holds no resource, or no version of it, by this name."""

    status = 404
    issue_code = "not-found"


class UnsupportedKind(HookError):
    """The FHIR API does not serve this resource type, or what is asked of it (FHIR R4, http)."""

    status = 404
    issue_code = "not-supported"


class NotAcceptable(HookError):
    """The caller takes no format, or no FHIR version, that the library is served in."""

    status = 406
    issue_code = "not-supported"


class SetReplaced(HookError):
    """The page belongs to a search in a set of policies that is no longer in service here."""

    status = 410
    issue_code = "deleted"


class UnreadableBody(HookError):
    """The body is of a media type that is not read there."""

    status = 415
    issue_code = "not-supported"


class UnsupportedParameter(HookError):
    """A parameter that would change the answer of a FHIR operation, and is not understood here."""

    status = 422
    issue_code = "not-supported"


class CodesNotHeld(HookError):
    """Whether a code exists cannot be told: the codes of its system are not held here.

    FHIR's answers are true and false; neither would be so.
    """

    status = 422
    issue_code = "not-found"


class TooCostly(HookError):
    """More codes than are written out in one answer, or as many as cannot be listed (FHIR R4)."""

    status = 422
    issue_code = "too-costly"
