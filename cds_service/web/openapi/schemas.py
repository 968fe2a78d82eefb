"""Schemas of FHIR resources and of what the service tells of itself."""

from collections.abc import Mapping

from cds_service.fhir.resource import Json
from cds_service.web.openapi.parts import ID_PATTERN, listing, record, ref, words

_RESOURCE = record(
    {"resourceType": words(pattern="^[A-Z][A-Za-z]+$"), "id": words(pattern=ID_PATTERN)},
    required=("resourceType",),
    about="A FHIR R4 resource, whole; see hl7.org/fhir/R4.",
)
_ISSUE = record(
    {
        "severity": {"enum": ["fatal", "error", "warning", "information"]},
        "code": words("Of FHIR's issue types, such as `not-found`.", pattern="^[a-z-]+$"),
        "diagnostics": words("In words, with the JSON path of the fault."),
        "expression": listing("The same place as FHIRPath.", words()),
    },
    required=("severity", "code"),
)
_OPERATION_OUTCOME = record(
    {
        "resourceType": {"const": "OperationOutcome"},
        "id": words("The trace id by which an operator finds the call."),
        "issue": listing("What is wrong.", ref("Issue"), minItems=1),
    },
    required=("resourceType", "issue"),
)
_PARAMETER = record(
    {"name": words(minLength=1)},
    required=("name",),
    about="One parameter: a name, and a value of any type as `value[x]`, a resource, or parts.",
)
_PARAMETERS = record(
    {
        "resourceType": {"const": "Parameters"},
        "parameter": listing("By name.", ref("Parameter")),
    },
    required=("resourceType",),
)
_ENTRY = record(
    {"fullUrl": words(), "resource": ref("Resource"), "search": {"type": "object"}},
)
_BUNDLE = record(
    {
        "resourceType": {"const": "Bundle"},
        "type": {"enum": ["searchset", "collection", "history"]},
        "total": {"type": "integer", "minimum": 0},
        "link": listing("Pages, by relation.", {"type": "object"}),
        "entry": listing("The resources.", ref("Entry")),
    },
    required=("resourceType", "type"),
)
_VALUE_SET = record(
    {
        "resourceType": {"const": "ValueSet"},
        "url": words(),
        "expansion": record(
            {
                "identifier": words(),
                "timestamp": words(),
                "total": {"type": "integer", "minimum": 0},
                "offset": {"type": "integer", "minimum": 0},
                "parameter": listing("What the expansion was asked for with.", {"type": "object"}),
                "contains": listing("The codes of this page.", ref("Coding")),
            },
            required=("timestamp", "total"),
        ),
    },
    required=("resourceType", "expansion"),
)
_CAPABILITIES = record(
    {
        "resourceType": {"const": "CapabilityStatement"},
        "fhirVersion": {"const": "4.0.1"},
        "kind": {"const": "instance"},
        "rest": listing("Types, interactions, search parameters, operations.", {"type": "object"}),
    },
    required=("resourceType", "status", "date", "kind", "fhirVersion", "format"),
)
_CHECK = record(
    {
        "name": words(),
        "ok": {"type": "boolean"},
        "cause": words("Why it does not hold, or why the last set of policies was refused."),
    },
    required=("name", "ok"),
)
_READINESS = record(
    {
        "ready": {"type": "boolean"},
        "checks": listing("Everything that has to hold.", ref("Check")),
    },
    required=("ready", "checks"),
)
_COVERAGE_ROW = record(
    {
        "payer": words(),
        "code": {"type": ["string", "null"]},
        "covered": words("As CRD has it: covered, not-covered, conditional, indeterminate."),
        "rule": words(),
        "when": words("What has to hold beside the code."),
        "policy": words("The policy, as `url|version`."),
    },
    required=("payer", "code", "covered", "rule", "when", "policy"),
    about="One code in one rule. Columns may be added, and none is renamed or taken away.",
)
_COVERAGE_LIST = record(
    {
        "as_of": words(format="date"),
        "library": words("The set of policies, by its digest."),
        "question": {"type": "object"},
        "answers": listing("The question answered in sentences, if it is about one code.", words()),
        "total": {"type": "integer", "minimum": 0},
        "page": {"type": "integer", "minimum": 1},
        "pages": {"type": "integer", "minimum": 0},
        "next": {"type": ["string", "null"], "description": "The address of the next page."},
        "notes": listing("What the list is, and what it is not.", words()),
        "rows": listing("The rows of this page.", ref("CoverageRow")),
    },
    required=("as_of", "library", "total", "page", "pages", "rows"),
)
_DAVINCI = record(
    {
        "identifier": record({"system": words(), "value": words()}, required=("system", "value")),
        "endpoints": record(
            {},
            about="Base URLs by HRex's names, such as davinci_crd_hook_endpoint#2.2.",
            additionalProperties=words(format="uri"),
        ),
    },
    required=("endpoints",),
    about="HRexWellknownDefinition.",
)
_SMART = record(
    {
        "token_endpoint": words(format="uri"),
        "grant_types_supported": listing("", {"const": "client_credentials"}),
        "scopes_supported": listing("", words()),
        "capabilities": listing("", words()),
    },
    required=("token_endpoint", "grant_types_supported", "capabilities"),
)
_TOKEN = record(
    {
        "access_token": words(),
        "token_type": {"const": "bearer"},
        "expires_in": {"type": "integer", "minimum": 1, "maximum": 300},
        "scope": words(),
    },
    required=("access_token", "token_type", "expires_in", "scope"),
)
_TOKEN_ERROR = record(
    {"error": words("OAuth's code (RFC 6749, 5.2)."), "error_description": words()},
    required=("error",),
)
_RELOADED = record(
    {
        "revision": words("The set of policies in service, by its digest."),
        "since": words(format="date-time"),
        "policies": {"type": "integer", "minimum": 0},
        "changed": {"type": "boolean"},
    },
    required=("revision", "since", "policies", "changed"),
)
_DOSSIER = record(
    {"asked": words(), "record": {"type": "object"}}, about="One answer and what was kept with it."
)
SCHEMAS: Mapping[str, Json] = {
    "Bundle": _BUNDLE,
    "CapabilityStatement": _CAPABILITIES,
    "Check": _CHECK,
    "CoverageList": _COVERAGE_LIST,
    "CoverageRow": _COVERAGE_ROW,
    "DaVinciConfiguration": _DAVINCI,
    "Dossier": _DOSSIER,
    "Entry": _ENTRY,
    "ExpandedValueSet": _VALUE_SET,
    "Issue": _ISSUE,
    "OperationOutcome": _OPERATION_OUTCOME,
    "Parameter": _PARAMETER,
    "Parameters": _PARAMETERS,
    "Readiness": _READINESS,
    "Reloaded": _RELOADED,
    "Resource": _RESOURCE,
    "SmartConfiguration": _SMART,
    "Token": _TOKEN,
    "TokenError": _TOKEN_ERROR,
}
