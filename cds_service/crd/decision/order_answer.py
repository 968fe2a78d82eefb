"""The answer for one order and one membership, with everything that led to it."""

from dataclasses import dataclass

from cds_service.crd.codes import NO_POLICY_FOUND
from cds_service.crd.decision.determination import STRICTNESS, Determination, RuleTrace
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.fhir.dates import Days


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """Several determinations only where the order may be billed in ways that lead to different ones."""

    order: Order
    membership: Membership
    days: Days
    determinations: tuple[Determination, ...]
    traces: tuple[RuleTrace, ...] = ()
    assertion_id: str = ""

    @property
    def from_policy(self) -> Determination | None:
        """The strictest of the determinations a policy gave, if one did."""
        given = [determination for determination in self.determinations if determination.citations]
        return max(
            given, key=lambda determination: STRICTNESS.index(determination.covered), default=None
        )

    @property
    def is_unaddressed(self) -> bool:
        """Whether no policy spoke, though one could have."""
        codes = {
            reason.coding
            for determination in self.determinations
            for reason in determination.reasons
        }
        return not self.determinations or NO_POLICY_FOUND in codes

    @property
    def can_be_written(self) -> bool:
        """Whether order and Coverage both have an id that an update can name (CRD found-36)."""
        return self.order.key is not None and self.membership.coverage_key is not None

    @property
    def brand(self) -> str:
        return self.membership.payer.brand if self.membership.payer else ""
