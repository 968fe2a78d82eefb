"""OperationOutcome: one issue that says what is wrong and where."""

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service import errors
from cds_service.errors import HookError
from cds_service.fhir.outcome import operation_outcome

HOOK_ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, HookError)
]
CODES = {error.issue_code for error in HOOK_ERRORS if error is not HookError}
# FHIR R4 IssueType, as far as used.
ISSUE_TYPES = {
    "invalid",
    "not-supported",
    "not-found",
    "required",
    "too-long",
    "transient",
    "exception",
    "processing",
}


@pytest.mark.crd("hook-10")
@pytest.mark.parametrize("code", sorted(ISSUE_TYPES))
def test_an_outcome_is_valid_fhir(code: str) -> None:
    """An outcome is an OperationOutcome by FHIR's own definition."""
    outcome = operation_outcome(code=code, diagnostics="what is wrong", where="$.context")

    read = get_fhir_model_class("OperationOutcome").model_validate(outcome)

    assert read.model_dump(mode="json", exclude_none=True)["issue"] == outcome["issue"]


def test_an_outcome_says_what_is_wrong_and_where() -> None:
    """One issue holds severity, code, words and the JSON path."""
    outcome = operation_outcome(
        code="invalid", diagnostics="what is wrong", where="$.context.patientId"
    )

    assert outcome == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "diagnostics": "what is wrong",
                "expression": ["$.context.patientId"],
            }
        ],
    }


def test_a_fault_without_a_place_has_no_expression() -> None:
    """FHIR allows no empty elements: where there is no path there is no `expression`."""
    (issue,) = operation_outcome(code="not-found", diagnostics="no such service")["issue"]

    assert "expression" not in issue


def test_a_fault_of_ours_is_fatal() -> None:
    """The severity can be raised."""
    (issue,) = operation_outcome(code="exception", diagnostics="internal error", severity="fatal")[
        "issue"
    ]

    assert issue["severity"] == "fatal"


def test_every_hook_error_has_an_issue_type_of_fhir() -> None:
    """The codes of our errors are FHIR's, letter for letter."""
    assert CODES <= ISSUE_TYPES
