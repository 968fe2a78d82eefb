"""OperationOutcome: how FHIR says that something went wrong."""

from cds_service.errors import HookError
from cds_service.fhir.resource import JsonObject


def outcome_of(error: HookError) -> JsonObject:
    """The OperationOutcome that tells a caller of an error (CRD hook-10)."""
    return operation_outcome(code=error.issue_code, diagnostics=str(error), where=error.where)


def operation_outcome(
    *, code: str, diagnostics: str, where: str = "", severity: str = "error"
) -> JsonObject:
    """An OperationOutcome with one issue.

    `where` is the JSON path of the fault (FHIR R4 OperationOutcome).
    """
    issue: JsonObject = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if where:
        issue["expression"] = [where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}
