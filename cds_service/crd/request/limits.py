"""Limits that a person never meets: how much one call may name.

Beyond them a call is refused in words (413).
"""

from collections.abc import Iterable

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.order import Order
from cds_service.crd.request.requested_orders import Requested
from cds_service.errors import TooLarge
from cds_service.fhir.resource import JsonObject, objects

MAX_ORDERS = 250  # in one call
MAX_REFERENCES = 500  # in the context, and to orders in the appointments
MAX_CODINGS = 1_000  # of one order, its billing options among them
MAX_WORDS = 10_000  # texts and displays of the codes of all orders: many may refer to the same
MAX_CONTAINED = 250  # in one resource


def check_requested(requested: Requested, chart: Chart) -> None:
    """Pass a call that names no more than it may.

    Raises:
        TooLarge: too many orders, references or contained resources; says which, and the limit.
    """
    references = len(requested.named) + len(requested.based_on)
    _check(references, MAX_REFERENCES, "references to orders in one call")
    _check(len(requested.resources), MAX_ORDERS, "orders in one call")
    _check(_most_contained(chart.resources), MAX_CONTAINED, "contained resources in one resource")


def check_sent(resources: tuple[JsonObject, ...]) -> tuple[JsonObject, ...]:
    """The same resources of a context, asked about or not, now known to be no more than may be.

    Raises:
        TooLarge: there are more.
    """
    _check(len(resources), MAX_ORDERS, "orders in one call")
    return resources


def check_orders(orders: Iterable[Order]) -> tuple[Order, ...]:
    """The same orders, now known to be no more, and to have no more codes, than they may.

    They may be read one by one: none is read beyond the first that is too much.

    Raises:
        TooLarge: there are more, or one has more.
    """
    checked: list[Order] = []
    words = 0
    for order in orders:
        checked.append(order)
        _check(len(checked), MAX_ORDERS, "orders in one call")
        billed_as = sum(map(len, order.billing_options))
        _check(len(order.codings) + billed_as, MAX_CODINGS, "codings of one order")
        words += len(order.words)
        _check(words, MAX_WORDS, "texts and displays of codes in one call")
    return tuple(checked)


def _most_contained(resources: Iterable[JsonObject]) -> int:
    holders = (resource for resource in resources if "contained" in resource)
    return max((len(objects(holder["contained"])) for holder in holders), default=0)


def _check(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise TooLarge(f"too many {what}: this service reads at most {limit:,}")
