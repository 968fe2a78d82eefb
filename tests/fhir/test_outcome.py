"""OperationOutcome: one issue that says what is wrong and where."""

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service import errors
from cds_service.errors import HookError
from cds_service.fhir.outcome import operation_outcome, outcome_of

HOOK_ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, HookError) and error is not HookError
]
# The codes of FHIR R4 IssueType, all of them.
ISSUE_TYPES = set(
    "invalid structure required value invariant security login unknown expired forbidden "
    "suppressed processing not-supported duplicate multiple-matches not-found deleted too-long "
    "code-invalid extension too-costly business-rule conflict transient lock-error no-store "
    "exception timeout incomplete throttled informational".split()
)


@pytest.mark.crd("hook-10")
@pytest.mark.parametrize("error", HOOK_ERRORS, ids=lambda error: error.__name__)
def test_the_outcome_of_an_error_is_valid_fhir(error: type[HookError]) -> None:
    """It is an OperationOutcome by FHIR's definition, and its code is one of FHIR's."""
    outcome = outcome_of(error("what is wrong", "$.context"))

    read = get_fhir_model_class("OperationOutcome").model_validate(outcome)

    assert read.model_dump(mode="json", exclude_none=True)["issue"] == outcome["issue"]
    assert outcome["issue"][0]["code"] in ISSUE_TYPES


def test_every_error_of_a_hook_call_is_tried() -> None:
    """The parametrized test above finds the errors: one for each status, two with 400."""
    assert len(HOOK_ERRORS) >= len({error.status for error in HOOK_ERRORS}) >= 6


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
