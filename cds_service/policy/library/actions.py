"""Rules: each child action of a PlanDefinition, compiled.

`input` with id `order` filters, `condition` decides, the `coverage-determination` extension answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.crd.decision.determination import Citation
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.errors import ArtifactError
from cds_service.fhir.coding import Coding, read_codings
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.determinations import Template, read_template
from cds_service.policy.library.value_sets import expand
from cds_service.policy.run.conditions import ExpressionCompiler, ExpressionError
from cds_service.policy.run.rules import Condition, Policy, Rule

_UNHEEDED = ("dateFilter", "limit", "sort", "subjectCodeableConcept", "subjectReference")


@dataclass(frozen=True, slots=True)
class Action:
    """One rule's action, and how to say where it stands when it is broken."""

    artifact: Artifact
    where: str
    json: JsonObject

    def broken(self, what: str, problem: object) -> ArtifactError:
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
        if len({rule.citation.rule_id for rule in rules}) != len(rules):
            raise artifact.broken("$.action", "two rules have one id")
        return rules

    def _rule(self, action: Action, policy: Policy) -> Rule:
        order_input = self._order_input(action)
        codings = self._codings(action, order_input)
        template = self._template(action)
        citation = _cite(action, policy.citation)
        expires = policy.end if policy.end < date.max else None
        return Rule(
            policy=policy,
            citation=citation,
            order_type=text(order_input.get("type")),
            codings=codings,
            conditions=tuple(self._conditions(action)),
            determination=replace(
                template.determination, expiry_date=expires, citations=(citation,)
            ),
            dynamic=template.dynamic,
            description=text(action.json.get("description")),
            text_equivalent=text(action.json.get("textEquivalent")),
            document=text(first(action.json.get("documentation")).get("display")),
            details=template.details,
        )

    def _order_input(self, action: Action) -> JsonObject:
        inputs = [one for one in objects(action.json.get("input")) if one.get("id") == "order"]
        if len(inputs) != 1:
            raise action.broken(".input", "a rule has exactly one input with id `order`")
        if text(inputs[0].get("type")) not in ORDER_KINDS:
            raise action.broken(".input.type", f"`{inputs[0].get('type')}` is no kind of order")
        if unheeded := [name for name in _UNHEEDED if name in inputs[0]]:
            raise action.broken(
                f".input.{unheeded[0]}",
                f"`{unheeded[0]}` would not be heeded; say it in a condition",
            )
        return inputs[0]

    def _codings(self, action: Action, order_input: JsonObject) -> tuple[Coding, ...]:
        """The codings of the filter; `valueSet` and `code` of one filter add up (R4 DataRequirement.codeFilter)."""
        filters = objects(order_input.get("codeFilter"))
        if len(filters) > 1:
            raise action.broken(
                ".input.codeFilter",
                "a rule has at most one filter: several would all have to match",
            )
        codings = tuple(coding for one in filters for coding in self._filtered(action, one))
        if filters and not codings:
            raise action.broken(".input.codeFilter", "the filter lists no code")
        return codings

    def _filtered(self, action: Action, code_filter: JsonObject) -> tuple[Coding, ...]:
        if text(code_filter.get("path")) != "code":
            raise action.broken(
                ".input.codeFilter.path", "the path of the filter is `code`: the order's own codes"
            )
        codes = objects(code_filter.get("code"))
        if not all(coding.get("system") and coding.get("code") for coding in codes):
            raise action.broken(".input.codeFilter.code", "a code needs a system")
        canonical = text(code_filter.get("valueSet"))
        if canonical and canonical not in self._library.by_canonical:
            raise action.broken(
                ".input.codeFilter.valueSet",
                f"`{canonical}` is not in the library (pin `url|version`)",
            )
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

    def _template(self, action: Action) -> Template:
        found = find_extensions(action.json, COVERAGE_DETERMINATION)
        if len(found) != 1:
            raise action.broken(".extension", "a rule has exactly one coverage-determination")
        try:
            return read_template(found[0], self._expressions)
        except ValueError as error:
            raise action.broken(".extension", error) from error


def _actions(artifact: Artifact) -> Iterator[Action]:
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


def _cite(action: Action, citation: Citation) -> Citation:
    rule_id, title = text(action.json.get("id")), text(action.json.get("title"))
    if not rule_id or not plain(title):
        raise action.broken("", "a rule has an id and a title")
    section = text(first(action.json.get("documentation")).get("label"))
    page_url = f"{citation.page_url}#rule-{quote(rule_id, safe='')}"
    return replace(citation, rule_id=rule_id, rule_title=title, section=section, page_url=page_url)
