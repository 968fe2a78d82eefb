"""Policies in the convention of HL7's br-payer reference server, as policies of our own.

There a PlanDefinition is for the payers whose identifiers a `program` context lists and for orders
with a code that a `focus` context lists; each action with a coverage-information extension is a
rule. What such a rule determines is mostly written in CQL there, which is not run here. A policy is
translated only where every action that may determine anything is understood: how its rules exclude
each other only all of them together show, so some of them alone could read as covered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.exchange.br_payer.actions import SourceAction, read_rules
from cds_service.exchange.br_payer.codes import Target, by_url, read_target
from cds_service.exchange.br_payer.parts import other_inputs, read_determined, write_rules
from cds_service.exchange.br_payer.program import context_of, read_programs
from cds_service.exchange.br_payer.understanding import NotUnderstood, Understanding
from cds_service.exchange.canonicals import strings
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject, first, objects, resource_type, text

_TYPES = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
_ECA_RULE = {"coding": [{"system": _TYPES, "code": "eca-rule"}]}
# Written anew; `library` is logic that nothing in the translated policy refers to.
_REWRITTEN = ("action", "useContext", "library")
_CONTEXTS = ("program", "focus", "task")
_NARROWING = frozenset(("modifierExtension", "subjectReference"))
_WHOLE_COUNTRY = frozenset(("US", "USA", "840", "001"))  # ISO 3166, UN M49 (the world)
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What foreign policies are read with.

    `artifacts` are those here and those that came along. `payer` is the id of the Organization
    whose policies they are where they name none that is known, and `start` the day they begin where
    they state none; None for neither.
    """

    artifacts: Sequence[JsonObject]
    payer: str | None = None
    start: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A policy in our encoding, with the ValueSets made for it.

    Without resources it is left out, for the reasons in `not_understood`. `remarks` are actions
    that it goes without and that determine nothing.
    """

    resources: tuple[JsonObject, ...] = ()
    not_understood: tuple[NotUnderstood, ...] = ()
    remarks: tuple[NotUnderstood, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One rule, understood."""

    action: SourceAction
    target: Target
    determined: JsonObject


def is_untranslated(resource: JsonObject) -> bool:
    """Whether this is a policy in force whose determinations are not in our encoding."""
    return (
        resource_type(resource) == "PlanDefinition"
        and resource.get("status") == "active"
        and COVERAGE_DETERMINATION not in set(strings(resource.get("action")))
    )


def translate(plan: JsonObject, surroundings: Surroundings) -> Translated:
    """The policy in our encoding, or why it is left out."""
    read = Understanding(policy=text(plan.get("id")))
    _check_head(plan, surroundings.start, read)
    programs = read_programs(plan, surroundings.artifacts, surroundings.payer, read)
    value_sets = by_url(surroundings.artifacts)
    rules = [_read(action, plan, value_sets, read) for action in read_rules(plan, read)]
    if read.not_understood:
        return Translated(not_understood=read.not_understood)
    return Translated(
        resources=_write(plan, rules, programs, surroundings.start), remarks=read.remarks
    )


def _check_head(plan: JsonObject, start: date | None, read: Understanding) -> None:
    for name in ("url", "version", "title"):
        if not text(plan.get(name)):
            read.miss(f"it states no `{name}`")
    for name in sorted(_NARROWING & set(plan)):
        read.miss(f"its `{name}` is not understood here")
    _check_whom(plan, read)
    if not start and not text(first(plan.get("effectivePeriod")).get("start")):
        read.miss("it states no effectivePeriod.start; name the day it begins with --start")


def _check_whom(plan: JsonObject, read: Understanding) -> None:
    """Note what might narrow whom the policy is for."""
    for context in objects(plan.get("useContext")):
        code = text(first(context.get("code")).get("code"))
        if code not in _CONTEXTS:
            read.miss(f"its `{code}` context is not understood: it might narrow whom it is for")
    for place in objects(plan.get("jurisdiction")):
        codes = {text(coding.get("code")) for coding in objects(place.get("coding"))}
        if not codes & _WHOLE_COUNTRY:
            read.miss("its `jurisdiction` is not the whole country: it narrows whom it is for")


def _read(
    action: SourceAction,
    plan: JsonObject,
    value_sets: Mapping[str, Sequence[JsonObject]],
    read: Understanding,
) -> _Rule:
    target = read_target(action, plan, value_sets, read)
    determined = read_determined(action, target.codings, read)
    return _Rule(action=action, target=target, determined=determined)


def _write(
    plan: JsonObject, rules: Sequence[_Rule], programs: Sequence[JsonObject], start: date | None
) -> tuple[JsonObject, ...]:
    targets = dict.fromkeys(rule.target.codings for rule in rules)
    made = {
        codings: _value_set(plan, codings, number)
        for number, codings in enumerate(targets, start=1)
    }
    hooks = rules[0].action.triggers
    outer: JsonObject = {
        "trigger": [{"type": "named-event", "name": hook} for hook in hooks],
        "action": [
            written
            for rule in rules
            for written in write_rules(
                rule.action,
                rule.determined,
                rule.target,
                _pinned(made[rule.target.codings]),
                text(plan["title"]),
            )
        ],
    }
    if others := other_inputs(rule.action for rule in rules):
        outer["input"] = others
    kept = {name: value for name, value in plan.items() if name not in _REWRITTEN}
    stated = {"type": _ECA_RULE} | kept
    if start and not text(first(plan.get("effectivePeriod")).get("start")):
        stated["effectivePeriod"] = {**first(plan.get("effectivePeriod")), "start": f"{start}"}
    policy = {**stated, "useContext": _contexts(programs, targets), "action": [outer]}
    return (policy, *made.values())


def _contexts(
    programs: Sequence[JsonObject], targets: Mapping[tuple[Coding, ...], None]
) -> list[JsonObject]:
    """The contexts: the payers, and the codes that rules are for."""
    codings = {coding.key: coding for codings in targets for coding in codings}
    focus = context_of("focus", [coding.to_json() for coding in codings.values()])
    return [*programs, focus]


def _value_set(plan: JsonObject, codings: Sequence[Coding], number: int) -> JsonObject:
    """The codes of rules as a ValueSet; no displays, which may be others' property."""
    suffix = f"-codes-{number}"
    name = f"{text(plan['id'])[: _LONGEST_ID - len(suffix)]}{suffix}"
    base = text(plan["url"]).rpartition("/PlanDefinition/")[0] or text(plan["url"])
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{base}/ValueSet/{name}",
        "version": text(plan["version"]),
        "title": f"Codes of {text(plan['title'])}",
        "status": "active",
        "description": "The codes that rules of this policy are for; made when it was imported.",
        "compose": {"include": _includes(codings)},
    }


def _includes(codings: Sequence[Coding]) -> list[JsonObject]:
    concepts: dict[str, list[JsonObject]] = {}
    for coding in codings:
        concepts.setdefault(coding.system, []).append({"code": coding.code})
    return [{"system": system, "concept": listed} for system, listed in concepts.items()]


def _pinned(resource: JsonObject) -> str:
    return f"{resource['url']}|{resource['version']}"
