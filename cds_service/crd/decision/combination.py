"""Combining determinations: the same whatever their order, and the strictest wins."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from cds_service.crd.codes import Covered, DocNeeded, PaNeeded
from cds_service.crd.decision.determination import Determination
from cds_service.fhir.resource import encode

Part = TypeVar("Part")

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


def without_documentation(
    determination: Determination,
    asked_later: frozenset[DocNeeded] = frozenset({DocNeeded.CLINICAL, DocNeeded.ADMIN}),
) -> Determination:
    """The determination without a demand for documentation (CRD hook-19).

    `asked_later` is the documentation that only primary hooks ask for. Forms and purposes go with
    it, also where other documentation stays: whose they are, nobody can tell.
    """
    kept = determination.doc_needed - asked_later
    if kept == determination.doc_needed:
        return determination
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
    """All parts of all of them, each once."""
    pa_needed = _strictest_authorization(determinations)
    doc_needed = _union(determination.doc_needed for determination in determinations)
    depends = "conditional" in (covered.value, pa_needed, *doc_needed)
    info_needed = _union(determination.info_needed for determination in determinations)
    stated = (determination.expiry_date for determination in determinations)
    expiry_dates = [day for day in stated if day]
    return Determination(
        covered=covered,
        pa_needed=pa_needed,
        satisfied_pa_id=_authorization(determinations) if pa_needed is PaNeeded.SATISFIED else "",
        doc_needed=doc_needed,
        doc_purpose=_union(determination.doc_purpose for determination in determinations),
        info_needed=info_needed if depends else frozenset(),
        reasons=_once(determination.reasons for determination in determinations),
        details=_once(determination.details for determination in determinations),
        dependencies=_once(determination.dependencies for determination in determinations),
        questionnaires=_once(determination.questionnaires for determination in determinations),
        contacts=_once(determination.contacts for determination in determinations),
        billing_codes=_once(determination.billing_codes for determination in determinations),
        expiry_date=min(expiry_dates, default=None),
        citations=_once(determination.citations for determination in determinations),
    )


def _once(parts: Iterable[Iterable[Part]]) -> tuple[Part, ...]:
    """Each part once; dict keys keep their order and are found at once."""
    return tuple(dict.fromkeys(chain.from_iterable(parts)))


def _union(codes: Iterable[Iterable[Part]]) -> frozenset[Part]:
    """The codes that any of them has."""
    return frozenset(chain.from_iterable(codes))


def _strictest_authorization(determinations: list[Determination]) -> PaNeeded | None:
    stated = (determination.pa_needed for determination in determinations)
    strictest = max(filter(None, stated), key=_PA_STRICTNESS.index, default=None)
    # What one rule waives, or has on file for its own codes, another may yet want.
    is_free = strictest in (PaNeeded.NO_AUTH, PaNeeded.SATISFIED)
    if is_free and any(map(_may_want_authorization, determinations)):
        return None
    return strictest


def _may_want_authorization(determination: Determination) -> bool:
    """Whether a rule that could not decide states nothing of authorization: it may want one."""
    undecided = determination.covered in (Covered.CONDITIONAL, Covered.INDETERMINATE)
    return undecided and determination.pa_needed is None


def _authorization(determinations: list[Determination]) -> str:
    stated = (determination.satisfied_pa_id for determination in determinations)
    return min(filter(None, stated))
