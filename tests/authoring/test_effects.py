"""Effects: another set of policies is looser, stricter, or worded otherwise, part by part."""

import pytest

from cds_service.authoring.effects import Effect, compare, in_words
from cds_service.crd.codes import Covered, DocNeeded, InfoNeeded, PaNeeded
from cds_service.crd.decision.determination import Determination, Reason
from cds_service.fhir.coding import Coding

BECAUSE = (Reason(text="because"),)
REFUSED = Determination(covered=Covered.NOT_COVERED, reasons=BECAUSE)
OPEN = Determination(
    covered=Covered.CONDITIONAL, info_needed=frozenset({InfoNeeded.DETAIL_CODE}), reasons=BECAUSE
)
UNTOLD = Determination(covered=Covered.INDETERMINATE, reasons=BECAUSE)
FREE = Determination(covered=Covered.COVERED, pa_needed=PaNeeded.NO_AUTH)
SILENT_OF_IT = Determination(covered=Covered.COVERED)
DEMANDING = Determination(covered=Covered.COVERED, pa_needed=PaNeeded.AUTH_NEEDED)
DOCUMENTED = Determination(covered=Covered.COVERED, doc_needed=frozenset({DocNeeded.CLINICAL}))
LADDER = (FREE, SILENT_OF_IT, DEMANDING, OPEN, UNTOLD, REFUSED)


@pytest.mark.parametrize("lower", range(len(LADDER) - 1))
def test_a_step_up_is_stricter_and_a_step_down_is_looser(lower: int) -> None:
    """From what is free to what is refused."""
    looser, stricter = LADDER[lower], LADDER[lower + 1]

    assert compare([looser], [stricter]) is Effect.STRICTER
    assert compare([stricter], [looser]) is Effect.LOOSER
    assert compare([stricter], [stricter]) is Effect.SAME


def test_documents_that_are_no_longer_asked_for_are_looser() -> None:
    """Also where others are asked for instead: the gravest counts."""
    others = Determination(covered=Covered.COVERED, doc_needed=frozenset({DocNeeded.ADMIN}))

    assert compare([DOCUMENTED], [SILENT_OF_IT]) is Effect.LOOSER
    assert compare([SILENT_OF_IT], [DOCUMENTED]) is Effect.STRICTER
    assert compare([DOCUMENTED], [others]) is Effect.LOOSER


def test_other_words_for_the_same_are_reworded() -> None:
    """A reason is no part of how strict an answer is."""
    other_words = Determination(covered=Covered.NOT_COVERED, reasons=(Reason(text="therefore"),))

    assert compare([REFUSED], [other_words]) is Effect.REWORDED


def test_nothing_said_promises_no_more_than_what_cannot_be_told() -> None:
    """A promise where nothing was said is looser, and silence in place of one is stricter."""
    assert compare([], [FREE]) is Effect.LOOSER
    assert compare([FREE], []) is Effect.STRICTER
    assert compare([], [REFUSED]) is Effect.STRICTER
    assert compare([], []) is Effect.SAME


def test_each_group_of_billing_codes_is_compared_with_its_own() -> None:
    """One that has become looser is not made up for by another."""
    first, second = Coding("urn:s", "1"), Coding("urn:s", "2")
    before = [
        Determination(covered=Covered.NOT_COVERED, reasons=BECAUSE, billing_codes=(first,)),
        Determination(covered=Covered.COVERED, billing_codes=(second,)),
    ]
    after = [
        Determination(covered=Covered.COVERED, billing_codes=(first,)),
        Determination(covered=Covered.NOT_COVERED, reasons=BECAUSE, billing_codes=(second,)),
    ]

    assert compare(before, after) is Effect.LOOSER
    assert compare(before, [REFUSED]) is Effect.STRICTER
    assert compare([REFUSED], before) is Effect.LOOSER


def test_an_answer_is_told_in_its_codes() -> None:
    """No word of a reason, which may hold what an order says."""
    assert in_words([DEMANDING]) == "covered, auth-needed"
    assert in_words([OPEN]) == "conditional, depends on: detail-code"
    assert in_words([DOCUMENTED, REFUSED]) == "covered, documents: clinical; not-covered"
    assert in_words([]) == "nothing"
