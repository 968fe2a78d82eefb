"""The document: the descriptions of all that a service offers, as it is set up, put together."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject
from cds_service.version import VERSION
from cds_service.web.openapi import (
    cds_paths,
    fhir_paths,
    operation_paths,
    people_paths,
    service_paths,
)
from cds_service.web.openapi.hook_schemas import hook_schemas
from cds_service.web.openapi.parts import (
    CLIENT,
    FHIR_JSON,
    FREE,
    METRICS,
    OPERATOR,
    PROBLEMS,
    answer,
    content,
    problems,
    ref,
)
from cds_service.web.openapi.schemas import SCHEMAS

_ABOUT = (
    "Coverage requirements discovery (Da Vinci CRD) over CDS Hooks, with payers' policies as FHIR. "
    "Every error is an OperationOutcome that says what to change."
)
_TAGS: Mapping[str, str] = {
    cds_paths.TAG: "What EHRs call while a clinician orders.",
    people_paths.TAG: "The policies to read, and the list of what they determine.",
    fhir_paths.TAG: "The library of policies as a FHIR R4 server, to read only.",
    operation_paths.TAG: "What is asked of ValueSets, code systems and policies.",
    service_paths.SERVICE: "Probes.",
    service_paths.OPERATORS: "With an operator's token.",
    service_paths.FINDING: "Discovery of endpoints, and this document.",
}
_TOKENS: Mapping[str, JsonObject] = {
    "clientToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT that the client signs for this very call (CDS Hooks, security).",
    },
    "operatorToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of an operator; a browser sends it as a password (HTTP Basic).",
    },
}
_HEADERS: Mapping[str, str] = {
    "ETag": "Names this state of it: If-None-Match asks whether there is another.",
    "Last-Modified": "Since when it has been so.",
    "Link": "The next page.",
    "Retry-After": "Seconds to wait.",
    "WWW-Authenticate": "How a token may be sent.",
}
_HEADERS_OF_PROBLEMS = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whose tokens are asked for: of clients, and of whoever reads the metrics."""

    clients: bool
    metrics: bool

    def security(self, who: str) -> list[JsonObject]:
        """What one has to show, as a document has it; nothing where anybody may call."""
        asked: Mapping[str, list[JsonObject]] = {
            FREE: [],
            CLIENT: [{"clientToken": []}] if self.clients else [],
            METRICS: [{"operatorToken": []}] if self.metrics else [],
            OPERATOR: [{"operatorToken": []}],
        }
        return asked[who]


def described_paths() -> dict[str, JsonObject]:
    """All that there can be, with who may call in `x-who`."""
    return {
        **dict(cds_paths.cds_paths()),
        **dict(people_paths.people_paths()),
        **dict(fhir_paths.fhir_paths()),
        **dict(operation_paths.operation_paths()),
        **dict(service_paths.service_paths()),
    }


def write_document(rules: Iterable[str], base_url: str, access: Access) -> JsonObject:
    """The OpenAPI document of a service that has these rules of Flask's."""
    served = {_VARIABLE.sub(r"{\1}", rule) for rule in rules}
    paths = {
        path: _secured_all(methods, access)
        for path, methods in described_paths().items()
        if path in served or _is_hook_service(path)
    }
    used = {tag for methods in paths.values() for tag in _tags(methods)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CRD service",
            "version": VERSION,
            "summary": "Coverage requirements discovery, and the policies behind it",
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": tag, "description": _TAGS[tag]} for tag in _TAGS if tag in used],
        "paths": paths,
        "components": _components(),
    }


def _is_hook_service(path: str) -> bool:
    """One rule of Flask's serves all hooks; the document has them one by one."""
    return path.startswith("/cds-services/")


def _tags(methods: JsonObject) -> list[str]:
    return [described["tags"][0] for described in methods.values()]


def _secured_all(methods: JsonObject, access: Access) -> JsonObject:
    return {method: _secured(described, access) for method, described in methods.items()}


def _secured(described: JsonObject, access: Access) -> JsonObject:
    """An operation with what has to be shown for it, and the fault that any may end in."""
    known = {name: part for name, part in described.items() if name != "x-who"}
    security = access.security(described["x-who"])
    no_token = tuple(problems(401).values())
    answers = {
        status: part
        for status, part in described["responses"].items()
        if security or part not in no_token
    }
    return {**known, "security": security, "responses": {**answers, **problems(500)}}


def _components() -> JsonObject:
    return {
        "schemas": dict(sorted({**SCHEMAS, **hook_schemas()}.items())),
        "responses": {
            name: answer(
                about,
                content(ref("OperationOutcome"), FHIR_JSON),
                *_HEADERS_OF_PROBLEMS.get(status, ()),
            )
            for status, (name, about) in PROBLEMS.items()
        },
        "headers": {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in _HEADERS.items()
        },
        "securitySchemes": dict(_TOKENS),
    }
