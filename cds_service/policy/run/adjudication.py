"""Adjudication: from orders and memberships to what the payer's rules determine."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from cds_service.crd.codes import Topic
from cds_service.crd.decision.authorizations import (
    Authorizations,
    AuthorizationsOfCall,
    NoAuthorizations,
    with_authorization,
)
from cds_service.crd.decision.combination import combine, without_documentation
from cds_service.crd.decision.default_determinations import (
    no_active_coverage,
    no_policy,
    order_not_understood,
    out_of_time,
    payer_not_identified,
    perhaps_coded_otherwise,
    perhaps_inactive,
    status_not_understood,
    unreachable,
)
from cds_service.crd.decision.determination import Citation, Determination
from cds_service.crd.decision.order_answer import Decisions, OrderAnswer
from cds_service.crd.decision.trace import RuleTrace
from cds_service.crd.request.call import Call
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.membership import Activity, Membership, Payer
from cds_service.crd.request.order import Order, day_of_service
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth
from cds_service.policy.run.application import apply_rule
from cds_service.policy.run.evaluation import Evaluation
from cds_service.policy.run.index import Candidates, PolicyIndex
from cds_service.policy.run.proposals import propose
from cds_service.policy.run.rules import Rule

_NONE_ON_FILE = NoAuthorizations()


def decide(
    call: Call,
    index: PolicyIndex,
    *,
    has_time: Callable[[], bool],
    new_id: Callable[[], str],
    authorizations: Authorizations = _NONE_ON_FILE,
) -> Decisions:
    """An answer for each order of each membership, under an assertion id of its own.

    Without membership, advice.

    What has not been decided while there is time is indeterminate. A client may ask not to be told
    of an authorization on file, and must in what-if calls (CRD found-35).
    """
    if not call.configuration.wants(Topic.UNSOLICITED_DETERM):
        authorizations = _NONE_ON_FILE
    adjudicate = partial(determine, index=index, hook=call.hook, chart=call.chart)
    on_file = AuthorizationsOfCall(authorizations)
    answers: list[OrderAnswer] = []
    advice: list[OrderAnswer] = []
    for order in call.orders:
        days = day_of_service(order, call.at.date())
        for membership in call.memberships:
            if has_time():
                left = on_file.left_for(order, membership)
                answer = adjudicate(order, membership, days, authorizations=left)
                on_file.give(answer.authorized_by, membership)
            else:
                answer = leave_open(order, membership, days, hook=call.hook)
            answers.append(replace(answer, assertion_id=new_id()))
        if not call.memberships and has_time():
            permitted = (payer for payer in index.payers.all if call.caller.may_ask(payer.id))
            advice.extend(
                advise(order, payer, days, index=index, hook=call.hook, chart=call.chart)
                for payer in permitted
            )
    sought = tuple(on_file.sought.items())
    return Decisions(answers=tuple(answers), advice=tuple(advice), sought=sought)


def determine(
    order: Order,
    membership: Membership,
    days: Days,
    *,
    index: PolicyIndex,
    hook: Hook,
    chart: Chart,
    authorizations: Authorizations = _NONE_ON_FILE,
) -> OrderAnswer:
    """What is determined for one order of one member; always something if the hook is primary."""
    payer = membership.payer
    answer = OrderAnswer(order=order, membership=membership, days=days, determinations=())
    if payer is None:
        unknown = unreachable() if membership.unreachable else payer_not_identified()
        return replace(answer, determinations=(unknown,))
    if membership.activity_on(days) is Activity.INACTIVE:
        return replace(answer, determinations=(no_active_coverage(),))
    if order.modified:
        return replace(answer, determinations=(order_not_understood(),))
    decided = _with_hints(
        _by_policy(answer, payer, index, hook, chart, authorizations), payer, index
    )
    return decided if hook.primary else _for_secondary(decided)


def leave_open(order: Order, membership: Membership, days: Days, *, hook: Hook) -> OrderAnswer:
    """The answer for an order whose turn comes too late: nothing was looked at."""
    determinations = (out_of_time(),) if hook.primary else ()
    return OrderAnswer(order=order, membership=membership, days=days, determinations=determinations)


def advise(
    order: Order, payer: Payer, days: Days, *, index: PolicyIndex, hook: Hook, chart: Chart
) -> OrderAnswer:
    """What a payer's rules would determine for a member, for a call without a Coverage."""
    member = Membership(coverage={}, coverage_key=None, payer=payer, plan=None, patient=None)
    answer = OrderAnswer(order=order, membership=member, days=days, determinations=())
    if order.modified:
        return answer
    decided = _with_hints(_by_policy(answer, payer, index, hook, chart), payer, index)
    return decided if hook.primary else _for_secondary(decided)


def _for_secondary(answer: OrderAnswer) -> OrderAnswer:
    """Secondary hooks say what a policy says, but ask for no documentation yet (CRD hook-19)."""
    determinations = (
        without_documentation(determination)
        for determination in answer.determinations
        if determination.citations
    )
    return replace(answer, determinations=tuple(determinations))


def _with_hints(answer: OrderAnswer, payer: Payer, index: PolicyIndex) -> OrderAnswer:
    """Where no rule addresses the order: the policies in force whose terms its words say."""
    if answer.from_policy or not answer.is_unaddressed:
        return answer
    hints: list[tuple[Citation, str]] = []
    for policy, term in index.mentioned(payer.id, answer.order.words):
        in_line = policy.governs(answer.membership)
        if policy.in_force(answer.days) is not Truth.FALSE and in_line is not Truth.FALSE:
            hints.append((policy.citation, term))
    return replace(answer, hints=tuple(hints))


def _by_policy(
    answer: OrderAnswer,
    payer: Payer,
    index: PolicyIndex,
    hook: Hook,
    chart: Chart,
    authorizations: Authorizations = _NONE_ON_FILE,
) -> OrderAnswer:
    """One determination, or one for each group of billing codes that leads to another.

    Groups that meet the same rules lead to the same determination: rules are applied once for all.
    """
    order = answer.order
    evaluation = Evaluation(order, answer.membership, answer.days, chart)
    groups = order.billing_options or ((),)
    by_order = index.candidates(payer.id, order.ruled_as, order.codings, hook.name)
    by_group = [index.candidates(payer.id, order.ruled_as, group, hook.name) for group in groups]
    alike: dict[frozenset[Rule], list[int]] = {}
    for number, candidates in enumerate(by_group):
        alike.setdefault(frozenset((*by_order, *candidates)), []).append(number)
    applied: list[tuple[Rule, RuleTrace]] = []
    determined: list[tuple[Determination, list[Coding]]] = []
    for numbers in alike.values():
        billed = evaluation.billed_as(numbers) if len(alike) > 1 else evaluation
        candidates = _merged(by_order, [by_group[number] for number in numbers])
        traces = [
            (rule, _applied(rule, found, billed, authorizations))
            for rule, found in candidates.items()
        ]
        applied.extend(traces)
        billed_as = [coding for number in numbers for coding in groups[number][:1]]
        determined.append((_combined([trace for _, trace in traces], answer, payer), billed_as))
    scoped, distinct = _scoped(determined), _once(applied)
    proposals = propose(applied, scoped, evaluation, hook)
    return replace(answer, determinations=scoped, traces=distinct, proposals=proposals)


def _once(applied: Sequence[tuple[Rule, RuleTrace]]) -> tuple[RuleTrace, ...]:
    """The traces, of those that differ in nothing a person would see only the first."""
    known: dict[object, RuleTrace] = {}
    for rule, trace in applied:
        values = tuple([condition.value for condition in trace.conditions])
        known.setdefault((rule, trace.matched, values), trace)
    return tuple(known.values())


def _applied(
    rule: Rule, found: tuple[Coding, ...], evaluation: Evaluation, authorizations: Authorizations
) -> RuleTrace:
    """What a rule determines, an authorization on file in place of its demand for one."""
    trace = apply_rule(rule, found, evaluation)
    return with_authorization(
        trace, evaluation.order, evaluation.membership, evaluation.days, authorizations
    )


def _merged(by_order: Candidates, by_group: Sequence[Candidates]) -> Candidates:
    """The rules that an order meets by its own codes or those of some groups, with the codes."""
    matched: dict[Rule, dict[Coding, None]] = {}
    for candidates in (by_order, *by_group):
        for rule, codings in candidates.items():
            matched.setdefault(rule, {}).update(dict.fromkeys(codings))
    return {rule: tuple(codings) for rule, codings in matched.items()}


def _combined(traces: Sequence[RuleTrace], answer: OrderAnswer, payer: Payer) -> Determination:
    determinations = [trace.determination for trace in traces if trace.determination]
    if answer.order.unreachable:  # a code we could not read may be one a policy refuses
        determinations.append(unreachable())
    if not determinations:
        return no_policy(payer.brand)
    if answer.order.not_at_hand:
        determinations.append(perhaps_coded_otherwise())
    match answer.membership.activity_on(answer.days):
        case Activity.DATE_UNKNOWN:
            determinations.append(perhaps_inactive())
        case Activity.STATUS_UNKNOWN:
            determinations.append(status_not_understood())
    return combine(determinations)


def _scoped(
    determined: Sequence[tuple[Determination, Sequence[Coding]]],
) -> tuple[Determination, ...]:
    """Equal determinations once; different ones each for the codes that lead there (covinfo-1)."""
    if len(determined) == 1:
        return (determined[0][0],)
    codes: dict[Determination, list[Coding]] = {}
    billed_as: dict[Determination, list[Coding]] = {}
    for determination, group_codes in determined:
        unscoped = replace(determination, billing_codes=())
        codes.setdefault(unscoped, []).extend(determination.billing_codes)
        billed_as.setdefault(unscoped, []).extend(group_codes)
    scope = codes if len(codes) == 1 else billed_as
    return tuple(
        replace(unscoped, billing_codes=tuple(dict.fromkeys(found)))
        for unscoped, found in scope.items()
    )
