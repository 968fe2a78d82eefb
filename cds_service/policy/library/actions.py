"""Rules: each child action of a PlanDefinition, compiled.

The first `input` filters the orders a rule is for, others ask for what else it reads, every
`condition` must hold, of the rule and of the action around it, and the `coverage-determination`
extension says what is determined then. The actions below a rule are its proposals (see
`proposals`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.codes import COVERAGE_DETERMINATION, SHARED_DETAILS
from cds_service.crd.decision.determination import Citation
from cds_service.fhir.extension import find_extensions, parts
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.expressions import ExpressionCompiler, no_code_sets
from cds_service.policy.library.action import Action
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.citations import in_url
from cds_service.policy.library.conditions import ConditionReader
from cds_service.policy.library.determinations import RuleDetermination, read_determination
from cds_service.policy.library.faults import Faults
from cds_service.policy.library.inputs import Filter, InputReader
from cds_service.policy.library.proposals import ProposalReader
from cds_service.policy.library.rule_expressions import RuleExpressions
from cds_service.policy.library.value_sets import ValueSets
from cds_service.policy.run.inputs import Input
from cds_service.policy.run.rules import Policy, Rule


class RuleReader:
    """Reads the rules of one library; expressions they share are compiled once."""

    def __init__(self, library: Library) -> None:
        self._value_sets = ValueSets(library)
        self._compiler = ExpressionCompiler(self._find_code_set)
        self._inputs = InputReader(self._value_sets, self._compiler.model)
        self._conditions = ConditionReader()
        self._proposals = ProposalReader(library)

    def _find_code_set(self, canonical: str) -> CodeSet:
        return self._value_sets.find(canonical) or no_code_sets(canonical)

    def read(self, artifact: Artifact, policy: Policy) -> list[Rule]:
        """Every rule of one policy.

        Raises:
            ArtifactError: there is none, or some cannot be used; each of those is named.
        """
        rules: list[Rule] = []
        faults = Faults()
        for outer, actions in list(_actions(artifact)):
            with faults.gathered():
                rules.extend(self._read_within(outer, actions, policy))
        faults.raise_all()
        if not rules:
            raise artifact.broken("$.action", "a policy has at least one rule")
        return rules

    def _read_within(self, outer: Action, actions: list[Action], policy: Policy) -> list[Rule]:
        """The rules of one outer action."""
        shared_filter, shared = self._inputs.read_shared(outer)
        unread = set(shared)
        rules: list[Rule] = []
        faults = Faults()
        for action in actions:
            with faults.gathered():
                order = self._inputs.read_order(action)
                _check_within(order, shared_filter, action)
                expressions = self._expressions(action, order, shared)
                rules.append(self._rule(outer, action, order, expressions, policy))
                unread &= set(expressions.unused)
        faults.raise_all()
        for name in sorted(unread):
            raise outer.broken(".input", f"no expression below reads `%{name}`")
        return rules

    def _expressions(
        self, action: Action, order: Filter, shared: Mapping[str, Input]
    ) -> RuleExpressions:
        own = self._inputs.read_others(action)
        if both := own.keys() & shared.keys():
            raise action.broken(".input", f"the outer action has an input `{min(both)}` too")
        return RuleExpressions(self._compiler, order.order_type, {**shared, **own})

    def _rule(
        self,
        outer: Action,
        action: Action,
        order: Filter,
        expressions: RuleExpressions,
        policy: Policy,
    ) -> Rule:
        own = self._conditions.read(action, expressions)
        if not own:
            raise action.broken(".condition", "a rule has at least one condition")
        conditions = dict.fromkeys((*self._conditions.read(outer, expressions), *own))
        determination, dynamic, dependencies, details = _determination(outer, action, expressions)
        proposals = self._proposals.read(action, order.order_type, expressions, policy.hooks)
        _check_read(action, expressions)
        citation = _cite(action, policy.citation)
        expires = min(determination.expiry_date or date.max, policy.end)
        return Rule(
            policy=policy,
            citation=citation,
            order_type=order.order_type,
            code_set=order.code_set,
            conditions=tuple(conditions),
            determination=replace(
                determination,
                expiry_date=expires if expires < date.max else None,
                citations=(citation,),
            ),
            dynamic=dynamic,
            dependencies=dependencies,
            description=text(action.json.get("description")),
            text_equivalent=text(action.json.get("textEquivalent")),
            document=text(first(action.json.get("documentation")).get("display")),
            details=details,
            proposals=proposals,
        )


def _check_read(action: Action, expressions: RuleExpressions) -> None:
    """Pass if the rule reads all that its own inputs ask for (design: 4.16)."""
    asked = {text(written.get("id")) for written in objects(action.json.get("input"))}
    for name in asked.intersection(expressions.unused):
        raise action.broken(".input", f"no expression of this rule reads `%{name}`")


def _determination(
    outer: Action, action: Action, expressions: RuleExpressions
) -> RuleDetermination:
    found = find_extensions(action.json, COVERAGE_DETERMINATION)
    if len(found) != 1:
        raise action.broken(".extension", "a rule has exactly one coverage-determination")
    try:
        return read_determination(found[0], _shared_details(outer), expressions)
    except ValueError as error:
        raise action.broken(".extension", error) from error


def _shared_details(outer: Action) -> list[JsonObject]:
    """The details that stand on the outer action once, for all rules in it."""
    shared = find_extensions(outer.json, SHARED_DETAILS)
    named = [parts(extension) for extension in shared]
    if any(name != "detail" for stated in named for name in stated):
        raise outer.broken(".extension", "coverage-shared-details has nothing but `detail`s")
    return [detail for stated in named for detail in stated.get("detail", ())]


def _check_within(order: Filter, shared: Filter | None, action: Action) -> None:
    """Pass if all orders that a rule is for are also those of the action around it.

    Raises:
        ArtifactError: some of them would never reach the rule.
    """
    if shared is None:
        return
    if order.order_type != shared.order_type:
        raise action.broken(".input[0].type", f"the outer action is for {shared.order_type}")
    if shared.code_set is None:
        return
    codings = order.code_set.codings if order.code_set else ()
    if not codings or not all(shared.code_set.holds(coding.key) for coding in codings):
        problem = "the outer action's filter leaves some of these codes out"
        raise action.broken(".input[0].codeFilter", problem)


def _actions(artifact: Artifact) -> Iterator[tuple[Action, list[Action]]]:
    """The outer actions of a policy with the rules in each.

    Of an outer action the hooks are read, and its conditions and inputs: they are every rule's.

    Raises:
        ArtifactError: an action says something that would not be heeded.
    """
    for number, parent in enumerate(objects(artifact.resource.get("action"))):
        outer = Action(artifact, f"$.action[{number}]", parent)
        yield outer, list(outer.inside)


def _cite(action: Action, citation: Citation) -> Citation:
    rule_id, title = text(action.json.get("id")), text(action.json.get("title"))
    if not rule_id or not plain(title):
        raise action.broken("", "a rule has an id and a title")
    section = text(first(action.json.get("documentation")).get("label"))
    page_url = f"{citation.page_url}#rule-{in_url(rule_id)}"
    return replace(citation, rule_id=rule_id, rule_title=title, section=section, page_url=page_url)
