"""OperationOutcome: how FHIR says that something went wrong."""

import re

from cds_service.errors import HookError, Unauthorized
from cds_service.fhir.resource import JsonObject

# One step of a JSON path: `.name`, `['any name']` or `[0]`.
_STEP = re.compile(r"\.([^.\[]+)|\['((?:[^'\\]|\\.)*)'\]|(\[\d+\])", re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def outcome_of(error: HookError, trace_id: str = "") -> JsonObject:
    """The OperationOutcome that tells a caller of an error (CRD hook-10).

    All that have no valid token read the very same, byte for byte.
    """
    return operation_outcome(
        code=error.issue_code,
        diagnostics=str(error),
        where=error.where,
        trace_id="" if isinstance(error, Unauthorized) else trace_id,
    )


def operation_outcome(
    *, code: str, diagnostics: str, where: str = "", severity: str = "error", trace_id: str = ""
) -> JsonObject:
    """An OperationOutcome with one issue; `where` is the JSON path of the fault.

    Its id is the `trace_id` by which an operator finds the call.

    Developers look for the JSON path, so it stands in `diagnostics`; `expression` has to be
    FHIRPath (FHIR R4, OperationOutcome).
    """
    issue: JsonObject = {
        "severity": severity,
        "code": code,
        "diagnostics": _with_place(diagnostics, where),
    }
    if expression := fhirpath_of(where):
        issue["expression"] = [expression]
    identity = {"id": trace_id} if trace_id else {}
    return {"resourceType": "OperationOutcome", **identity, "issue": [issue]}


def _with_place(problem: str, where: str) -> str:
    """The problem with the JSON path of its place, unless the problem's own words name it."""
    return problem if not where or f"`{where}`" in problem else f"{problem}, at `{where}`"


def fhirpath_of(json_path: str) -> str:
    """The same place in FHIRPath, `context` for `$.context`; empty for `$`, which has no name."""
    fhirpath = ""
    for name, quoted, index in _STEP.findall(json_path):
        dot = "." if fhirpath and not index else ""
        fhirpath += dot + (index or _identifier(name or re.sub(r"\\(.)", r"\1", quoted)))
    return fhirpath


def _identifier(name: str) -> str:
    """A member's name as FHIRPath writes it: between backquotes unless it is letters and digits."""
    if _IDENTIFIER.fullmatch(name):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
