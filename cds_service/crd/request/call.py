"""One hook call, understood: its version, its configuration, its members and orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.caller import ANYONE, Caller
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.configuration import Configuration, read_configuration
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.limits import check_orders, check_requested, check_sent
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.crd.request.order_names import tell_apart
from cds_service.crd.request.requested_orders import (
    check_at_hand,
    find_requested,
    read_beside,
    read_requested_orders,
)
from cds_service.crd.request.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was asked.

    `at` is when, by the one reading of the clock that everything in the response agrees with;
    `not_at_hand` counts which of the orders `named` in the context could not be found.
    """

    at: datetime
    hook: Hook
    version: Version
    configuration: Configuration
    chart: Chart
    memberships: tuple[Membership, ...]
    orders: tuple[Order, ...]
    caller: Caller = ANYONE
    named: int = 0
    not_at_hand: int = 0

    @property
    def oddities(self) -> Iterator[str]:
        """What an operator may want to know of it, without a patient's data."""
        if self.chart.of_others:
            yield f"{self.chart.of_others} resources of another patient came and were not used"
        if self.not_at_hand:
            yield f"{self.not_at_hand} of {self.named} resources named are not at hand"
        if ignored := ", ".join(self.configuration.ignored):
            yield f"settings without sense were ignored: {ignored}"


def read_call(
    request: HookRequest,
    chart: Chart,
    memberships: tuple[Membership, ...],
    *,
    hook: Hook,
    version: Version,
    at: datetime,
) -> Call:
    """The call, with the orders it asks about.

    Raises:
        InvalidRequest: two of them have one id, or the hook must name some and does not.
        DataUnavailable: none of them is at hand, and not all were looked for in vain.
        OrderNotFound: all of them were, and the hook is a primary one.
        TooLarge: the call names more than a person would.
    """
    requested = find_requested(hook, chart)
    check_requested(requested, chart)
    check_at_hand(requested, hook, chart)
    orders = check_orders(read_requested_orders(requested, chart, version))
    sent = check_sent(hook.beside(chart) or requested.resources)
    return Call(
        at=at,
        hook=hook,
        version=version,
        configuration=read_configuration(request.extension),
        chart=chart,
        memberships=memberships,
        orders=tell_apart(orders, sent, partial(read_beside, chart=chart)),
        named=len(requested.named),
        not_at_hand=requested.not_at_hand(chart),
    )
