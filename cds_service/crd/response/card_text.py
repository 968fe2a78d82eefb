"""What cards say: which policy, why, what can be done, and about which order (design: 4.11)."""

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.cds_hooks.plain_text import shorten
from cds_service.crd.codes import CONDITION_UNKNOWN, PLAN_NOT_IDENTIFIED, TECHNICAL, Covered
from cds_service.crd.decision.determination import Citation, Contact, Determination
from cds_service.crd.request.order import Order
from cds_service.crd.response.markdown import escape, prose

_LABEL_LIMIT = 80  # of an order's name on a card
# What to ask for where it is not the rule but something missing that keeps it undecided.
ASKS = {
    PLAN_NOT_IDENTIFIED: "Tell which plan of {brand} the member has: whether the policy applies depends on it",
    CONDITION_UNKNOWN: "{brand} needs more than this order tells before it can decide",
}
_NOT_THE_RULES = (*ASKS, TECHNICAL)
_ANSWERS = {
    Covered.COVERED: "covered",
    Covered.NOT_COVERED: "not covered",
    Covered.CONDITIONAL: "not decided yet",
    Covered.INDETERMINATE: "could not be determined",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the cards of one call share about one order: the order, the payer's brand, what was determined."""

    order: Order
    brand: str
    determination: Determination

    @property
    def citation(self) -> Citation:
        return self.determination.citations[0]

    @property
    def is_open(self) -> bool:
        """Whether there is something to do before the payer can decide."""
        return bool(self.determination.info_needed)

    @property
    def is_the_rules(self) -> bool:
        """Whether this is what the rule itself says, so that the rule's title may stand for it."""
        return not any(reason.coding in _NOT_THE_RULES for reason in self.determination.reasons)


def reference_detail(subject: Subject, steps: list[str]) -> Iterator[str]:
    """What the policy is, why, what can be done, and which order this is about, in this order (design: 4.11).

    `steps` is empty where an Instructions card has them.
    """
    answer = _ANSWERS[subject.determination.covered]
    yield f"**{policy_name(subject.citation)}: {answer}.**"
    yield from (prose(reason.text) for reason in subject.determination.reasons)
    related = "; ".join(prose(one) for one in subject.citation.related)
    listed = [*steps, f"Related policies: {related}."] if related else steps
    if listed:
        yield "\n".join(f"- {step}" for step in listed)
    yield about(subject)


def instructions_detail(subject: Subject) -> Iterator[str]:
    """Why it is not decided, what to do, and about which order."""
    steps = next_steps(subject.determination)
    yield from (prose(reason.text) for reason in subject.determination.reasons)
    if steps:
        yield "\n".join(f"- {step}" for step in steps)
    yield about(subject)


def open_summary(subject: Subject) -> str:
    """The summary of an order that is not decided yet."""
    policy = f"{subject.citation.audience} policy {subject.citation.number}"
    return f"Read {policy}, {subject.citation.policy_title}: this order is not decided yet"


def policy_name(citation: Citation) -> str:
    """A policy by its members, number and title."""
    return f"{escape(citation.audience)} policy {escape(citation.number)}, {escape(citation.policy_title)}"


def next_steps(determination: Determination) -> list[str]:
    """What can be done: the instructions and the contacts of a determination."""
    instructions = [
        prose(detail.value)
        for detail in determination.details
        if detail.code.code == "instructions"
    ]
    return [*instructions, *(_contact(contact) for contact in determination.contacts)]


def _contact(contact: Contact) -> str:
    ways = ", ".join(f"{system} {value}" for system, value in contact.telecom)
    return f"Contact {prose(contact.name)}: {prose(ways)}."


def about(subject: Subject) -> str:
    """Which order a card is about, and the codes it may be billed under."""
    order = f"This is about the order “{escape(shorten(subject.order.label, _LABEL_LIMIT))}”"
    codes = ", ".join(escape(coding.code) for coding in subject.determination.billing_codes)
    return f"{order}, billed as {codes}." if codes else f"{order}."
