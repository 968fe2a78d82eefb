"""The CapabilityStatement: what the FHIR API can do (FHIR R4, http, capabilities)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from cds_service.fhir.resource import JsonObject, text
from cds_service.rest.formats import FHIR_JSON
from cds_service.rest.library import RestLibrary
from cds_service.rest.search.parameters import Kind, SearchParameter
from cds_service.rest.shelf import Shelf

_CORE = "http://hl7.org/fhir/OperationDefinition"
# By resource type, the operations with their definitions; `operations/` does them.
OPERATIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "CodeSystem": {
            "lookup": f"{_CORE}/CodeSystem-lookup",
            "validate-code": f"{_CORE}/CodeSystem-validate-code",
        },
        "PlanDefinition": {
            "package": "http://hl7.org/fhir/uv/crmi/OperationDefinition/crmi-package"
        },
        "ValueSet": {
            "expand": f"{_CORE}/ValueSet-expand",
            "validate-code": f"{_CORE}/ValueSet-validate-code",
        },
    }
)
_DOCUMENTATION = (
    "The coverage policies in service, read only. A page of a search stays within the set of "
    "policies that the search began in; once another set is in service its links answer 410. "
    "Unknown search parameters are ignored, and named in an OperationOutcome of the result, unless "
    "`Prefer: handling=strict` asks to refuse them."
)
_SECURITY = (
    "Open: the policies are public. No token is needed, none is read, and any web page may ask "
    "without credentials."
)
_BY_VERSION = (
    "A version is read by the business version of the resource, such as _history/2024.10.8, which "
    "stands in its `version`. Other versions of a policy have other ids; search by their `url`."
)


def capability_statement(library: RestLibrary, base: str, version: str) -> JsonObject:
    """What can be done under `base` with this set; `version` is the software's.

    It instantiates no capability statement of a guide: we know of none that it fulfils whole.
    """
    return {
        "resourceType": "CapabilityStatement",
        "id": "crd-service",
        "name": "CrdServiceLibrary",
        "title": "Coverage policies as FHIR",
        "status": "active",
        "experimental": False,
        "date": library.since.isoformat(timespec="seconds"),
        "kind": "instance",
        "description": _DOCUMENTATION,
        "software": {"name": "CRD service", "version": version},
        "implementation": {
            "description": f"Coverage policies, set {library.digest}",
            "url": base,
        },
        "fhirVersion": "4.0.1",
        "format": [FHIR_JSON, "json"],
        "rest": [_rest(library)],
    }


def _rest(library: RestLibrary) -> JsonObject:
    return {
        "mode": "server",
        "documentation": _DOCUMENTATION,
        "security": {"cors": True, "description": _SECURITY},
        "resource": [_resource(shelf, library) for shelf in library.shelves.values()],
        "interaction": [{"code": "search-system"}],
    }


def _resource(shelf: Shelf, library: RestLibrary) -> JsonObject:
    codes = ["read", "search-type", "history-instance"]
    if "version" in shelf.parameters:
        codes.insert(1, "vread")
    references = [
        f"{shelf.kind}:{parameter.name}"
        for parameter in shelf.parameters.values()
        if parameter.kind is Kind.REFERENCE
    ]
    resource: JsonObject = {
        "type": shelf.kind,
        "interaction": [{"code": code} for code in codes],
        "versioning": "no-version",  # there is no meta.versionId
        "readHistory": False,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalRead": "full-support",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchInclude": references,
        "searchRevInclude": sorted(_referring(shelf.kind, library)),
        "searchParam": [_search_parameter(found) for found in shelf.parameters.values()],
        "operation": [
            {"name": name, "definition": definition}
            for name, definition in OPERATIONS.get(shelf.kind, {}).items()
        ],
    }
    if "vread" in codes:
        resource["documentation"] = _BY_VERSION
    return {name: value for name, value in resource.items() if value != []}


def _referring(kind: str, library: RestLibrary) -> Iterator[str]:
    """The references of all types that can name a resource of this one."""
    for shelf in library.shelves.values():
        for parameter in shelf.parameters.values():
            if parameter.kind is Kind.REFERENCE and kind in (parameter.targets or (kind,)):
                yield f"{shelf.kind}:{parameter.name}"


def _search_parameter(parameter: SearchParameter) -> JsonObject:
    known = [modifier for modifier in parameter.modifiers if modifier != "missing"]
    shown: JsonObject = {
        "name": parameter.name,
        "definition": parameter.definition,
        "type": text(parameter.kind.value),
    }
    if known:
        shown["documentation"] = f"Modifiers: {', '.join(f':{modifier}' for modifier in known)}"
    return shown
