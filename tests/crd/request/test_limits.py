"""Limits: what is counted, and that the last number is still read."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hook_requests import service_request

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.request.chart import Chart, index_chart
from cds_service.crd.request.limits import (
    MAX_CODINGS,
    MAX_CONTAINED,
    MAX_ORDERS,
    MAX_REFERENCES,
    MAX_WORDS,
    check_orders,
    check_requested,
)
from cds_service.crd.request.order import Order, read_order
from cds_service.crd.request.requested_orders import Requested
from cds_service.errors import TooLarge
from cds_service.fhir.coding import CPT, Coding

JsonObject = dict[str, Any]

NOTHING = Requested(resources=(), named=(), based_on=())
ORDER = read_order(service_request())
LISTED = Coding(CPT, "0600T")
LINK: JsonObject = {"reference": "ServiceRequest/1"}


def holding(*resources: JsonObject) -> Chart:
    """A chart of these resources."""
    return index_chart([Found(resource) for resource in resources], patient_id="member-1")


def containing(many: int) -> JsonObject:
    """A resource that contains so many."""
    return service_request(
        contained=[{"resourceType": "Device", "id": str(n)} for n in range(many)]
    )


def coded(many: int) -> Order:
    """An order of so many codings."""
    return replace(ORDER, codings=(LISTED,) * many)


def test_nothing_is_within_the_limits() -> None:
    """A call about nothing names nothing."""
    check_requested(NOTHING, holding())

    assert check_orders([]) == ()


@pytest.mark.parametrize(
    ("named", "based_on"),
    [(MAX_REFERENCES, 0), (0, MAX_REFERENCES), (MAX_REFERENCES - 200, 200)],
)
def test_references_in_the_context_and_in_appointments_count_together(
    named: int, based_on: int
) -> None:
    """The last is read, one more is not, wherever it stands."""
    most = replace(NOTHING, named=(LINK,) * named, based_on=((LINK, {}),) * based_on)
    check_requested(most, holding())

    for more in (
        replace(most, named=(*most.named, LINK)),
        replace(most, based_on=(*most.based_on, (LINK, {}))),
    ):
        with pytest.raises(TooLarge, match=r"references to orders in one call.* at most 500"):
            check_requested(more, holding())


def test_what_is_asked_about_counts_before_it_is_read() -> None:
    """No order is read where there are too many."""
    check_requested(replace(NOTHING, resources=({},) * MAX_ORDERS), holding())

    with pytest.raises(TooLarge, match=r"orders in one call.* at most 250"):
        check_requested(replace(NOTHING, resources=({},) * (MAX_ORDERS + 1)), holding())


def test_what_one_resource_contains_counts_for_it_alone() -> None:
    """Any resource at hand, asked about or not; two do not count together."""
    check_requested(NOTHING, holding(containing(MAX_CONTAINED), containing(MAX_CONTAINED)))

    with pytest.raises(TooLarge, match=r"contained resources in one resource.* at most 250"):
        check_requested(NOTHING, holding({}, containing(MAX_CONTAINED + 1)))


def test_orders_within_the_limits_are_given_back() -> None:
    """The very same, in their order."""
    orders = [coded(1), coded(MAX_CODINGS), coded(2)]

    assert check_orders(iter(orders)) == tuple(orders)


def test_orders_count_as_they_are_read() -> None:
    """Appointments may be for more orders than there are appointments."""
    check_orders([ORDER] * MAX_ORDERS)

    with pytest.raises(TooLarge, match=r"orders in one call.* at most 250"):
        check_orders([ORDER] * (MAX_ORDERS + 1))


def test_codings_count_for_each_order() -> None:
    """Two orders of a thousand are fine, one of a thousand and one is not."""
    check_orders([coded(MAX_CODINGS), coded(MAX_CODINGS)])

    with pytest.raises(TooLarge, match=r"codings of one order.* at most 1,000"):
        check_orders([ORDER, coded(MAX_CODINGS + 1)])


@pytest.mark.parametrize(
    "options",
    [((LISTED,),) * (MAX_CODINGS - 8), ((LISTED,) * (MAX_CODINGS - 8),), ((LISTED,) * 31,) * 32],
    ids=["each alone", "all together", "in groups"],
)
def test_codes_an_order_may_be_billed_under_count_as_its_codings(
    options: tuple[tuple[Coding, ...], ...],
) -> None:
    """However they are grouped."""
    billed = replace(coded(8), billing_options=options)
    check_orders([billed])

    with pytest.raises(TooLarge, match="codings of one order"):
        check_orders([replace(billed, codings=(LISTED,) * 9)])


def test_words_count_for_all_orders_together() -> None:
    """Many orders may refer to one Medication with many names."""
    named = replace(ORDER, words=("name",) * (MAX_WORDS // MAX_ORDERS))
    check_orders([named] * MAX_ORDERS)

    with pytest.raises(TooLarge, match=r"texts and displays .* at most 10,000"):
        check_orders([replace(named, words=(*named.words, "more")), *[named] * (MAX_ORDERS - 1)])


def test_no_order_is_read_beyond_the_first_that_is_too_much() -> None:
    """Reading costs as much as what the orders refer to: the rest is left alone."""
    read: list[int] = []

    def orders() -> Iterator[Order]:
        for number in range(10):
            read.append(number)
            yield coded(MAX_CODINGS + 1 if number == 3 else 1)

    with pytest.raises(TooLarge):
        check_orders(orders())
    assert read == [0, 1, 2, 3]


def test_a_refusal_has_the_status_of_too_much() -> None:
    """413, with a code of FHIR's for what is too long."""
    with pytest.raises(TooLarge) as refusal:
        check_orders([ORDER] * (MAX_ORDERS + 1))

    assert (refusal.value.status, refusal.value.issue_code) == (413, "too-long")
