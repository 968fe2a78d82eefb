"""A rule as a person reads it: what it answers, when, why, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.crd.decision.determination import Contact
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.resource import JsonObject, first, follow, objects, text
from cds_service.pages.determinations import Detail, Said, read_answers, read_details, read_values


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """One rule; `rule-` and its id is the anchor that cards link to."""

    id: str
    title: str
    covered: str
    answers: tuple[str, ...]
    description: str
    in_words: str
    conditions: tuple[str, ...]
    reasons: tuple[str, ...]
    details: tuple[Detail, ...]
    forms: tuple[str, ...]
    contacts: tuple[Contact, ...]
    section: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to do, and the rules that ask for it."""

    detail: Detail
    rules: tuple[RuleView, ...]


def read_rules(plan_definition: JsonObject) -> tuple[RuleView, ...]:
    """The rules of a policy, in its order."""
    return tuple(_rule(action) for action in follow(plan_definition, ("action", "action")))


def next_steps(rules: Iterable[RuleView]) -> tuple[Step, ...]:
    """The instructions of all rules, each once; those whose words depend on the order stay with their rule."""
    asked: dict[Detail, list[RuleView]] = {}
    for rule in rules:
        for detail in rule.details:
            if detail.is_instruction and not detail.computed:
                asked.setdefault(detail, []).append(rule)
    return tuple(Step(detail=detail, rules=tuple(by)) for detail, by in asked.items())


def _rule(action: JsonObject) -> RuleView:
    said = parts(find_extensions(action, COVERAGE_DETERMINATION)[0])
    document = first(action.get("documentation"))
    return RuleView(
        id=text(action.get("id")),
        title=text(action.get("title")),
        covered=read_values(said, "covered")[0],
        answers=tuple(read_answers(said)),
        description=text(action.get("description")),
        in_words=text(action.get("textEquivalent")),
        conditions=tuple(
            text(one.get("description")) for one in follow(action, ("condition", "expression"))
        ),
        reasons=_reasons(said),
        details=read_details(said),
        forms=read_values(said, "questionnaire"),
        contacts=tuple(_contact(first(value_of(part)[1])) for part in said.get("contact", ())),
        section=text(document.get("label")),
        document=text(document.get("display")),
    )


def _reasons(said: Said) -> tuple[str, ...]:
    return tuple(text(first(value_of(part)[1]).get("text")) for part in said.get("reason", ()))


def _contact(detail: JsonObject) -> Contact:
    telecom = (
        (text(one.get("system")), text(one.get("value"))) for one in objects(detail.get("telecom"))
    )
    return Contact(name=text(detail.get("name")), telecom=tuple(telecom))
