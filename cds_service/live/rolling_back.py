"""Rolling back: which set was in service before the present one."""

from sqlalchemy import Engine

from cds_service.errors import AuditError
from cds_service.live.activations import Activation, Kind, Plan
from cds_service.live.serving import find_former, find_served, list_served, present_digests


def find_previous(engine: Engine, plan: Plan) -> tuple[str, str]:
    """The digests of the present set and of the one before, to which one rolls back.

    Where an activation is in force that no process there could take up, what they serve is the one
    before. A rollback is never rolled back: two persons who do the same would undo each other.

    Raises:
        AuditError: there is none, or it is not clear which.
        SQLAlchemyError: the store cannot be read.
    """
    _check_clear(plan)
    served = find_served(engine, plan.now)
    digests = present_digests(served)
    current = plan.current
    if current and current.order.digest:
        wanted = current.order.digest
        if digests and wanted not in digests:
            return wanted, digests[0]
        former = find_former(engine, wanted, current.starts) or _earlier(plan, current)
    else:
        latest = digests or tuple(found.serving.digest for found in list_served(engine, 1))
        wanted = latest[0] if latest else ""
        since = [found.serving.since for found in served if found.serving.digest == wanted]
        former = find_former(engine, wanted, min(since, default=plan.now))
    if not former:
        raise AuditError(
            "no set was in service before the present one; name one: `crd policy activate DIGEST`"
        )
    return wanted, former


def _check_clear(plan: Plan) -> None:
    """Pass unless somebody has rolled back just now."""
    unplanned = (found for found in plan.coming if not found.planned)
    if coming := next(unplanned, None):
        raise AuditError(
            f"{coming.order.kind} {coming.number} by {coming.order.who} is under way: "
            f"it begins at {coming.starts.isoformat()}; `crd policy cancel {coming.number}` ends it"
        )
    current = plan.current
    if current and current.order.kind is Kind.ROLLBACK:
        raise AuditError(
            f"the present set came by rollback {current.number}, by {current.order.who} at "
            f"{current.at.isoformat()}; to go further, name the set: `crd policy activate DIGEST` "
            "(`crd policy history` lists them)"
        )


def _earlier(plan: Plan, current: Activation) -> str:
    """The set of the activation before, where no process has written what it served."""
    begun = [found for found in plan.activations if found.starts <= plan.now]
    earlier = begun[begun.index(current) + 1 :]
    digests = (found.order.digest for found in earlier)
    return next((digest for digest in digests if digest != current.order.digest), "")
