"""Determinations: what a rule says of an order, and the whole answer that the rules together make.

A wrong answer of the kinds the guide's invariants forbid (crd-ci-q1 to q9, in their text's reading and in their
expression's) cannot be constructed. Combining does not depend on order, and the strictest answer wins.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from cds_service.crd.codes import (
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import encode
from cds_service.fhir.truth import Truth

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, in words; the coding is optional, the words are not (crd-ci-q7)."""

    text: str
    coding: Coding | None = None

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("crd-ci-q7: a reason without text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One `detail`: `value_type` is FHIR's element name (`valueString`, `valueUrl`, …), `value` its JSON."""

    category: DetailCategory
    code: Coding
    value_type: str
    value: Any
    qualification: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask: a name, and (system, value) pairs such as `("fax", "818-…")`."""

    name: str
    telecom: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """The rule that spoke, where a person can read it, and whose members it speaks of (`audience`)."""

    policy_id: str
    canonical: str
    number: str
    policy_title: str
    rule_id: str = ""
    rule_title: str = ""
    section: str = ""
    related: tuple[str, ...] = ()
    audience: str = ""
    document_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionTrace:
    """One condition of a rule, and what it came to for this order."""

    description: str
    expression: str
    value: Truth
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """Why one rule spoke or kept silent."""

    citation: Citation
    matched: tuple[Coding, ...]
    conditions: tuple[ConditionTrace, ...]
    spoke: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Determination:
    """A whole answer, the CRD 2.2 superset; older versions are written from it."""

    covered: Covered
    pa_needed: PaNeeded | None = None
    satisfied_pa_id: str = ""
    doc_needed: frozenset[DocNeeded] = frozenset()
    doc_purpose: frozenset[DocPurpose] = frozenset()
    info_needed: frozenset[InfoNeeded] = frozenset()
    reasons: tuple[Reason, ...] = ()
    details: tuple[Detail, ...] = ()
    questionnaires: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()
    billing_codes: tuple[Coding, ...] = ()
    expiry_date: date | None = None
    citations: tuple[Citation, ...] = ()

    def __post_init__(self) -> None:
        for invariant, holds in self._invariants():
            if not holds:
                raise ValueError(invariant)

    def _invariants(self) -> Iterable[tuple[str, bool]]:
        answers = (self.covered.value, self.pa_needed, *self.doc_needed)
        reasoned = bool(self.reasons)
        yield (
            "crd-ci-q1: questionnaire without doc-needed",
            not self.questionnaires or bool(self.doc_needed),
        )
        yield "crd-ci-q2: not-covered with pa-needed", not (self.is_refusal and self.pa_needed)
        yield (
            "crd-ci-q3: info-needed exactly if conditional",
            ("conditional" in answers) == bool(self.info_needed),
        )
        satisfied = self.pa_needed is PaNeeded.SATISFIED
        yield (
            "crd-ci-q5: satisfied exactly with an authorization",
            satisfied == bool(self.satisfied_pa_id),
        )
        yield "crd-ci-q6: OTH without reason", InfoNeeded.OTHER not in self.info_needed or reasoned
        yield "crd-ci-q8: doc-purpose without reason", not self.doc_purpose or reasoned
        yield "crd-ci-q9: indeterminate without reason", "indeterminate" not in answers or reasoned

    @property
    def is_refusal(self) -> bool:
        return self.covered is Covered.NOT_COVERED


# From the loosest to the strictest: what cannot be decided is never better news than what depends.
STRICTNESS = (Covered.COVERED, Covered.CONDITIONAL, Covered.INDETERMINATE, Covered.NOT_COVERED)
_PA_STRICTNESS = (
    PaNeeded.NO_AUTH,
    PaNeeded.SATISFIED,
    PaNeeded.CONDITIONAL,
    PaNeeded.INDETERMINATE,
    PaNeeded.PERFORM_PA,
    PaNeeded.AUTH_NEEDED,
)


def combine(said: Iterable[Determination]) -> Determination:
    """One determination from what at least one rule says, whatever their order; the strictest wins.

    If any rule refuses, only the refusals speak.
    """
    everything = list(said)
    if len(everything) == 1:  # the common case, and the same answer
        return everything[0]
    covered = max((one.covered for one in everything), key=STRICTNESS.index)
    speaking = [one for one in everything if one.is_refusal or covered is not Covered.NOT_COVERED]
    return _merge(sorted(speaking, key=_strictest_first), covered)


def without_documentation(determination: Determination) -> Determination:
    """The determination without a demand for clinical or administrative documentation (CRD hook-19)."""
    kept = determination.doc_needed - {DocNeeded.CLINICAL, DocNeeded.ADMIN}
    if kept == determination.doc_needed:
        return determination
    if kept:
        return replace(determination, doc_needed=kept)
    return replace(determination, doc_needed=kept, doc_purpose=frozenset(), questionnaires=())


def _strictest_first(determination: Determination) -> tuple[int, bytes]:
    """An order of determinations that depends on nothing but what they say."""
    named = {name: getattr(determination, name) for name in Determination.__slots__}
    plain = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in named.items()
    }
    return -STRICTNESS.index(determination.covered), encode(plain)


def _merge(said: list[Determination], covered: Covered) -> Determination:
    pa_needed = max(
        (one.pa_needed for one in said if one.pa_needed), key=_PA_STRICTNESS.index, default=None
    )
    if pa_needed is PaNeeded.NO_AUTH and any(map(_may_want_authorization, said)):
        pa_needed = None
    doc_needed = frozenset(need for one in said for need in one.doc_needed)
    depends = "conditional" in (covered.value, pa_needed, *doc_needed)
    return Determination(
        covered=covered,
        pa_needed=pa_needed,
        satisfied_pa_id=_authorization(said) if pa_needed is PaNeeded.SATISFIED else "",
        doc_needed=doc_needed,
        doc_purpose=frozenset(purpose for one in said for purpose in one.doc_purpose),
        info_needed=frozenset(info for one in said for info in one.info_needed)
        if depends
        else frozenset(),
        reasons=_distinct(reason for one in said for reason in one.reasons),
        details=_distinct(detail for one in said for detail in one.details),
        questionnaires=_distinct(form for one in said for form in one.questionnaires),
        contacts=_distinct(contact for one in said for contact in one.contacts),
        billing_codes=_distinct(code for one in said for code in one.billing_codes),
        expiry_date=min((one.expiry_date for one in said if one.expiry_date), default=None),
        citations=_distinct(citation for one in said for citation in one.citations),
    )


def _may_want_authorization(determination: Determination) -> bool:
    """Whether a rule could not decide, and says nothing of authorization: it may have wanted one."""
    return (
        determination.covered in (Covered.CONDITIONAL, Covered.INDETERMINATE)
        and determination.pa_needed is None
    )


def _authorization(said: list[Determination]) -> str:
    return min(one.satisfied_pa_id for one in said if one.satisfied_pa_id)


def _distinct(items: Iterable[T]) -> tuple[T, ...]:
    kept: list[T] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return tuple(kept)
