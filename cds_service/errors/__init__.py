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
│   ├── InvalidSearch       400 a search of the library that cannot be read as one (FHIR R4, search)
│   ├── MissingParameter    400 a parameter that a FHIR operation cannot do without
│   ├── UnknownService      404
│   ├── UnknownArtifact     404 the library in service holds no such resource or version
│   ├── UnsupportedKind     404 the library's FHIR API does not serve this resource type
│   ├── NotAcceptable       406 a format or FHIR version that the library is not served in
│   ├── SetReplaced         410 a page of a search in a set of policies no longer in service
│   ├── DataUnavailable     412 needed data neither sent nor obtainable
│   ├── TooLarge            413 more than this service reads
│   ├── UnreadableBody      415 a body of a media type that is not read there
│   ├── UnsupportedVersion  422 a CRD version this service does not speak
│   ├── UnsupportedParameter 422 a parameter that would change the answer, and is not understood
│   ├── CodesNotHeld        422 a question about the codes of a system whose codes are not held here
│   ├── TooCostly           422 more codes than are written out in one answer
│   ├── OrderNotFound       422 an order that is not there to write an answer on (CRD hook-16)
│   ├── TooMany             429 more calls than this client may make just now
│   ├── NotRecorded         503 the response could not be made durable, so it is not given
│   ├── BeingMade           503 what is shown of new policies is not made yet; it is soon
│   ├── ClockWrong          503 the clocks of this host and of the database differ
│   └── Stopping            503 the service stops before what was asked for is done
├── TokenRefused                a client gets no access token but an OAuth error (RFC 6749, 5.2)
├── AuditError                  a question to the store of records has no answer
│   └── TamperError             what the store holds is not what was signed
├── NotPublished                a checkpoint could not be put outside the store
├── SetRefused                  a set of policies may not go live, until it is changed or approved
├── NotThereYet                 a set of policies cannot be had or kept just now: it is tried again
├── ExchangeError               artifacts cannot be given out or taken in as asked
├── RequestFailed               a request of ours to another server has no usable response
│   └── ServerFailed            that server cannot be reached, or is in trouble
├── StaleConnection             a kept connection was gone before it was used
└── ExpressionError             a FHIRPath expression that cannot be used or evaluated
"""

from cds_service.errors.base import CrdError
from cds_service.errors.fhir_api import (
    CodesNotHeld,
    InvalidSearch,
    MissingParameter,
    NotAcceptable,
    SetReplaced,
    TooCostly,
    UnknownArtifact,
    UnreadableBody,
    UnsupportedKind,
    UnsupportedParameter,
)
from cds_service.errors.http import (
    BeingMade,
    ClockWrong,
    DataUnavailable,
    Forbidden,
    HookError,
    InvalidRequest,
    NotRecorded,
    OrderNotFound,
    PayerNotHandled,
    Replayed,
    Stopping,
    TooLarge,
    TooMany,
    Unauthorized,
    UnknownService,
    UnsupportedVersion,
)
from cds_service.errors.others import (
    AuditError,
    ExchangeError,
    ExpressionError,
    NotPublished,
    NotThereYet,
    RequestFailed,
    ServerFailed,
    SetRefused,
    StaleConnection,
    TamperError,
    TokenRefused,
)
from cds_service.errors.start import (
    ArtifactError,
    ArtifactErrors,
    SettingError,
    StartError,
    typed,
)

__all__ = [
    "ArtifactError",
    "ArtifactErrors",
    "AuditError",
    "BeingMade",
    "ClockWrong",
    "CodesNotHeld",
    "CrdError",
    "DataUnavailable",
    "ExchangeError",
    "ExpressionError",
    "Forbidden",
    "HookError",
    "InvalidRequest",
    "InvalidSearch",
    "MissingParameter",
    "NotAcceptable",
    "NotPublished",
    "NotRecorded",
    "NotThereYet",
    "OrderNotFound",
    "PayerNotHandled",
    "Replayed",
    "RequestFailed",
    "ServerFailed",
    "SetRefused",
    "SetReplaced",
    "SettingError",
    "StaleConnection",
    "StartError",
    "Stopping",
    "TamperError",
    "TokenRefused",
    "TooCostly",
    "TooLarge",
    "TooMany",
    "Unauthorized",
    "UnknownArtifact",
    "UnknownService",
    "UnreadableBody",
    "UnsupportedKind",
    "UnsupportedParameter",
    "UnsupportedVersion",
    "typed",
]
