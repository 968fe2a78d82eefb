"""Adjudication: from an order and a membership to what the payer's rules determine."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cds_service.crd.decision.default_determinations import (
    no_active_coverage,
    no_policy,
    order_not_understood,
    payer_not_identified,
    perhaps_inactive,
    unreachable,
)
from cds_service.crd.decision.determination import (
    Citation,
    Determination,
    RuleTrace,
    combine,
    without_documentation,
)
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.membership import Membership, Payer
from cds_service.crd.request.order import Order
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth
from cds_service.policy.run.application import Finding, apply_rule
from cds_service.policy.run.index import PolicyIndex


def determine(
    order: Order, membership: Membership, days: Days, *, index: PolicyIndex, hook: Hook
) -> OrderAnswer:
    """What is determined for one order of one member; always something if the hook is primary."""
    answer = OrderAnswer(order=order, membership=membership, days=days, determinations=())
    if membership.payer is None:
        determination = unreachable() if membership.unreachable else payer_not_identified()
        return replace(answer, determinations=(determination,))
    if membership.activity_on(days) is Truth.FALSE:
        return replace(answer, determinations=(no_active_coverage(),))
    if order.modified:
        return replace(answer, determinations=(order_not_understood(),))
    found = _by_policy(answer, membership.payer, index, hook)
    return _for_secondary(found) if not hook.primary else found


def _for_secondary(answer: OrderAnswer) -> OrderAnswer:
    """Secondary hooks say what a policy says, but ask for no documentation yet (CRD hook-19)."""
    said = (
        without_documentation(determination)
        for determination in answer.determinations
        if determination.citations
    )
    return replace(answer, determinations=tuple(said))


def _by_policy(answer: OrderAnswer, payer: Payer, index: PolicyIndex, hook: Hook) -> OrderAnswer:
    """One determination, or one for each group of billing codes that leads to a different one (design: 4.7)."""
    groups = answer.order.billing_options or ((),)
    found = [_findings(answer, payer.id, group, index, hook) for group in groups]
    determined = [_combined(findings, answer, payer) for findings in found]
    return replace(
        answer,
        determinations=_scoped(groups, determined),
        traces=_distinct_traces(finding.trace for findings in found for finding in findings),
    )


def _findings(
    answer: OrderAnswer, payer_id: str, billed_as: Sequence[Coding], index: PolicyIndex, hook: Hook
) -> list[Finding]:
    codings = (*answer.order.codings, *billed_as)
    candidates = index.candidates(payer_id, answer.order.ruled_as, codings, hook.name)
    return [
        apply_rule(one, answer.order.resource, answer.membership, answer.days) for one in candidates
    ]


def _combined(findings: Sequence[Finding], answer: OrderAnswer, payer: Payer) -> Determination:
    said = [finding.determination for finding in findings if finding.determination]
    if answer.order.unreachable:  # a code we could not read may be one a policy refuses
        said.append(unreachable())
    if said and answer.membership.activity_on(answer.days) is Truth.UNKNOWN:
        said.append(perhaps_inactive())
    return combine(said) if said else no_policy(payer.brand)


def _scoped(
    groups: Sequence[Sequence[Coding]], determined: Sequence[Determination]
) -> tuple[Determination, ...]:
    """Equal determinations once; if there are different ones, each for the codes that lead to it (CRD covinfo-1)."""
    if len(determined) == 1:
        return tuple(determined)
    codes_of: dict[int, list[Coding]] = {}
    distinct: list[Determination] = []
    for group, determination in zip(groups, determined, strict=True):
        unscoped = replace(determination, billing_codes=())
        if unscoped not in distinct:
            distinct.append(unscoped)
        codes_of.setdefault(distinct.index(unscoped), []).extend(group[:1])
    if len(distinct) == 1:
        return (replace(determined[0], billing_codes=_every_code(determined)),)
    return tuple(
        replace(determination, billing_codes=tuple(codes_of[at]))
        for at, determination in enumerate(distinct)
    )


def _every_code(determined: Sequence[Determination]) -> tuple[Coding, ...]:
    return tuple(
        dict.fromkeys(code for determination in determined for code in determination.billing_codes)
    )


def _distinct_traces(traces: Iterable[RuleTrace]) -> tuple[RuleTrace, ...]:
    kept: list[RuleTrace] = []
    for trace in traces:
        if trace not in kept:
            kept.append(trace)
    return tuple(kept)


def advise(
    order: Order, payer: Payer, days: Days, *, index: PolicyIndex, hook: Hook
) -> Determination | None:
    """What a payer's rules would say to a member, for a call without a Coverage; None if none speaks."""
    if order.modified:
        return None
    member = Membership(coverage={}, coverage_key=None, payer=payer, plan=None, patient=None)
    answer = OrderAnswer(order=order, membership=member, days=days, determinations=())
    return _by_policy(answer, payer, index, hook).from_policy


def hint(order: Order, payer: Payer, days: Days, index: PolicyIndex) -> list[tuple[Citation, str]]:
    """The payer's policies in force one of whose index terms the order's words say, with the term."""
    if order.modified:
        return []
    mentioned = index.mentioned(payer.id, order.words)
    return [
        (policy.citation, term)
        for policy, term in mentioned
        if policy.in_force(days) is not Truth.FALSE
    ]
