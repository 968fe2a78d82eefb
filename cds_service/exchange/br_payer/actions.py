"""The actions of a foreign policy: which of them are rules, and what of each is not understood.

An action is a rule if it has a coverage-information extension, or if it may get one as it is
carried out: by a dynamic value, by what it is defined by, or by CQL that a server looks for beside
actions that are of no card type of their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.crd.codes import CARD_TYPES, COVERAGE_INFORMATION, Topic
from cds_service.exchange.br_payer.understanding import Understanding
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.resource import JsonObject, first, follow, objects, text

FHIRPATH = "text/fhirpath"
_CARD_TEXTS = ("title", "description", "textEquivalent", "priority", "documentation")
# What a rule may consist of besides what is told apart below; all of it is kept.
_KEPT = ("id", "title", "description", "textEquivalent", "code", "documentation", "type")
_READ = ("trigger", "condition", "input", "extension", "action", "prefix", "priority")
_AROUND = (*_KEPT, "trigger", "condition", "input", "action", "prefix", "priority")
_LONGEST_SHOWN = 60  # characters of an expression
_DEFINED_BY = ("definitionCanonical", "definitionUri", "transform")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAction:
    """One action: `stated` is its coverage-information extension.

    What actions around it say is its own: their triggers, conditions and inputs.
    """

    id: str
    json: JsonObject
    stated: JsonObject
    triggers: tuple[str, ...]
    conditions: tuple[JsonObject, ...]
    inputs: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What the actions around one say for it."""

    triggers: tuple[JsonObject, ...] = ()
    conditions: tuple[JsonObject, ...] = ()
    inputs: tuple[JsonObject, ...] = ()

    def within(self, action: JsonObject) -> "_Around":
        """The same for what is inside an action."""
        return _Around(
            triggers=(*self.triggers, *objects(action.get("trigger"))),
            conditions=(*self.conditions, *objects(action.get("condition"))),
            inputs=(*self.inputs, *objects(action.get("input"))),
        )


def read_rules(plan: JsonObject, read: Understanding) -> list[SourceAction]:
    """The rules of a policy, all for the same hooks; notes what of them is not understood."""
    rules = list(_read_all(objects(plan.get("action")), "", _Around(), read))
    if not rules:
        read.miss("none of its actions has a coverage-information extension: it determines nothing")
    if len({rule.triggers for rule in rules}) > 1:
        read.miss("its rules answer different hooks; here all rules of a policy answer the same")
    return rules


def _read_all(
    actions: Sequence[JsonObject], parent: str, around: _Around, read: Understanding
) -> Iterator[SourceAction]:
    for number, action in enumerate(actions, start=1):
        name = text(action.get("id")) or f"{parent}action-{number}"
        inside = objects(action.get("action"))
        stated = find_extensions(action, COVERAGE_INFORMATION)
        if inside and not stated:
            _check_members(action, name, _AROUND, read)
            yield from _read_all(inside, f"{name}-", around.within(action), read)
        elif stated or _may_determine(action):
            yield _read_rule(action, name, stated, around.within(action), read)
        else:
            read.remark("its card is left out: it determines nothing", name)


def _may_determine(action: JsonObject) -> bool:
    """Whether an action that states no determination might yet come to one."""
    paths = [text(value.get("path")) for value in objects(action.get("dynamicValue"))]
    writes_texts_alone = all(path.removeprefix("action.") in _CARD_TEXTS for path in paths)
    topics = [
        text(coding.get("code"))
        for coding in follow(action, ("code", "coding"))
        if coding.get("system") == CARD_TYPES
    ]
    is_a_card = bool(topics) and Topic.COVERAGE_INFO not in topics
    return not (is_a_card and writes_texts_alone) or any(name in action for name in _DEFINED_BY)


def _read_rule(
    action: JsonObject,
    name: str,
    stated: Sequence[JsonObject],
    around: _Around,
    read: Understanding,
) -> SourceAction:
    _check_stated(action, name, stated, read)
    _check_members(action, name, (*_KEPT, *_READ, "dynamicValue"), read)
    if "action" in action:
        read.miss("there are actions inside it", name)
    for condition in around.conditions:
        _check_condition(condition, name, read)
    for trigger in around.triggers:
        if set(trigger) - {"id", "type", "name"} or trigger.get("type") != "named-event":
            read.miss("one of its triggers is not a named-event with only a name", name)
    triggers = dict.fromkeys(text(trigger.get("name")) for trigger in around.triggers)
    if not triggers:
        read.miss("it names no hook in a trigger", name)
    return SourceAction(
        id=name,
        json=action,
        stated=first(list(stated)),
        triggers=tuple(triggers),
        conditions=around.conditions,
        inputs=around.inputs,
    )


def _check_stated(
    action: JsonObject, name: str, stated: Sequence[JsonObject], read: Understanding
) -> None:
    for value in objects(action.get("dynamicValue")):
        language = text(first(value.get("expression")).get("language"))
        path = text(value.get("path"))
        read.miss(f"its `{path}` is a dynamicValue, written in {language or 'no language'}", name)
    if len(stated) > 1:
        read.miss("it has several coverage-information extensions", name)
    if not stated:
        read.miss("what it determines is not stated in a coverage-information extension", name)


def _check_condition(condition: JsonObject, name: str, read: Understanding) -> None:
    expression = first(condition.get("expression"))
    language = text(expression.get("language"))
    if condition.get("kind") != "applicability":
        read.miss(f"a condition is of kind `{text(condition.get('kind'))}`", name)
    elif language != FHIRPATH:
        shown = text(expression.get("expression")) or text(expression.get("reference"))
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
        read.miss(f"its condition `{shown}` is in {language or 'no language'}", name)


def _check_members(
    action: JsonObject, name: str, known: Sequence[str], read: Understanding
) -> None:
    for member in sorted(set(action) - set(known)):
        if not member.startswith("_"):
            read.miss(f"its `{member}` is not understood here", name)
