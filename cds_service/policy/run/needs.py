"""Needs: what the rules that may apply to a call still lack, as FHIR queries for its EHR.

Evaluation finds them: a rule whose other conditions are false already needs nothing more (CRD
found-28).
"""

from collections.abc import Iterable, Iterator

from cds_service.crd.decision.trace import ConditionTrace
from cds_service.crd.request.call import Call
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order, day_of_service
from cds_service.fhir.truth import Truth
from cds_service.policy.run.application import standing_conditions
from cds_service.policy.run.evaluation import Evaluation
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Rule


def needed_queries(index: PolicyIndex, call: Call, chart: Chart) -> list[str]:
    """The queries that rules need for the orders of a call, each once, and none made before.

    `chart` is what is at hand by now.
    """
    if not index.reads_chart:
        return []
    needed: dict[str, None] = {}
    for order in call.orders:
        for membership in call.memberships:
            if rules := _reading_rules(order, membership, call, index):
                days = day_of_service(order, call.at.date())
                evaluation = Evaluation(order, membership, days, chart)
                _evaluate(rules, evaluation)
                needed.update(evaluation.needs)
    return [query for query in needed if query not in chart.lookups.by_query]


def _reading_rules(
    order: Order, membership: Membership, call: Call, index: PolicyIndex
) -> list[Rule]:
    """The rules that may apply to an order and read more than the order itself."""
    if membership.payer is None:
        return []
    codings = (*order.codings, *(coding for group in order.billing_options for coding in group))
    rules = index.candidates(membership.payer.id, order.ruled_as, codings, call.hook.name)
    return [rule for rule in rules if rule.reads_chart]


def _evaluate(rules: Iterable[Rule], evaluation: Evaluation) -> None:
    """Test conditions up to the first that is false, for what they read on the way."""
    for rule in rules:
        is_silent = any(trace.value is Truth.FALSE for trace in _tested(rule, evaluation))
        if not is_silent:
            for expression in rule.details_read:
                evaluation.trace(expression)


def _tested(rule: Rule, evaluation: Evaluation) -> Iterator[ConditionTrace]:
    yield from standing_conditions(rule.policy, evaluation)
    for condition in rule.conditions:
        yield condition.test(evaluation)
