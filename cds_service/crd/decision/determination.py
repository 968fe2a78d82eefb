"""Determinations: what one rule, or all of them together, determine for an order and membership.

A wrong one of the kinds the guide's invariants forbid (crd-ci-q1 to q9, in their text's reading and
in their expression's) cannot be constructed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cds_service.crd.codes import (
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.dependency import Dependency
from cds_service.fhir.coding import Coding

# What leaves open whether an authorization is needed, or needs one: documents can go with it.
_PERHAPS_AUTHORIZED = (
    PaNeeded.AUTH_NEEDED,
    PaNeeded.PERFORM_PA,
    PaNeeded.CONDITIONAL,
    PaNeeded.INDETERMINATE,
)


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
    """One `detail`: `value_type` is FHIR's element name (`valueString`), `value` its JSON."""

    category: DetailCategory
    code: Coding
    value_type: str
    value: Any = field(hash=False)  # a Quantity or a Period is a JSON object
    qualification: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask: a name, and (system, value) pairs such as `("fax", "818-…")`."""

    name: str
    telecom: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """The rule that a determination rests on, and for whose members it is made.

    `page_url` is the rule's place on our policy page, `document_url` the payer's own document where
    it is known, `audience` the plans whose members the policy is about.
    """

    policy_id: str
    canonical: str
    number: str
    policy_title: str
    page_url: str
    rule_id: str = ""
    rule_title: str = ""
    section: str = ""
    related: tuple[str, ...] = ()
    audience: str = ""
    document_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Determination:
    """A whole determination, in the terms of CRD 2.2; older versions are written from it."""

    covered: Covered
    pa_needed: PaNeeded | None = None
    satisfied_pa_id: str = ""
    doc_needed: frozenset[DocNeeded] = frozenset()
    doc_purpose: frozenset[DocPurpose] = frozenset()
    info_needed: frozenset[InfoNeeded] = frozenset()
    reasons: tuple[Reason, ...] = ()
    details: tuple[Detail, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    questionnaires: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()
    billing_codes: tuple[Coding, ...] = ()
    expiry_date: date | None = None
    citations: tuple[Citation, ...] = ()

    def __post_init__(self) -> None:
        for broken in self._broken_invariants():
            raise ValueError(broken)

    def _broken_invariants(self) -> Iterator[str]:
        if self.questionnaires and not self.doc_needed:
            yield "crd-ci-q1: questionnaire without doc-needed"
        if self.is_refusal and self.pa_needed:
            yield "crd-ci-q2: not-covered with pa-needed"
        if self.is_conditional != bool(self.info_needed):
            yield "crd-ci-q3: info-needed exactly if conditional"
        if DocPurpose.WITH_PA in self.doc_purpose and self.pa_needed not in _PERHAPS_AUTHORIZED:
            yield "crd-ci-q4: documents for an authorization, but none is needed"
        if (self.pa_needed is PaNeeded.SATISFIED) != bool(self.satisfied_pa_id):
            yield "crd-ci-q5: satisfied exactly with an authorization"
        if not self.reasons:
            yield from self._unreasoned()

    def _unreasoned(self) -> Iterator[str]:
        if InfoNeeded.OTHER in self.info_needed:
            yield "crd-ci-q6: OTH without reason"
        if self.doc_purpose:
            yield "crd-ci-q8: doc-purpose without reason"
        if self.is_indeterminate:
            yield "crd-ci-q9: indeterminate without reason"

    @property
    def is_refusal(self) -> bool:
        """Whether the payer does not cover the service."""
        return self.covered is Covered.NOT_COVERED

    @property
    def is_conditional(self) -> bool:
        """Whether any part of it depends on information that is not at hand."""
        return (
            self.covered is Covered.CONDITIONAL
            or self.pa_needed is PaNeeded.CONDITIONAL
            or DocNeeded.CONDITIONAL in self.doc_needed
        )

    @property
    def is_indeterminate(self) -> bool:
        """Whether any part of it could not be determined at all."""
        return (
            self.covered is Covered.INDETERMINATE
            or self.pa_needed is PaNeeded.INDETERMINATE
            or DocNeeded.INDETERMINATE in self.doc_needed
        )
