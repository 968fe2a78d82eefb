"""The hook request: the envelope checked strictly, what is inside it left to tolerant readers."""

from dataclasses import dataclass, field

from cds_service.cds_hooks.json_limits import JsonLimits
from cds_service.cds_hooks.schema import Schema
from cds_service.errors import InvalidRequest
from cds_service.fhir.resource import Json, JsonObject, decode, first, has_repeated_names, text


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """One call of one hook (CDS Hooks, Calling a CDS Service)."""

    hook: str
    hook_instance: str
    context: JsonObject
    prefetch: JsonObject
    extension: JsonObject
    fhir_server: str = ""
    fhir_authorization: JsonObject = field(default_factory=dict, repr=False)  # holds a token
    body: JsonObject = field(repr=False)

    @property
    def can_query(self) -> bool:
        """Whether the client gave us somewhere to ask, and the means to."""
        return bool(self.fhir_server and text(self.fhir_authorization.get("access_token")))


_LIMITS = JsonLimits()
_OPTIONAL = frozenset({"fhirServer", "fhirAuthorization", "prefetch", "extension"})


class HookRequestParser:
    """Reads the request bodies of one hook, within limits; holds the compiled schema."""

    def __init__(self, hook: str, limits: JsonLimits = _LIMITS) -> None:
        self._hook = hook
        self._limits = limits
        self._schema = Schema("hook-request", "hook request", context_of=hook)

    def parse(self, body: bytes) -> HookRequest:
        """The request in `body`.

        Raises:
            InvalidRequest: not JSON, not a hook request, or another hook's.
            TooLarge: it nests too deep, or holds too many resources.
        """
        request = self._schema.check(_without_nothing(decode_json(body, self._limits)))
        return HookRequest(
            hook=self._hook,
            hook_instance=request["hookInstance"].removeprefix("urn:uuid:"),
            context=request["context"],
            prefetch=request.get("prefetch") or {},
            extension=first(request.get("extension")),
            fhir_server=request.get("fhirServer", ""),
            fhir_authorization=request.get("fhirAuthorization", {}),
            body=request,
        )


def _without_nothing(request: Json) -> Json:
    """The envelope less optional members that are null or empty.

    CDS Hooks forbids them, clients send them.
    """
    if not isinstance(request, dict):
        return request
    return {
        name: value
        for name, value in request.items()
        if name not in _OPTIONAL or value not in (None, "", {})
    }


def decode_json(body: bytes, limits: JsonLimits = _LIMITS) -> Json:
    """The JSON value in `body`.

    Raises:
        InvalidRequest: it is not JSON.
        TooLarge: it is beyond the limits.
    """
    try:
        value = decode(body)
        limits.check(value)
        repeated = has_repeated_names(body, value)
    except ValueError as error:
        raise InvalidRequest(f"the body is not JSON: {error}", "$") from error
    except RecursionError as error:  # it could be read, but not given back
        raise InvalidRequest("the body is not JSON: nested too deep", "$") from error
    if repeated:
        raise InvalidRequest(
            "an object names a member twice, and no two readers agree which counts", "$"
        )
    return value
