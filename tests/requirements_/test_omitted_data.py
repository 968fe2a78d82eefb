"""CRD page Conformance Expectations: what a profile lets be omitted is not missed as an error."""

from collections.abc import Iterator

import pytest
from complete_resources import (
    ASKED,
    REQUESTS,
    coding_of,
    complete_member,
    complete_orders,
    index_of,
    member,
    only,
)
from every_hook import (
    PRIMARY,
    JsonObject,
    annotations,
    ask,
    call,
    covered,
    reason_codes,
)
from every_part import rule_of
from order_profiles import MANDATORY, OF_THE_MEMBER
from small_library import COVERED_WITHOUT_AUTHORIZATION

from cds_service.policy.run.index import PolicyIndex


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """Rules that cover: any doubt that an omission leaves shows in what is determined."""
    return index_of(rule_of(COVERED_WITHOUT_AUTHORIZATION, kind) for kind in REQUESTS)


def optional_of(resource: JsonObject, mandatory: str) -> list[str]:
    """The elements of a resource that it may be without."""
    kept = only(resource, mandatory)
    return [name for name in resource if name not in kept]


def variants(resource: JsonObject, mandatory: str) -> Iterator[JsonObject]:
    """A resource without each of its optional elements in turn, and without all of them."""
    for name in optional_of(resource, mandatory):
        yield {key: value for key, value in resource.items() if key != name}
    yield only(resource, mandatory)


def assert_answered(
    hook: str, order: JsonObject, members: list[JsonObject], index: PolicyIndex
) -> None:
    """The call is answered as ever, if a code is left, and what it lacks is no failure."""
    response = ask(call(hook, order, member=members), index=index)
    is_coded = coding_of(order["resourceType"])["code"] in str(order)
    undecided = ["indeterminate"] if hook in PRIMARY else []

    assert covered(response) == (["covered"] if is_coded else undecided)
    assert all("technical" not in reason_codes(parts) for parts in annotations(response))


@pytest.mark.crd("conf-12", "hook-22")
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_no_optional_element_of_an_order_is_missed(
    index: PolicyIndex, hook: str, kind: str
) -> None:
    """An order of each kind without each of them, and without all."""
    orders = list(variants(complete_orders()[kind], f"{MANDATORY[kind]} start end"))
    assert len(orders) > 3

    for order in orders:
        assert_answered(hook, order, member(), index)


@pytest.mark.crd("conf-12", "hook-22")
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_no_optional_element_of_a_member_is_missed(
    index: PolicyIndex, hook: str, kind: str
) -> None:
    """Patient, Coverage and payer without each of them, and without all."""
    for changed, mandatory in OF_THE_MEMBER.items():
        for resource in variants(complete_member()[changed], mandatory):
            others = {**complete_member(), changed: resource}
            assert_answered(hook, complete_orders()[kind], list(others.values()), index)
