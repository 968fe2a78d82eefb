"""Making a rule's proposals for one order: never on a guess.

They are made where the rule's own determination is the answer: all its conditions are true, and no
other rule, no authorization on file and nothing that is unknown of order or Coverage has made the
answer another one. A proposal whose own condition is not true, whose expressions fail, or whose
resource would break its profile is not made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.proposal import (
    App,
    Content,
    Creation,
    Form,
    Proposal,
    ProposalKind,
    Update,
    is_offered,
)
from cds_service.crd.decision.proposed_resources import created, updated
from cds_service.crd.decision.trace import RuleTrace
from cds_service.crd.request.hooks import Hook
from cds_service.errors import ExpressionError
from cds_service.fhir.resource import JsonObject, text
from cds_service.fhir.truth import Truth
from cds_service.policy.language.calendar import Moment
from cds_service.policy.language.collection import is_open, truth
from cds_service.policy.run.evaluation import Evaluation
from cds_service.policy.run.proposal_templates import DynamicElement, ProposalTemplate
from cds_service.policy.run.rules import Rule


def propose(
    applied: Sequence[tuple[Rule, RuleTrace]],
    determinations: Sequence[Determination],
    evaluation: Evaluation,
    hook: Hook,
) -> tuple[Proposal, ...]:
    """The proposals of the rules that were applied, each once; `determinations` are the answer.

    A rule may have been applied for several groups of billing codes.
    """
    made: dict[str, Proposal] = {}
    for rule, trace in applied:
        if rule.proposals and _is_the_answer(rule, trace, determinations):
            for proposal in _proposals(rule, evaluation, hook):
                made.setdefault(proposal.name, proposal)
    return tuple(made.values())


def _is_the_answer(rule: Rule, trace: RuleTrace, determinations: Sequence[Determination]) -> bool:
    """Whether the rule decided, and the order is answered as the rule alone would answer it."""
    decided = all(condition.value is Truth.TRUE for condition in trace.conditions)
    own = trace.determination
    # A rule whose details cannot be read is `technical`, with reasons of its own.
    if not decided or own is None or own.reasons != rule.determination.reasons:
        return False
    answers = {(determined.covered, determined.pa_needed) for determined in determinations}
    return answers == {(rule.determination.covered, rule.determination.pa_needed)}


def _proposals(rule: Rule, evaluation: Evaluation, hook: Hook) -> Iterator[Proposal]:
    for template in rule.proposals:
        if not is_offered(template.kind, hook.name, primary=hook.primary):
            continue
        try:
            content = _content(template, evaluation)
        except ExpressionError:
            continue
        if content:
            yield Proposal(
                kind=template.kind,
                id=template.id,
                topic=template.topic,
                title=template.title,
                description=template.description,
                citation=rule.citation,
                content=content,
                is_recommended=template.is_recommended,
            )


def _content(template: ProposalTemplate, evaluation: Evaluation) -> Content | None:
    """What is proposed for this order; None if nothing can be.

    Raises:
        ExpressionError: an expression cannot be evaluated.
    """
    if not evaluation.membership.coverage:  # advice to nobody in particular proposes nothing
        return None
    for condition in template.conditions:
        if truth(evaluation.evaluate(condition)) is not Truth.TRUE:
            return None
    elements = dict(template.elements)
    for dynamic in template.dynamic:
        value = _value(dynamic, evaluation)
        if value is None:
            return None
        elements[dynamic.name] = value
    return _MAKERS[template.kind](template, elements, evaluation)


def _value(dynamic: DynamicElement, evaluation: Evaluation) -> Any:
    """The value of an element; None if what the expression yields may not stand there."""
    yielded = evaluation.evaluate(dynamic.expression)
    values = [_as_json(value) for value in yielded]
    if is_open(yielded) or not values or not all(map(dynamic.fits, values)):
        return None
    if dynamic.is_list:
        return values
    return values[0] if len(values) == 1 else None


def _as_json(value: Any) -> Any:
    """What an expression yields, as it stands in a resource."""
    if isinstance(value, Moment):
        return str(value)
    return dict(value) if isinstance(value, dict) else value


def _alternate(
    template: ProposalTemplate, elements: JsonObject, evaluation: Evaluation
) -> Content | None:
    """A change of the order, or another in its place.

    Only an order that can be named, and is itself of the rule's type: an appointment or encounter
    is answered by the same rules, but keeps its service elsewhere.
    """
    order = evaluation.order
    if order.key is None or order.type != template.target:
        return None
    if not template.is_replacement:
        changed = updated(order.resource, elements)
        return Update(resource=changed) if changed else None
    if text(order.resource.get("status")) != "draft":  # what is in force is not deleted
        return None
    new = created(order.type, order.resource, elements, in_place=True)
    return Creation(resource=new, replaces=order.key) if new else None


def _additional(
    template: ProposalTemplate, elements: JsonObject, evaluation: Evaluation
) -> Content | None:
    new = created(template.target, evaluation.order.resource, elements, in_place=False)
    return Creation(resource=new) if new else None


def _form(
    template: ProposalTemplate, _elements: JsonObject, _evaluation: Evaluation
) -> Content | None:
    return Form(questionnaire=template.questionnaire, purpose=template.purpose)


def _coverage(
    _template: ProposalTemplate, elements: JsonObject, evaluation: Evaluation
) -> Content | None:
    if evaluation.membership.coverage_key is None:
        return None
    changed = updated(evaluation.membership.coverage, elements)
    return Update(resource=changed) if changed else None


def _app(
    template: ProposalTemplate, elements: JsonObject, _evaluation: Evaluation
) -> Content | None:
    return App(url=template.url, context=elements.get(APP_CONTEXT, ""))


APP_CONTEXT = "appContext"  # the one thing of an app that an expression yields

_Maker = Callable[[ProposalTemplate, JsonObject, Evaluation], Content | None]
_MAKERS: Mapping[ProposalKind, _Maker] = {
    ProposalKind.ALTERNATE: _alternate,
    ProposalKind.ADDITIONAL: _additional,
    ProposalKind.FORM: _form,
    ProposalKind.COVERAGE: _coverage,
    ProposalKind.APP: _app,
}
