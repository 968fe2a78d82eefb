"""OperationOutcome: one issue that says what is wrong and where."""

from typing import Any

import fhirpathpy
import pytest
from dirty_requests import parse_path
from fhir.resources.R4B import get_fhir_model_class

from cds_service import errors
from cds_service.errors import HookError, Replayed, TooMany, Unauthorized
from cds_service.fhir.outcome import fhirpath_of, operation_outcome, outcome_of
from cds_service.fhir.resource import encode

HOOK_ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, HookError) and error is not HookError
]
UNAUTHORIZED = [Unauthorized("signature"), Replayed()]  # who is, learns no more than that
UNPLACED = [*UNAUTHORIZED, TooMany("too many calls", 1)]
PLACED = [error for error in HOOK_ERRORS if error not in map(type, UNPLACED)]
# The codes of FHIR R4 IssueType, all of them.
ISSUE_TYPES = set(
    "invalid structure required value invariant security login unknown expired forbidden "
    "suppressed processing not-supported duplicate multiple-matches not-found deleted too-long "
    "code-invalid extension too-costly business-rule conflict transient lock-error no-store "
    "exception timeout incomplete throttled informational".split()
)


@pytest.mark.crd("hook-10")
@pytest.mark.parametrize(
    "error",
    [*(error("what is wrong", "$.context") for error in PLACED), *UNPLACED],
    ids=lambda error: type(error).__name__,
)
def test_the_outcome_of_an_error_is_valid_fhir(error: HookError) -> None:
    """It is an OperationOutcome by FHIR's definition, and its code is one of FHIR's."""
    outcome = outcome_of(error)

    read = get_fhir_model_class("OperationOutcome").model_validate(outcome)

    assert read.model_dump(mode="json", exclude_none=True)["issue"] == outcome["issue"]
    assert outcome["issue"][0]["code"] in ISSUE_TYPES


def test_every_error_of_a_hook_call_is_tried() -> None:
    """The parametrized test above finds the errors: one for each status, two with 400."""
    assert len(HOOK_ERRORS) >= len({error.status for error in HOOK_ERRORS}) >= 6
    assert {*PLACED, *map(type, UNPLACED)} == set(HOOK_ERRORS)


def test_all_without_a_valid_token_read_the_very_same() -> None:
    """Whatever is wrong with it, and in whichever trace (reliability: 1.2)."""
    bodies = [
        encode(outcome_of(error, trace_id)) for error in UNAUTHORIZED for trace_id in ("", "1" * 32)
    ]

    assert len(set(bodies)) == 1


@pytest.mark.crd("hook-10")
def test_an_outcome_says_what_is_wrong_and_where() -> None:
    """One issue holds severity, code, words with the JSON path, and the place in FHIRPath."""
    outcome = operation_outcome(
        code="invalid", diagnostics="what is wrong", where="$.context.patientId"
    )

    assert outcome == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "diagnostics": "what is wrong, at `$.context.patientId`",
                "expression": ["context.patientId"],
            }
        ],
    }


@pytest.mark.parametrize("error", PLACED, ids=lambda error: error.__name__)
@pytest.mark.parametrize(
    "problem", ["what is wrong", "wrong at `$.context`: what is wrong", "wrong: at `$.context`"]
)
def test_the_json_path_stands_once_in_the_diagnostics(error: type[HookError], problem: str) -> None:
    """A developer finds the fault by it, whether or not the problem's own words name it."""
    (issue,) = outcome_of(error(problem, "$.context"))["issue"]

    assert issue["diagnostics"].count("`$.context`") == 1
    assert issue["diagnostics"].startswith(problem)


def test_a_longer_path_in_the_words_is_not_the_place() -> None:
    """`$.context.userId` names another place than `$.context`."""
    (issue,) = operation_outcome(
        code="invalid", diagnostics="unlike `$.context.userId`", where="$.context"
    )["issue"]

    assert issue["diagnostics"] == "unlike `$.context.userId`, at `$.context`"


def test_a_fault_without_a_place_has_no_expression() -> None:
    """FHIR allows no empty elements: where there is no path there is no `expression`."""
    (issue,) = operation_outcome(code="not-found", diagnostics="no such service")["issue"]

    assert issue == {"severity": "error", "code": "not-found", "diagnostics": "no such service"}


def test_the_whole_body_has_no_name_in_fhirpath() -> None:
    """What is wrong with all of it is told by `$` in the words, and by no `expression`."""
    (issue,) = operation_outcome(code="invalid", diagnostics="not JSON", where="$")["issue"]

    assert issue == {"severity": "error", "code": "invalid", "diagnostics": "not JSON, at `$`"}


@pytest.mark.parametrize(
    ("json_path", "fhirpath"),
    [
        ("", ""),
        ("$", ""),
        ("$.context", "context"),
        ("$.prefetch.coverage.entry[0]", "prefetch.coverage.entry[0]"),
        ("$.feedback[10].acceptedSuggestions[2].id", "feedback[10].acceptedSuggestions[2].id"),
        ("$.a[0][1]", "a[0][1]"),
        (
            "$.extension['davinci-crd.requestedVersion']",
            "extension.`davinci-crd.requestedVersion`",
        ),
        ("$.context['dispatched-orders'][1]", "context.`dispatched-orders`[1]"),
        ("$.context.dispatched-orders[1]", "context.`dispatched-orders`[1]"),
        ("$['a b'].c", "`a b`.c"),
        ("$['1st']", "`1st`"),
        ("$['é']", "`é`"),
        ("$['it\\'s']", "`it's`"),
        ("$['a`b']", "`a\\`b`"),
        ("$['a\\\\b']", "`a\\\\b`"),
        ("$['[0]']['.x']", "`[0]`.`.x`"),
    ],
)
def test_a_json_path_is_the_same_place_in_fhirpath(json_path: str, fhirpath: str) -> None:
    """Members by name, in backquotes where that is no identifier; places in lists by index."""
    assert fhirpath_of(json_path) == fhirpath


@pytest.mark.parametrize(
    "json_path",
    [
        "$.context",
        "$.context.draftOrders.entry[1].resource",
        "$.prefetch['coverage bundle'].entry[0]",
        "$.extension['davinci-crd.requestedVersion']",
        "$.prefetch['Ünïcode'][2]['it is']",
    ],
)
def test_an_engine_finds_by_the_fhirpath_what_stands_at_the_json_path(json_path: str) -> None:
    """Whatever the members are called, and however deep the place is."""
    body = nested(parse_path(json_path))

    assert fhirpathpy.evaluate(body, fhirpath_of(json_path)) == ["here"]


def nested(path: tuple[str | int, ...]) -> Any:
    """A value that holds `here` at the end of a path."""
    if not path:
        return "here"
    step, inner = path[0], nested(path[1:])
    return {step: inner} if isinstance(step, str) else [*["elsewhere"] * step, inner]
