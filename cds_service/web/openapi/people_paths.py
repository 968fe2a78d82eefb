"""Pages for people, and the coverage list in every format."""

from collections.abc import Iterator

from cds_service.fhir.resource import JsonObject
from cds_service.web.openapi.examples import POLICY
from cds_service.web.openapi.parts import (
    FHIR_JSON,
    HTML,
    JSON,
    UNCHANGED,
    answer,
    choice,
    content,
    in_path,
    operation,
    problems,
    query,
    ref,
)

TAG = "Policies for people"
_PAGE = content({"type": "string"}, HTML)
_NUMBER = "The number of the page; anything else is taken for the first."
_MISSING = {
    **_PAGE,
    **content(ref("OperationOutcome"), FHIR_JSON),
}
_FORMATS = ["html", "csv", "json", "fhir"]
_DAY = {"type": "string", "anyOf": [{"format": "date"}, {"const": ""}]}
_LISTED_ANSWERS = [
    "not-covered",
    "conditional",
    "covered",
    "indeterminate",
    "authorization",
    "documentation",
]


def people_paths() -> Iterator[tuple[str, JsonObject]]:
    """Each path with its operations."""
    start = operation(
        "start", TAG, "Leads to the policies", answers={"302": answer("Look at /policies.", _PAGE)}
    )
    yield "/", {"get": start}
    yield "/policies", {"get": _policies()}
    yield "/policies/{policy_id}", {"get": _policy()}
    yield "/coverage-list", {"get": _coverage_list()}


def _policies() -> JsonObject:
    return operation(
        "policies",
        TAG,
        "The policies that are hosted",
        parameters=(
            query("q", "Words of a title, a policy's number, a payer, or a whole code."),
            query("page", _NUMBER),
        ),
        answers={"200": answer("A page.", _PAGE), **problems(503)},
    )


def _policy() -> JsonObject:
    return operation(
        "policy",
        TAG,
        "One policy, with an anchor for each section",
        parameters=(in_path("policy_id", "The id of the PlanDefinition.", example=POLICY),),
        answers={
            "200": answer("The policy.", _PAGE),
            "404": answer("No such policy is hosted.", _MISSING),
            **problems(503),
        },
    )


def _coverage_list() -> JsonObject:
    formats = choice(*_FORMATS)
    return operation(
        "coverage-list",
        TAG,
        "What the policies determine, code by code",
        about="What is not on the list is not addressed by any policy here: it is neither covered "
        "nor free of prior authorization for that.",
        parameters=(
            query("q", "A code or words, and a day if there is one among them."),
            query("payer", "The id or name of a payer."),
            query("plan", "The id or name of a plan."),
            query("answer", "Which answers to list.", choice(*_LISTED_ANSWERS)),
            query("date", "The date of service; today without one.", _DAY),
            query("format", "Goes before the header Accept.", formats),
            query("count", "Rows of a page that is no HTML, from 1 to 2,000."),
            query("page", _NUMBER),
        ),
        answers={
            "200": answer("The list.", _list_content(), "ETag", "Last-Modified", "Link"),
            **UNCHANGED,
            "400": answer("The question cannot be understood; the body says why.", _MISSING),
            **problems(503),
        },
    )


def _list_content() -> JsonObject:
    return {
        **_PAGE,
        **content({"type": "string"}, "text/csv"),
        **content(ref("CoverageList"), JSON),
        **content(ref("Bundle"), FHIR_JSON),
    }
