"""Determinations in words: every code has some, and no headline leaves out what must be done."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from made_determinations import determinations

from cds_service.crd.codes import (
    COVERAGE_DETAIL,
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import Detail, Determination, Reason
from cds_service.crd.decision.meanings import (
    MEANINGS,
    brief,
    brief_steps,
    describe_determination,
    describe_steps,
    value_in_words,
)
from cds_service.fhir.coding import Coding

BECAUSE = (Reason(text="because"),)


def covered(**elements: Any) -> Determination:
    """A determination that covers, besides all else that it states."""
    return Determination(**{"covered": Covered.COVERED, "reasons": BECAUSE, **elements})


def yes(code: str, value: Any = True) -> Detail:
    """A detail that is a yes."""
    return Detail(
        category=DetailCategory.OTHER,
        code=Coding(COVERAGE_DETAIL, code),
        value_type="valueBoolean",
        value=value,
    )


def test_every_code_a_determination_may_have_has_words() -> None:
    """The table holds the guide's codes, letter for letter, and no others."""
    parts = {
        "covered": Covered,
        "pa-needed": PaNeeded,
        "doc-needed": DocNeeded,
        "doc-purpose": DocPurpose,
        "info-needed": InfoNeeded,
    }

    coded = {key for key in MEANINGS if key[0] != "detail"}
    assert coded == {(name, code.value) for name, codes in parts.items() for code in codes}


def test_coverage_stands_first_and_the_rest_in_one_order() -> None:
    """Codes that are a set in a determination are always described in the same order."""
    determination = Determination(
        covered=Covered.CONDITIONAL,
        pa_needed=PaNeeded.AUTH_NEEDED,
        doc_needed=frozenset({DocNeeded.PATIENT, DocNeeded.CLINICAL}),
        doc_purpose=frozenset({DocPurpose.RETAIN_DOC}),
        info_needed=frozenset({InfoNeeded.TIMEFRAME}),
        reasons=(Reason(text="because"),),
    )

    assert describe_determination(determination) == (
        "Depends on further information",
        "Prior authorization is needed",
        "Clinical documentation is needed",
        "Documentation from the patient is needed",
        "Keep the documentation on file",
        "Needed: the date of service",
    )


CLINICAL, ADMIN, PATIENT = DocNeeded.CLINICAL, DocNeeded.ADMIN, DocNeeded.PATIENT
LATER = frozenset({InfoNeeded.PERFORMER})
LINES: list[tuple[Determination, str]] = [
    (covered(), "covered"),
    (covered(pa_needed=PaNeeded.NO_AUTH), "covered"),
    (covered(pa_needed=PaNeeded.AUTH_NEEDED), "covered; prior authorization needed"),
    (covered(pa_needed=PaNeeded.PERFORM_PA), "covered; performer must ask for prior authorization"),
    (
        covered(pa_needed=PaNeeded.CONDITIONAL, info_needed=LATER),
        "covered; prior authorization perhaps needed",
    ),
    (
        covered(pa_needed=PaNeeded.INDETERMINATE),
        "covered; need for prior authorization unknown",
    ),
    (
        covered(pa_needed=PaNeeded.SATISFIED, satisfied_pa_id="PA-1"),
        "covered; prior authorization already given",
    ),
    (covered(doc_needed=frozenset({CLINICAL})), "covered; clinical documentation needed"),
    (
        covered(
            pa_needed=PaNeeded.AUTH_NEEDED,
            doc_needed=frozenset({CLINICAL, ADMIN, PATIENT}),
            doc_purpose=frozenset({DocPurpose.WITH_PA, DocPurpose.WITH_CLAIM}),
        ),
        "covered; prior authorization needed; clinical, administrative and patient documentation "
        "needed with the authorization request and with the claim",
    ),
    (
        covered(
            doc_needed=frozenset({DocNeeded.CONDITIONAL, ADMIN}),
            doc_purpose=frozenset({DocPurpose.RETAIN_DOC}),
            info_needed=LATER,
        ),
        "covered; administrative documentation needed to keep on file; "
        "documentation perhaps needed",
    ),
    (
        covered(doc_needed=frozenset({DocNeeded.INDETERMINATE})),
        "covered; need for documentation unknown",
    ),
    (
        covered(doc_purpose=frozenset({DocPurpose.OTHER})),
        "covered; documentation as the reason says",
    ),
    (
        covered(details=(yes("appropriate-use-needed"), yes("concurrent-review", False))),
        "covered; appropriate-use documentation needed",
    ),
    (
        covered(dependencies=(Dependency(reference="ServiceRequest/1"),)),
        "covered; depends on another order",
    ),
    (
        Determination(covered=Covered.CONDITIONAL, info_needed=LATER),
        "not decided yet",
    ),
    (
        Determination(
            covered=Covered.CONDITIONAL, info_needed=LATER, pa_needed=PaNeeded.AUTH_NEEDED
        ),
        "not decided yet; prior authorization needed",
    ),
    (
        Determination(covered=Covered.NOT_COVERED, doc_needed=frozenset({CLINICAL})),
        "not covered",
    ),
]


@pytest.mark.parametrize(("determination", "line"), LINES, ids=[line for _, line in LINES])
def test_a_headline_says_all_that_qualifies_the_coverage(
    determination: Determination, line: str
) -> None:
    """Authorization first, then documents and what they are for."""
    assert brief(determination) == line


@settings(max_examples=300, deadline=None)
@given(determination=determinations())
def test_covered_is_never_all_there_is_if_something_must_be_done_first(
    determination: Determination,
) -> None:
    """Authorization, documents, forms, and what depends on something, each has its words."""
    line = brief(determination)

    if determination.is_refusal:
        assert line == "not covered"
        return
    if determination.pa_needed not in (None, PaNeeded.NO_AUTH):
        assert "prior authorization" in line
    if determination.doc_needed or determination.doc_purpose or determination.questionnaires:
        assert "documentation" in line
    if determination.info_needed or determination.is_indeterminate:
        assert any(words in line for words in ("not decided", "could not", "perhaps", "unknown"))


@settings(max_examples=100, deadline=None)
@given(determination=determinations())
def test_what_is_needed_in_brief_is_needed_at_length_too(determination: Determination) -> None:
    """The steps on a card are told wherever its headline has any."""
    if brief_steps(determination):
        assert describe_steps(determination)


def test_steps_at_length_are_sentences_in_the_order_of_doing() -> None:
    """Authorization, documents, what they are for, and what else must be known."""
    asking = covered(
        pa_needed=PaNeeded.CONDITIONAL,
        doc_needed=frozenset({CLINICAL}),
        doc_purpose=frozenset({DocPurpose.WITH_PA}),
        info_needed=frozenset({InfoNeeded.LOCATION, InfoNeeded.OTHER}),
        details=(yes("concurrent-review"),),
    )

    assert describe_steps(asking) == (
        "Whether prior authorization is needed depends on further information",
        "Clinical documentation is needed",
        "Send the documentation with the request for prior authorization",
        "Needed: where the service takes place",
        "Concurrent review is needed",
    )


def test_what_the_payers_own_words_ask_for_is_not_asked_twice() -> None:
    """An instruction that asks for a code stands for itself."""
    asking = Determination(
        covered=Covered.CONDITIONAL, info_needed=frozenset({InfoNeeded.DETAIL_CODE})
    )
    instructed = replace(
        asking, details=(replace(yes("instructions"), value="Name the procedure."),)
    )

    assert describe_steps(asking) == ("Needed: a more exact code or description of the service",)
    assert describe_steps(instructed) == ()


def test_a_qualification_follows_the_value() -> None:
    """A limit and what qualifies it read as one text."""
    limit = replace(
        yes("allowed-quantity", {"value": 3, "unit": "visits"}),
        value_type="valueQuantity",
        qualification="in a year",
    )

    assert value_in_words(limit) == "3 visits in a year"
