"""What the service tells of itself, what operators may ask, and where things are found."""

from collections.abc import Iterator

from cds_service.fhir.resource import JsonObject
from cds_service.web.openapi.examples import PAYER
from cds_service.web.openapi.parts import (
    FHIR_JSON,
    FORM,
    HTML,
    JSON,
    METRICS,
    OPERATOR,
    UNCHANGED,
    answer,
    content,
    in_path,
    operation,
    problems,
    query,
    record,
    ref,
    words,
)

SERVICE, OPERATORS, FINDING = "The service", "For operators", "Where things are"
_LIVES = {"type": "object", "properties": {"live": {"const": True}}, "required": ["live"]}
_ASSERTION = record(
    {
        "grant_type": {"const": "client_credentials"},
        "client_assertion_type": {
            "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        },
        "client_assertion": words("A JWT, signed with a key of the client.", minLength=1),
        "scope": words("Such as system/*.rs.", minLength=1),
    },
    required=("grant_type", "client_assertion_type", "client_assertion", "scope"),
)


def service_paths() -> Iterator[tuple[str, JsonObject]]:
    """Each path with its operations."""
    yield "/livez", {"get": _live()}
    yield "/readyz", {"get": _ready()}
    yield "/metrics", {"get": _metrics()}
    yield "/assertions/{identity}", {"get": _assertion()}
    yield "/admin/reload", {"post": _reload()}
    yield "/auth/token", {"post": _token()}
    yield "/fhir/.well-known/smart-configuration", {"get": _smart()}
    yield "/.well-known/davinci-configuration", {"get": _davinci("endpoints")}
    payer = in_path("payer_id", "The id of the payer's Organization.", example=PAYER)
    yield (
        "/payers/{payer_id}/.well-known/davinci-configuration",
        {"get": _davinci("endpoints-of-payer", payer)},
    )
    yield "/openapi.json", {"get": _document()}
    yield "/openapi", {"get": _page()}


def _live() -> JsonObject:
    answers = {"200": answer("It lives.", content(_LIVES))}
    return operation("live", SERVICE, "Whether the process lives", answers=answers)


def _ready() -> JsonObject:
    return operation(
        "ready",
        SERVICE,
        "Whether it may be sent calls, and if not, why",
        answers={
            "200": answer("It may.", content(ref("Readiness"))),
            "503": answer("It may not.", content(ref("Readiness"))),
        },
    )


def _metrics() -> JsonObject:
    return operation(
        "metrics",
        OPERATORS,
        "Counters, as Prometheus reads them",
        who=METRICS,
        answers={
            "200": answer(
                "The counters.",
                content(
                    {"type": "string"},
                    "text/plain",
                    "application/openmetrics-text",
                    "application/vnd.google.protobuf",
                ),
            ),
            **problems(401),
        },
    )


def _assertion() -> JsonObject:
    missing = {
        **content({"type": "string"}, HTML),
        **content(ref("OperationOutcome"), JSON, FHIR_JSON),
    }
    found = {**content({"type": "string"}, HTML), **content(ref("Dossier"))}
    return operation(
        "assertion",
        OPERATORS,
        "One answer, with the policy and the data that it came from",
        about="Who reads it is recorded before it is given.",
        who=OPERATOR,
        parameters=(
            in_path("identity", "An assertion id, or the id of a record."),
            query("format", "json, or else HTML; goes before the header Accept."),
        ),
        answers={
            "200": answer("The dossier.", found),
            "404": answer("No answer has this id.", missing),
            **problems(401, 503),
        },
    )


def _reload() -> JsonObject:
    return operation(
        "reload",
        OPERATORS,
        "Read the library directories again, and put them into service if they are sound",
        about="It answers when that is done. With a fault, the set in service stays.",
        who=OPERATOR,
        answers={
            "200": answer("What is in service now.", content(ref("Reloaded"))),
            **problems(401, 409, 503),
        },
    )


def _token() -> JsonObject:
    return operation(
        "token",
        FINDING,
        "An access token (SMART Backend Services)",
        body=content(_ASSERTION, FORM),
        answers={
            "200": answer("The token.", content(ref("Token"))),
            "400": answer("OAuth's error.", content(ref("TokenError"))),
            "401": answer("The assertion is not valid.", content(ref("TokenError"))),
            **problems(413, 503),
        },
    )


def _smart() -> JsonObject:
    return operation(
        "smart-configuration",
        FINDING,
        "Where tokens are had, and by which rules (SMART App Launch)",
        answers={
            "200": answer("The configuration.", content(ref("SmartConfiguration")), "ETag"),
            **UNCHANGED,
        },
    )


def _davinci(name: str, *parameters: JsonObject) -> JsonObject:
    answers = {
        "200": answer("The endpoints.", content(ref("DaVinciConfiguration")), "ETag"),
        **UNCHANGED,
    }
    return operation(
        name,
        FINDING,
        "Da Vinci endpoints by version (HRex)",
        about="It names the payer where there is but one, or where one is asked for.",
        parameters=parameters,
        answers={**answers, **(problems(404) if parameters else {})},
    )


def _document() -> JsonObject:
    answers = {
        "200": answer("This document.", content({"type": "object"}), "ETag"),
        **UNCHANGED,
    }
    return operation("openapi", FINDING, "This document", answers=answers)


def _page() -> JsonObject:
    answers = {
        "200": answer("A page.", content({"type": "string"}, HTML), "ETag"),
        **UNCHANGED,
    }
    return operation("openapi-page", FINDING, "This document as a page", answers=answers)
