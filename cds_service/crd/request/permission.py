"""Permission: about which members a client may ask (reliability: E10)."""

from cds_service.crd.request.caller import Caller
from cds_service.crd.request.membership import Membership
from cds_service.errors import Forbidden


def permitted_memberships(
    memberships: tuple[Membership, ...], caller: Caller
) -> tuple[Membership, ...]:
    """The memberships that this caller may ask about; those of no known payer are among them.

    Raises:
        Forbidden: there are some, and all of them are of payers that it may not ask about.
    """
    permitted = tuple(
        membership
        for membership in memberships
        if membership.payer is None or caller.may_ask(membership.payer.id)
    )
    if memberships and not permitted:
        raise Forbidden("this client may not ask about the payer of this Coverage", "$.prefetch")
    return permitted
