"""Permits: which sets of policies may go live where so many operators have to approve them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.access.approvals import Approval, find_approvers
from cds_service.access.clients import Operator
from cds_service.database.causes import find_cause
from cds_service.database.engine import reading
from cds_service.database.store_time import read_time
from cds_service.errors import NotThereYet, SetRefused, SettingError
from cds_service.live.activations import Activation, Plan, read_plan
from cds_service.live.approvals_store import find_approvals, read_approvals
from cds_service.live.candidate import Candidate
from cds_service.live.kept_sets import short


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """What this process asks for: so many approvals, by operators of its own clients file."""

    needed: int
    operators: tuple[Operator, ...] = ()

    def __post_init__(self) -> None:
        able = [operator.name for operator in self.operators if operator.approval_key]
        if len(able) < self.needed:
            raise SettingError(
                "approvals",
                f"{self.needed} operators with an approval_key are needed in the clients file, and "
                f"there are {len(able)}; make keys with `crd policy keys new`",
            )

    def read(self, connection: Connection, digests: Collection[str]) -> tuple[Approval, ...]:
        """The approvals of these sets in the store; none where none are asked for.

        Raises:
            SQLAlchemyError: they cannot be read.
        """
        return read_approvals(connection, digests) if self.needed and digests else ()

    def missing(self, approvals: Iterable[Approval], digest: str, starts: datetime | None) -> str:
        """Why a set may not go live at this instant, in words; empty if it may."""
        if not self.needed:
            return ""
        by = find_approvers(approvals, self.operators, digest, starts)
        if len(by) >= self.needed:
            return ""
        named = f" ({', '.join(by)})" if by else ""
        return (
            f"set {short(digest)} has {len(by)} of {self.needed} approvals{named}; an operator "
            f"approves it with `crd policy approve {short(digest)} --as NAME --key FILE`"
        )

    def permitted(self, plan: Plan, approvals: Collection[Approval]) -> Plan:
        """The plan without what is not approved: that is as if nobody had asked for it."""
        kept = (found for found in plan.activations if not self.refusal(found, approvals))
        return replace(plan, activations=tuple(kept))

    def refusal(self, activation: Activation, approvals: Iterable[Approval]) -> str:
        """Why an activation is not followed, in words; empty if it is.

        The return to the directories needs no approval: the set that stands there does.
        """
        digest = activation.order.digest
        return self.missing(approvals, digest, activation.starts) if digest else ""


def find_begun(engine: Engine, permits: Permits) -> Activation | None:
    """The activation in force, as far as any is approved.

    Raises:
        NotThereYet: the store is away.
    """
    try:
        with reading(engine) as connection:
            plan = read_plan(connection, read_time(connection))
            digests = {found.order.digest for found in plan.activations}
            approvals = permits.read(connection, digests)
    except SQLAlchemyError as error:
        words = find_cause(error).words
        raise NotThereYet(f"activations cannot be read in the store: {words}") from error
    return permits.permitted(plan, approvals).current


def check_permit(engine: Engine, permits: Permits, digest: str, candidate: Candidate) -> None:
    """Pass a set that may go live.

    Raises:
        SetRefused: too few operators have approved it.
        NotThereYet: the store is away, where the approvals are.
    """
    if not permits.needed:
        return
    try:
        approvals = find_approvals(engine, [digest])
    except SQLAlchemyError as error:
        words = find_cause(error).words
        raise NotThereYet(f"approvals cannot be read in the store: {words}") from error
    if refusal := permits.missing(approvals, digest, candidate.starts):
        raise SetRefused(refusal)
