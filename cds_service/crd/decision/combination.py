"""Combining determinations: the same whatever their order, and the strictest wins."""

from collections.abc import Iterable
from dataclasses import replace

from cds_service.crd.codes import Covered, DocNeeded, PaNeeded
from cds_service.crd.decision.determination import Determination
from cds_service.fhir.resource import encode

# From the loosest to the strictest: what cannot be decided is never better news than what depends.
STRICTNESS = (
    Covered.COVERED,
    Covered.CONDITIONAL,
    Covered.INDETERMINATE,
    Covered.NOT_COVERED,
)
_PA_STRICTNESS = (
    PaNeeded.NO_AUTH,
    PaNeeded.SATISFIED,
    PaNeeded.CONDITIONAL,
    PaNeeded.INDETERMINATE,
    PaNeeded.PERFORM_PA,
    PaNeeded.AUTH_NEEDED,
)


def strictness(determination: Determination) -> int:
    """How strict a determination is: the higher, the stricter."""
    return STRICTNESS.index(determination.covered)


def combine(determinations: Iterable[Determination]) -> Determination:
    """One determination from those of at least one rule.

    If any rule refuses, only the refusals count.
    """
    everything = list(determinations)
    if len(everything) == 1:  # the common case, and the same determination
        return everything[0]
    strictest = max(map(strictness, everything))
    covered = STRICTNESS[strictest]
    counting = [
        determination
        for determination in everything
        if determination.is_refusal or covered is not Covered.NOT_COVERED
    ]
    return _merge(sorted(counting, key=_strictest_first), covered)


def without_documentation(determination: Determination) -> Determination:
    """The determination without a demand for documentation (CRD hook-19)."""
    kept = determination.doc_needed - {DocNeeded.CLINICAL, DocNeeded.ADMIN}
    if kept == determination.doc_needed:
        return determination
    if kept:
        return replace(determination, doc_needed=kept)
    return replace(determination, doc_needed=kept, doc_purpose=frozenset(), questionnaires=())


def _strictest_first(determination: Determination) -> tuple[int, bytes]:
    """An order of determinations that depends on nothing but what is in them."""
    named = {name: getattr(determination, name) for name in Determination.__slots__}
    plain = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in named.items()
    }
    return -strictness(determination), encode(plain)


def _merge(determinations: list[Determination], covered: Covered) -> Determination:
    """All parts of all of them, each once; dict keys keep their order and are found at once."""
    pa_needed = _strictest_authorization(determinations)
    doc_needed = frozenset(need for each in determinations for need in each.doc_needed)
    depends = "conditional" in (covered.value, pa_needed, *doc_needed)
    info_needed = frozenset(info for each in determinations for info in each.info_needed)
    expiry_dates = [each.expiry_date for each in determinations if each.expiry_date]
    return Determination(
        covered=covered,
        pa_needed=pa_needed,
        satisfied_pa_id=_authorization(determinations) if pa_needed is PaNeeded.SATISFIED else "",
        doc_needed=doc_needed,
        doc_purpose=frozenset(purpose for each in determinations for purpose in each.doc_purpose),
        info_needed=info_needed if depends else frozenset(),
        reasons=tuple(dict.fromkeys(reason for each in determinations for reason in each.reasons)),
        details=tuple(dict.fromkeys(detail for each in determinations for detail in each.details)),
        questionnaires=tuple(
            dict.fromkeys(form for each in determinations for form in each.questionnaires)
        ),
        contacts=tuple(
            dict.fromkeys(contact for each in determinations for contact in each.contacts)
        ),
        billing_codes=tuple(
            dict.fromkeys(code for each in determinations for code in each.billing_codes)
        ),
        expiry_date=min(expiry_dates, default=None),
        citations=tuple(
            dict.fromkeys(citation for each in determinations for citation in each.citations)
        ),
    )


def _strictest_authorization(determinations: list[Determination]) -> PaNeeded | None:
    stated = (each.pa_needed for each in determinations if each.pa_needed)
    strictest = max(stated, key=_PA_STRICTNESS.index, default=None)
    if strictest is PaNeeded.NO_AUTH and any(map(_may_want_authorization, determinations)):
        return None
    return strictest


def _may_want_authorization(determination: Determination) -> bool:
    """Whether a rule that could not decide states nothing of authorization: it may want one."""
    undecided = determination.covered in (Covered.CONDITIONAL, Covered.INDETERMINATE)
    return undecided and determination.pa_needed is None


def _authorization(determinations: list[Determination]) -> str:
    return min(each.satisfied_pa_id for each in determinations if each.satisfied_pa_id)
