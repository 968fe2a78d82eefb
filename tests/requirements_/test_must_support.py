"""CRD page Conformance Expectations: must-support elements lead to the determination."""

import copy
from collections.abc import Mapping
from functools import cache

import pytest
from complete_resources import (
    REQUESTS,
    complete_member,
    complete_orders,
    index_of,
)
from every_hook import JsonObject, annotations, ask, call
from order_profiles import MANDATORY, MUST_SUPPORT, names_of, values_at
from small_library import (
    COVERED_WITHOUT_AUTHORIZATION,
    instruction,
    rule,
)

from cds_service.policy.run.index import PolicyIndex

# Variables of a rule, each with the type of what it reads.
READ_BY_RULES: Mapping[str, tuple[str, ...]] = {
    **{kind: ("%order", MANDATORY[kind], MUST_SUPPORT[kind]) for kind in REQUESTS},
    "Coverage": ("%coverage", MUST_SUPPORT["Coverage"]),
    "Patient": ("%patient", MUST_SUPPORT["Patient"]),
}
# Without a payer nothing is decided at all: that is tested with the errors.
TESTED_ELSEWHERE = {("Coverage", "payor")}
ELEMENTS = [
    (kind, path)
    for kind, (_, *lists) in READ_BY_RULES.items()
    for path in " ".join(lists).split()
    if (kind, path) not in TESTED_ELSEWHERE
]


def without(resource: JsonObject, path: str) -> JsonObject:
    """A copy of a resource without the element at a path, of any type if it is a choice."""
    changed = copy.deepcopy(resource)
    *outer, last = path.split(".")
    holders = values_at(changed, ".".join(outer)) if outer else [changed]
    for holder in holders:
        for name in names_of(holder, last):
            del holder[name]
    return changed


@cache
def reading(kind: str) -> PolicyIndex:
    """A rule for each must-support element of a resource, which names it where it is there."""
    variable, *lists = READ_BY_RULES[kind]
    rules = []
    for number, path in enumerate(" ".join(lists).split()):
        determination = [*COVERED_WITHOUT_AUTHORIZATION, instruction(path)]
        condition = (f"{variable}.{path}.exists()",)
        order_type = kind if kind in REQUESTS else "ServiceRequest"
        named = f"rule-{number}"
        rules.append(rule(named, codes=(), conditions=condition, determination=determination))
        rules[-1]["input"] = [{"type": order_type}]
    return index_of(rules)


def named(kind: str, resource: JsonObject) -> list[str]:
    """The elements that the rules name, once they have read a resource."""
    resources = {**complete_member(), "ServiceRequest": complete_orders()["ServiceRequest"]}
    resources[kind] = resource
    order = resources.pop(kind if kind in REQUESTS else "ServiceRequest")
    member = [resources[name] for name in ("Patient", "Coverage", "Organization")]
    (parts,) = annotations(ask(call("order-sign", order, member=member), index=reading(kind)))
    values = [detail["value"][0] for detail in parts["detail"]]
    return sorted(value for value in values if not value.startswith("https://"))


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(("kind", "path"), ELEMENTS)
def test_a_rule_can_decide_by_each_must_support_element(kind: str, path: str) -> None:
    """It is read where it is there, and its absence changes what is determined."""
    complete = {**complete_orders(), **complete_member()}[kind]
    everything = sorted(" ".join(READ_BY_RULES[kind][1:]).split())
    less = named(kind, without(complete, path))

    assert named(kind, complete) == everything
    assert path not in less
    assert {name for name in everything if not name.startswith(f"{path}.")} - set(less) <= {path}
