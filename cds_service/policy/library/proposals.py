"""Proposals: the actions below a rule's action, compiled.

What a proposal is shows in its shape:

- `update` of the order, by an ActivityDefinition, `dynamicValue`s or both: an alternate request.
- Two actions, `remove` and `create` by an ActivityDefinition: an alternate request in its place.
- `create` by an ActivityDefinition: an additional order.
- `create` by a Questionnaire: a form.
- `update` with an `input` of type Coverage, by `dynamicValue`s: a corrected Coverage. Where law has
  eligibility told by X12 270/271, a policy must not have one (CRD resp-69).
- A `definitionUri`: a SMART app to launch.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.decision.proposal import ProposalKind
from cds_service.fhir.resource import JsonObject, objects, resource_type, text
from cds_service.policy.language.expressions import Expression
from cds_service.policy.library.action import Action
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.definitions import ELEMENTS, find_definition, read_elements
from cds_service.policy.library.dynamic_values import (
    CHANGEABLE,
    DynamicValueReader,
    compile_expression,
)
from cds_service.policy.library.proposal_checks import (
    check_hooks,
    check_recommended,
    check_target,
    read_topic,
)
from cds_service.policy.library.rule_expressions import RuleExpressions
from cds_service.policy.run.proposal_templates import ProposalTemplate

_ALWAYS = ("id", "title", "description", "code", "condition")
_DEFINED = ("type", "definitionCanonical", "dynamicValue")
# A page on the web: what may launch an app, and can be shown as a link.
_ADDRESS = re.compile(
    r"https://[A-Za-z0-9][A-Za-z0-9.:-]*(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?"
)


class ProposalReader:
    """Reads the proposals of one library's rules."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._values = DynamicValueReader()

    def read(
        self, rule: Action, order_type: str, expressions: RuleExpressions, hooks: Collection[str]
    ) -> tuple[ProposalTemplate, ...]:
        """The proposals of a rule for orders of one type, whose policy answers these hooks.

        Raises:
            ArtifactError: one of them says what would not be heeded, or could never be made.
        """
        of_rule = _OfRule(self._library, self._values, order_type, expressions)
        templates: list[ProposalTemplate] = []
        for action in rule.inside:
            template = of_rule.read(action)
            check_hooks(action, template.kind, hooks)
            check_recommended(action, template, templates)
            templates.append(template)
        return tuple(templates)


@dataclass(frozen=True, slots=True)
class _OfRule:
    """The proposals of one rule."""

    library: Library
    values: DynamicValueReader
    order_type: str
    expressions: RuleExpressions

    def read(self, action: Action) -> ProposalTemplate:
        """One proposal, told by its shape."""
        if "action" in action.json:
            return self._replacement(action)
        if "definitionUri" in action.json:
            return self._app(action)
        match action.type:
            case "update" if "input" in action.json:
                return self._coverage(action)
            case "update":
                return self._update(action)
            case "create":
                kinds = ("ActivityDefinition", "Questionnaire")
                definition = find_definition(action, self.library, *kinds)
                is_form = resource_type(definition.resource) == "Questionnaire"
                return self._form(action) if is_form else self._additional(action)
        problem = "a proposal updates or creates, or has a definitionUri, or two actions"
        raise action.broken(".type", problem)

    def _update(self, action: Action) -> ProposalTemplate:
        action.check_members(*_ALWAYS, *_DEFINED, "precheckBehavior")
        check_target(action, self.order_type, CHANGEABLE.keys() - {"Coverage"})
        template = self._resource(
            action, action, ProposalKind.ALTERNATE, self.order_type, creates=False
        )
        if not template.elements and not template.dynamic:
            problem = "an update changes nothing: name a definition or a dynamicValue"
            raise action.broken("", problem)
        return template

    def _replacement(self, action: Action) -> ProposalTemplate:
        action.check_members(*_ALWAYS, "action", "precheckBehavior")
        check_target(action, self.order_type, ELEMENTS)
        pair = {part.type: part for part in action.inside}
        if set(pair) != {"remove", "create"} or len(list(action.inside)) > len(pair):
            problem = "a replacement is two actions: one of type remove, one of type create"
            raise action.broken(".action", problem)
        pair["remove"].check_members("id", "type")
        pair["create"].check_members("id", *_DEFINED)
        kind = ProposalKind.ALTERNATE
        return self._resource(action, pair["create"], kind, self.order_type, replaces=True)

    def _additional(self, action: Action) -> ProposalTemplate:
        action.check_members(*_ALWAYS, *_DEFINED, "precheckBehavior")
        definition = find_definition(action, self.library, "ActivityDefinition")
        target = text(definition.resource.get("kind"))
        if target not in ELEMENTS:
            problem = f"the order to be created is one of {', '.join(ELEMENTS)}, not `{target}`"
            raise definition.broken("$.kind", problem)
        return self._resource(action, action, ProposalKind.ADDITIONAL, target)

    def _resource(
        self,
        action: Action,
        defined: Action,
        kind: ProposalKind,
        target: str,
        *,
        creates: bool = True,
        replaces: bool = False,
    ) -> ProposalTemplate:
        """A proposal whose resource the `defined` action writes: itself, or one inside it."""
        elements: JsonObject = {}
        if creates or "definitionCanonical" in defined.json:
            definition = find_definition(defined, self.library, "ActivityDefinition")
            elements = read_elements(definition, target, creates=creates)
        dynamic = self.values.of_resource(defined, target, self.expressions)
        for number, element in enumerate(dynamic):
            if element.name in elements:
                problem = f"the definition sets `{element.name}` already"
                raise defined.broken(f".dynamicValue[{number}].path", problem)
        return ProposalTemplate(
            kind=kind,
            **self._common(action),
            target=target,
            elements=elements,
            dynamic=dynamic,
            is_replacement=replaces,
        )

    def _form(self, action: Action) -> ProposalTemplate:
        members = ("type", "definitionCanonical", "reason", "precheckBehavior")
        action.check_members(*_ALWAYS, *members)
        reasons = objects(action.json.get("reason"))
        if len(reasons) != 1 or not plain(text(reasons[0].get("text"))):
            problem = "a form has one reason, whose text says what the form is for"
            raise action.broken(".reason", problem)
        return ProposalTemplate(
            kind=ProposalKind.FORM,
            **self._common(action),
            questionnaire=text(action.json.get("definitionCanonical")),
            purpose=reasons[0],
        )

    def _coverage(self, action: Action) -> ProposalTemplate:
        action.check_members(*_ALWAYS, "type", "input", "dynamicValue")
        inputs = objects(action.json.get("input"))
        if (
            len(inputs) != 1
            or inputs[0].get("type") != "Coverage"
            or inputs[0].keys() - {"id", "type"}
        ):
            problem = (
                "the input of a proposed update is of type Coverage and has no more than an id"
            )
            raise action.broken(".input", problem)
        dynamic = self.values.of_resource(action, "Coverage", self.expressions)
        if not dynamic:
            raise action.broken("", "an update changes nothing: name a dynamicValue")
        return ProposalTemplate(
            kind=ProposalKind.COVERAGE, **self._common(action), target="Coverage", dynamic=dynamic
        )

    def _app(self, action: Action) -> ProposalTemplate:
        action.check_members(*_ALWAYS, "type", "definitionUri", "dynamicValue")
        if "type" in action.json and action.type != "fire-event":
            raise action.broken(".type", "an app is launched: fire-event, or no type")
        url = text(action.json.get("definitionUri"))
        if not _ADDRESS.fullmatch(url):
            raise action.broken(".definitionUri", f"`{url}` is no https address of an app")
        dynamic = self.values.of_app(action, self.expressions)
        return ProposalTemplate(
            kind=ProposalKind.APP, **self._common(action), url=url, dynamic=dynamic
        )

    def _common(self, action: Action) -> JsonObject:
        """What every proposal has, as arguments."""
        common = {name: text(action.json.get(name)) for name in ("id", "title", "description")}
        for name, value in common.items():
            if not plain(value):
                problem = f"a proposal has a {name}: its card says in words what would be done"
                raise action.broken(f".{name}", problem)
        return {
            **common,
            "topic": read_topic(action),
            "conditions": tuple(self._conditions(action)),
            "is_recommended": action.json.get("precheckBehavior") == "yes",
        }

    def _conditions(self, action: Action) -> Iterator[Expression]:
        for number, condition in enumerate(objects(action.json.get("condition"))):
            where = f".condition[{number}]"
            if condition.get("kind") != "applicability":
                raise action.broken(f"{where}.kind", "a condition is of kind applicability")
            yield compile_expression(action, where, condition, self.expressions)
