"""The answer for one order and one membership, with everything that led to it."""

from dataclasses import dataclass

from cds_service.crd.codes import NO_ACTIVE_COVERAGE, NO_POLICY_FOUND
from cds_service.crd.decision.authorizations import Sought
from cds_service.crd.decision.combination import strictness
from cds_service.crd.decision.determination import Citation, Determination
from cds_service.crd.decision.proposal import Proposal
from cds_service.crd.decision.trace import RuleTrace
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.fhir.dates import Days


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """What is determined for one order of one membership.

    There are several determinations only where billing codes lead to different ones.

    `hints` are policies that the words of an order name while its codes do not, each with the term.
    """

    order: Order
    membership: Membership
    days: Days
    determinations: tuple[Determination, ...]
    traces: tuple[RuleTrace, ...] = ()
    hints: tuple[tuple[Citation, str], ...] = ()
    proposals: tuple[Proposal, ...] = ()
    assertion_id: str = ""

    @property
    def from_policy(self) -> Determination | None:
        """The strictest of the determinations that rest on a policy, if one does."""
        cited = [determination for determination in self.determinations if determination.citations]
        return max(cited, key=strictness, default=None)

    @property
    def authorized_by(self) -> tuple[str, ...]:
        """The numbers of the authorizations that it states as given."""
        stated = [determination.satisfied_pa_id for determination in self.determinations]
        return tuple([number for number in stated if number])

    @property
    def is_unaddressed(self) -> bool:
        """Whether no policy addresses the order, though one could have."""
        codings = [
            reason.coding
            for determination in self.determinations
            for reason in determination.reasons
        ]
        return not self.determinations or NO_POLICY_FOUND in codings

    @property
    def is_inactive(self) -> bool:
        """Whether nothing was looked at, as the coverage is not active on the date of service."""
        codings = [
            reason.coding
            for determination in self.determinations
            for reason in determination.reasons
        ]
        return NO_ACTIVE_COVERAGE in codings and self.from_policy is None

    @property
    def brand(self) -> str:
        """Under which name the payer signs."""
        return self.membership.payer.brand if self.membership.payer else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What was decided for one call: an answer for each order of each membership.

    Without a Coverage nothing can be determined; then `advice` holds, for each order and payer
    hosted here, what its policies say to a member (design: 4.3).

    `sought` are the authorizations that were looked for, with the number that was on file: an empty
    one for none.
    """

    answers: tuple[OrderAnswer, ...] = ()
    advice: tuple[OrderAnswer, ...] = ()
    sought: tuple[tuple[Sought, str], ...] = ()
