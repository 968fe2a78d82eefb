"""Authorizations already granted: what a payer has on file in place of a demand for one.

The payer's records stand behind a seam; policies never state an authorization as given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Protocol

from cds_service.crd.codes import DocNeeded, DocPurpose, PaNeeded
from cds_service.crd.decision.determination import Determination, Reason
from cds_service.crd.decision.trace import RuleTrace
from cds_service.crd.request.member_ids import member_ids
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.crd.request.stated import stated_for_others
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth

_DEMANDS = (PaNeeded.AUTH_NEEDED, PaNeeded.PERFORM_PA)
_UNDECIDED = frozenset({DocNeeded.CONDITIONAL, DocNeeded.INDETERMINATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What an authorization must be for: this payer's very member, every code, and this day.

    And none of those `taken` for another Coverage.
    """

    payer_id: str
    member_ids: frozenset[str]
    codings: tuple[Coding, ...]
    day: date
    taken: frozenset[str] = frozenset()


class Authorizations(Protocol):
    """The authorizations that payers have granted."""

    def find(self, sought: Sought) -> str:
        """The number of one that is for all that is sought; empty if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class NoAuthorizations:
    """None is known, so none is ever found: for what-if calls, and where no records are at hand."""

    def find(self, sought: Sought) -> str:  # noqa: ARG002  # the seam's
        """Nothing."""
        return ""


@dataclass(frozen=True, slots=True)
class AuthorizationsOfCall:
    """The authorizations for one call, each of them for one Coverage alone.

    Repetitions that are about different Coverages must have different numbers (CRD resp-32).
    `sought` is all that was looked for, with the number that was found, or an empty one.
    """

    authorizations: Authorizations
    holders: dict[str, Membership] = field(default_factory=dict)
    sought: dict[Sought, str] = field(default_factory=dict)

    def left_for(self, order: Order, membership: Membership) -> Authorizations:
        """Those that no other Coverage has, by this call or by what the order states already."""
        return _Untaken(self, order, membership)

    def give(self, numbers: Iterable[str], membership: Membership) -> None:
        """Note which Coverage has these now."""
        for number in numbers:
            self.holders[number] = membership


@dataclass(frozen=True)
class _Untaken:
    """The authorizations but for those of other Coverages, which are read when one is sought."""

    of_call: AuthorizationsOfCall
    order: Order
    membership: Membership

    def find(self, sought: Sought) -> str:
        """The number of one that is for all that is sought, and not taken."""
        untaken = replace(sought, taken=self._taken)
        number = self.of_call.authorizations.find(untaken)
        self.of_call.sought[untaken] = number
        return number

    @cached_property
    def _taken(self) -> frozenset[str]:
        """Read once: many rules may seek one for an order that states much."""
        holders = self.of_call.holders
        taken = {number for number in holders if holders[number] is not self.membership}
        stated = stated_for_others(self.order.resource, self.membership.coverage_key)
        return stated.union(taken)


def with_authorization(
    trace: RuleTrace,
    order: Order,
    membership: Membership,
    days: Days,
    authorizations: Authorizations,
) -> RuleTrace:
    """What a rule determines, with an authorization on file in place of its demand for one.

    Only where each of its conditions is true, and member, codes and day are beyond doubt
    (CRD found-9): what was only perhaps authorized is not.
    """
    determination = trace.determination
    if determination is None or determination.pa_needed not in _DEMANDS:
        return trace
    if not all(condition.value is Truth.TRUE for condition in trace.conditions):
        return trace
    sought = _sought(trace.matched, order, membership, days)
    number = authorizations.find(sought) if sought else ""
    return replace(trace, determination=satisfied(determination, number)) if number else trace


def _sought(
    matched: Sequence[Coding], order: Order, membership: Membership, days: Days
) -> Sought | None:
    """What to look for; None if the call leaves some of it open."""
    # A rule without codes is met by whatever is ordered, and by each way to bill it.
    billed = (coding for group in order.billing_options for coding in group)
    codings = tuple(matched) or (*order.codings, *billed)
    known_as = member_ids(membership.coverage)
    if not (membership.payer and known_as and codings) or days.first != days.last:
        return None
    return Sought(
        payer_id=membership.payer.id, member_ids=known_as, codings=codings, day=days.first
    )


def satisfied(determination: Determination, number: str) -> Determination:
    """The determination of a rule that demands an authorization, which has this number.

    Documentation that was to go with the request for it is not needed any more.
    """
    words = f"Authorization {number} is on file for this member, service and date."
    without = replace(determination, doc_purpose=determination.doc_purpose - {DocPurpose.WITH_PA})
    for_it_alone = determination.doc_purpose == {DocPurpose.WITH_PA}
    if for_it_alone and not determination.doc_needed & _UNDECIDED:
        without = replace(without, doc_needed=frozenset(), questionnaires=())
    return replace(
        without,
        pa_needed=PaNeeded.SATISFIED,
        satisfied_pa_id=number,
        reasons=(Reason(text=words), *determination.reasons),
    )
