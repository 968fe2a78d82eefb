"""Rows of the coverage list: what one rule determines for one code, on one day, in words.

Every fact is the compiled rule's own, and every word is that of the cards and the policy pages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.crd.codes import DocNeeded, PaNeeded
from cds_service.crd.decision.determination import Citation, Determination
from cds_service.crd.decision.meanings import describe_determination
from cds_service.crd.request.membership import Payer
from cds_service.crd.response.card_text import document_verdict
from cds_service.pages.coverage.codes import ListedCode, kind_of_order
from cds_service.pages.coverage.members import Members
from cds_service.pages.rules import RuleView, view_rule
from cds_service.policy.run.application import determination_on, plan_not_known
from cds_service.policy.run.rules import Policy, Rule

# What is asked for before the service: the demand, or that there may be one.
_WANTED = frozenset(
    {PaNeeded.AUTH_NEEDED, PaNeeded.PERFORM_PA, PaNeeded.CONDITIONAL, PaNeeded.INDETERMINATE}
)
AUTHORIZATION, DOCUMENTATION = "authorization", "documentation"
# What the list can be narrowed to, and how a person reads it.
ANSWERS: Mapping[str, str] = {
    "not-covered": "not covered",
    "conditional": "depends on further information",
    "covered": "covered",
    "indeterminate": "cannot be determined",
    AUTHORIZATION: "needs prior authorization, or may",
    DOCUMENTATION: "needs documentation, or may",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListedRule:
    """A rule as the list holds it: whose it is, what it is about, and the words it is found by."""

    rule: Rule
    payer: Payer
    members: Members
    codes: tuple[ListedCode, ...]
    words: str

    @property
    def policy(self) -> Policy:
        return self.rule.policy

    def on(self, day: date) -> Determination | None:
        """What it determines on a day where its conditions hold; None while it is not in force."""
        in_force = self.policy.start <= day <= self.policy.end
        return determination_on(self.rule, day) if in_force else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """What one rule determines for one code, or one family of codes, on one day.

    `determination` is the rule's own, or what takes its place once that has expired; it holds where
    the rule's conditions do, which `view` has in words.
    """

    listed: ListedRule
    code: ListedCode
    determination: Determination
    view: RuleView

    @property
    def citation(self) -> Citation:
        return self.listed.rule.citation

    @property
    def order_kind(self) -> str:
        """What orders the rule is about, such as `medication`."""
        return kind_of_order(self.listed.rule.order_type)

    @property
    def members(self) -> str:
        """Whose rule it is, in words."""
        return self.listed.members.in_words

    @property
    def plan_unknown(self) -> str:
        """What holds where a member's plan is not known, if the policy is for some plans alone."""
        if not self.listed.policy.lines:
            return ""
        return " ".join(reason.text for reason in plan_not_known(self.listed.rule).reasons)

    @property
    def verdict(self) -> str:
        """What the document itself calls it, where that has words of its own for a refusal."""
        return document_verdict(self.determination)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The coded parts of the determination, coverage first."""
        return describe_determination(self.determination)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(reason.text for reason in self.determination.reasons)

    @property
    def is_as_written(self) -> bool:
        """Whether the rule's own determination still stands, and its details with it."""
        return self.determination is self.listed.rule.determination

    @property
    def last_day(self) -> date | None:
        """The last day on which it can hold, if one is known."""
        ends = (self.listed.policy.end, self.determination.expiry_date)
        return min((end for end in ends if end and end != date.max), default=None)

    @property
    def when(self) -> str:
        """On what it depends, in one sentence or several."""
        view = self.view
        return view.in_words or view.description or "; ".join(view.conditions)

    @property
    def to_do(self) -> tuple[str, ...]:
        """What to do and whom to ask, in the payer's words, a line each."""
        return tuple(_steps(self.view)) if self.is_as_written else ()


def make_row(listed: ListedRule, code: ListedCode, day: date) -> CoverageRow | None:
    """The row of a rule and one of its codes; None on a day on which it is not in force."""
    determination = listed.on(day)
    if determination is None:
        return None
    return CoverageRow(
        listed=listed, code=code, determination=determination, view=view_rule(listed.rule)
    )


def is_answer(determination: Determination, answer: str) -> bool:
    """Whether a determination is of one of the `ANSWERS`."""
    match answer:
        case "authorization":
            return determination.pa_needed in _WANTED
        case "documentation":
            return bool(determination.doc_needed & frozenset(DocNeeded))
    return determination.covered == answer


def _steps(view: RuleView) -> Iterator[str]:
    for detail in view.details:
        name = "" if detail.is_instruction else f"{detail.name.replace('-', ' ').capitalize()}: "
        when = f"{detail.when}: " if detail.when else ""
        yield f"{when}{name}{detail.text}"
    yield from (f"Form: {form}" for form in view.forms)
    yield from (f"Depends on {dependency}" for dependency in view.dependencies)
    for contact in view.contacts:
        ways = ", ".join(f"{system} {value}" for system, value in contact.telecom)
        yield f"Contact {contact.name}: {ways}"
