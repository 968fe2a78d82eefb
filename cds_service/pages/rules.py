"""A rule as a person reads it: what it determines, when, why, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.crd.decision.determination import Contact
from cds_service.crd.decision.meanings import describe_determination
from cds_service.crd.decision.proposal import ProposalKind
from cds_service.pages.determinations import DetailView, describe_detail
from cds_service.policy.run.proposal_templates import ProposalTemplate
from cds_service.policy.run.rules import Rule

# CRD's response types of proposals, in words.
PROPOSED = {
    ProposalKind.ALTERNATE: "Another order instead",
    ProposalKind.ADDITIONAL: "An order besides",
    ProposalKind.FORM: "A form to complete",
    ProposalKind.COVERAGE: "A correction of the coverage",
    ProposalKind.APP: "An app to start",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """One rule; `rule-` and its id is the anchor that cards link to.

    `covered` is the guide's code; `headline` is that in words, `also` the other coded parts.
    `dependencies` are other orders, or how an order tells which; `expires` is the day after which
    the determination stands no more, empty where the policy's own end says so.
    """

    id: str
    title: str
    covered: str
    headline: str
    also: tuple[str, ...]
    description: str
    in_words: str
    conditions: tuple[str, ...]
    reasons: tuple[str, ...]
    details: tuple[DetailView, ...]
    dependencies: tuple[str, ...]
    expires: str
    forms: tuple[str, ...]
    proposals: tuple[str, ...]
    contacts: tuple[Contact, ...]
    section: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to do, and the rules that ask for it."""

    detail: DetailView
    rules: tuple[RuleView, ...]


def view_rule(rule: Rule) -> RuleView:
    """The view of one compiled rule."""
    determination = rule.determination
    headline, *also = describe_determination(determination)
    return RuleView(
        id=rule.citation.rule_id,
        title=rule.citation.rule_title,
        covered=determination.covered,
        headline=headline,
        also=tuple(also),
        description=rule.description,
        in_words=rule.text_equivalent,
        conditions=tuple(dict.fromkeys(condition.description for condition in rule.conditions)),
        reasons=tuple(reason.text for reason in determination.reasons),
        details=tuple(describe_detail(detail) for detail in rule.details),
        dependencies=_dependencies(rule),
        expires=_expires(rule),
        forms=determination.questionnaires,
        proposals=tuple(map(_proposal, rule.proposals)),
        contacts=determination.contacts,
        section=rule.citation.section,
        document=rule.document,
    )


def _proposal(template: ProposalTemplate) -> str:
    """What a rule proposes, such as `Another order instead: Methotrexate first`."""
    return f"{PROPOSED[template.kind]}: {template.title}"


def _dependencies(rule: Rule) -> tuple[str, ...]:
    stated = (dependency.name for dependency in rule.determination.dependencies)
    return (*stated, *(dynamic.in_words for dynamic in rule.dependencies))


def _expires(rule: Rule) -> str:
    expiry_date = rule.determination.expiry_date
    if expiry_date is None or expiry_date == rule.policy.end:
        return ""
    return expiry_date.isoformat()


def next_steps(rules: Iterable[RuleView]) -> tuple[Step, ...]:
    """The instructions of all rules, each once, in the order of the rules.

    Those whose words depend on the order stay with their rule.
    """
    by_detail: dict[DetailView, list[RuleView]] = {}
    for rule in rules:
        for detail in rule.details:
            if detail.is_instruction and not detail.computed:
                by_detail.setdefault(detail, []).append(rule)
    return tuple(Step(detail=detail, rules=tuple(by)) for detail, by in by_detail.items())
