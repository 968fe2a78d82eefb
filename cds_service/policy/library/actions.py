"""Rules: each child action of a PlanDefinition, compiled.

The first `input` filters the orders a rule is for, every `condition` must hold, and the
`coverage-determination` extension says what is determined then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.crd.decision.determination import Citation
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.errors import ArtifactError, ExpressionError
from cds_service.fhir.coding import Coding, read_codings
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.determinations import RuleDetermination, read_determination
from cds_service.policy.library.value_sets import expand
from cds_service.policy.run.conditions import ExpressionCompiler
from cds_service.policy.run.rules import Condition, Policy, Rule

# What an order input may not have besides: each would limit the rule to fewer orders.
_UNHEEDED = (
    "profile",
    "dateFilter",
    "limit",
    "sort",
    "subjectCodeableConcept",
    "subjectReference",
)
_ORDER = ".input[0]"
_FILTER = f"{_ORDER}.codeFilter"


@dataclass(frozen=True, slots=True)
class Action:
    """One rule's action, and where it stands in its artifact: `$.action[0].action[2]`."""

    artifact: Artifact
    where: str
    json: JsonObject

    def broken(self, what: str, problem: object) -> ArtifactError:
        """The error to raise for a fault at the path `what` inside the action."""
        return self.artifact.broken(f"{self.where}{what}", problem)


class RuleReader:
    """Reads the rules of one library; expressions they share are compiled once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._expressions = ExpressionCompiler()

    def read(self, artifact: Artifact, policy: Policy) -> list[Rule]:
        """Every rule of one policy.

        Raises:
            ArtifactError: there is none, or one that cannot be used.
        """
        rules = [self._rule(action, policy) for action in _actions(artifact)]
        if not rules:
            raise artifact.broken("$.action", "a policy has at least one rule")
        return rules

    def _rule(self, action: Action, policy: Policy) -> Rule:
        order_input = _order_input(action)
        codings = self._codings(action, order_input)
        determination, dynamic, details = self._determination(action)
        citation = _cite(action, policy.citation)
        expires = policy.end if policy.end < date.max else None
        return Rule(
            policy=policy,
            citation=citation,
            order_type=text(order_input.get("type")),
            codings=codings,
            conditions=tuple(self._conditions(action)),
            determination=replace(determination, expiry_date=expires, citations=(citation,)),
            dynamic=dynamic,
            description=text(action.json.get("description")),
            text_equivalent=text(action.json.get("textEquivalent")),
            document=text(first(action.json.get("documentation")).get("display")),
            details=details,
        )

    def _codings(self, action: Action, order_input: JsonObject) -> tuple[Coding, ...]:
        """The codings of the filter, under which the index finds the rule; none for every order.

        Raises:
            ArtifactError: a filter that an index by codes cannot keep.
        """
        filters = objects(order_input.get("codeFilter"))
        if not filters:
            return ()
        if len(filters) > 1:
            problem = "a rule has at most one filter: several would all have to match"
            raise action.broken(_FILTER, problem)
        codings = self._filtered(action, filters[0])
        if not codings:
            raise action.broken(_FILTER, "the filter lists no code")
        return codings

    def _filtered(self, action: Action, code_filter: JsonObject) -> tuple[Coding, ...]:
        """`valueSet` and `code` of one filter add up (R4 DataRequirement.codeFilter)."""
        where = f"{_FILTER}[0]"
        if text(code_filter.get("path")) != "code":
            problem = "the path of the filter is `code`: the order's own codes"
            raise action.broken(f"{where}.path", problem)
        codes = objects(code_filter.get("code"))
        if not all(coding.get("system") and coding.get("code") for coding in codes):
            raise action.broken(f"{where}.code", "a code needs a system")
        canonical = text(code_filter.get("valueSet"))
        if canonical and canonical not in self._library.by_canonical:
            problem = f"`{canonical}` is not in the library (pin `url|version`)"
            raise action.broken(f"{where}.valueSet", problem)
        listed = expand(self._library.by_canonical[canonical]) if canonical else ()
        return (*listed, *read_codings({"coding": list(codes)}))

    def _conditions(self, action: Action) -> Iterator[Condition]:
        conditions = objects(action.json.get("condition"))
        if not conditions:
            raise action.broken(".condition", "a rule has at least one condition")
        for number, condition in enumerate(conditions):
            expression = first(condition.get("expression"))
            where = f".condition[{number}]"
            if (
                condition.get("kind") != "applicability"
                or expression.get("language") != "text/fhirpath"
            ):
                raise action.broken(where, "a condition is of kind applicability, in text/fhirpath")
            try:
                compiled = self._expressions.compile(text(expression.get("expression")))
            except ExpressionError as error:
                raise action.broken(f"{where}.expression.expression", error) from error
            yield Condition(
                description=text(expression.get("description")) or compiled.source,
                expression=compiled,
            )

    def _determination(self, action: Action) -> RuleDetermination:
        found = find_extensions(action.json, COVERAGE_DETERMINATION)
        if len(found) != 1:
            raise action.broken(".extension", "a rule has exactly one coverage-determination")
        try:
            return read_determination(found[0], self._expressions)
        except ValueError as error:
            raise action.broken(".extension", error) from error


def _actions(artifact: Artifact) -> Iterator[Action]:
    """The rules of a policy: the actions inside its outer ones, of which only the hooks are read.

    Raises:
        ArtifactError: an action says something that would not be heeded.
    """
    for outer, parent in enumerate(objects(artifact.resource.get("action"))):
        if "condition" in parent or "input" in parent:
            raise artifact.broken(
                f"$.action[{outer}]", "a condition or input of the outer action would not be heeded"
            )
        for inner, rule in enumerate(objects(parent.get("action"))):
            where = f"$.action[{outer}].action[{inner}]"
            if "action" in rule:
                raise artifact.broken(where, "an action below a rule would not be heeded")
            yield Action(artifact, where, rule)


def _order_input(action: Action) -> JsonObject:
    """The first input: what kind of order the rule is for, whatever the id of the input.

    Raises:
        ArtifactError: there is none, or it or another asks for what the rule would not be given.
    """
    inputs = objects(action.json.get("input"))
    if not inputs:
        raise action.broken(".input", "a rule has one input: the kind of order it is for")
    order_input = inputs[0]
    if text(order_input.get("type")) not in ORDER_KINDS:
        raise action.broken(f"{_ORDER}.type", f"`{order_input.get('type')}` is no kind of order")
    for name in _UNHEEDED:
        if name in order_input:
            problem = f"`{name}` would not be heeded; say it in a condition"
            raise action.broken(f"{_ORDER}.{name}", problem)
    if len(inputs) > 1:
        problem = f"an input after the order's, `{inputs[1].get('type')}`, would not be heeded"
        raise action.broken(".input[1]", problem)
    return order_input


def _cite(action: Action, citation: Citation) -> Citation:
    rule_id, title = text(action.json.get("id")), text(action.json.get("title"))
    if not rule_id or not plain(title):
        raise action.broken("", "a rule has an id and a title")
    section = text(first(action.json.get("documentation")).get("label"))
    page_url = f"{citation.page_url}#rule-{quote(rule_id, safe='')}"
    return replace(citation, rule_id=rule_id, rule_title=title, section=section, page_url=page_url)
