"""What cards say: which policy, why, what can be done, and about which order (design: 4.11)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.cds_hooks.plain_text import shorten
from cds_service.crd.codes import CONDITION_UNKNOWN, PLAN_NOT_IDENTIFIED, TECHNICAL, Covered
from cds_service.crd.decision.determination import Citation, Contact, Determination
from cds_service.crd.request.order import Order
from cds_service.crd.response.markdown import escape, prose

_LABEL_LIMIT = 80  # of an order's name on a card
# What to ask for where it is not the rule but something missing that keeps it undecided.
ASKS = {
    PLAN_NOT_IDENTIFIED: "Tell which plan of {brand} the member has: "
    "whether the policy applies depends on it",
    CONDITION_UNKNOWN: "{brand} needs more than this order tells before it can decide",
}
_NOT_THE_RULES = (*ASKS, TECHNICAL)
_HEADLINES = {
    Covered.COVERED: "covered",
    Covered.NOT_COVERED: "not covered",
    Covered.CONDITIONAL: "not decided yet",
    Covered.INDETERMINATE: "could not be determined",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the cards about one order share; `note` is a paragraph on the order, if any."""

    order: Order
    brand: str
    determination: Determination
    note: str = ""

    @property
    def citation(self) -> Citation:
        return self.determination.citations[0]

    @property
    def is_open(self) -> bool:
        """Whether there is something to do before the payer can decide."""
        return bool(self.determination.info_needed)

    @property
    def is_the_rules(self) -> bool:
        """Whether this is the rule's own determination, so that its title may stand for it."""
        return not any(reason.coding in _NOT_THE_RULES for reason in self.determination.reasons)

    @property
    def asks(self) -> list[str]:
        """What to ask for, in the words of a summary, where the rule itself asks for nothing."""
        codings = [reason.coding for reason in self.determination.reasons]
        return [ASKS[coding].format(brand=self.brand) for coding in codings if coding in ASKS]


@dataclass(frozen=True, slots=True)
class CardText:
    """Writes details and summaries.

    `rendered` holds the policies' own texts as markdown, rendered at start.
    """

    rendered: Mapping[str, str]

    def reference(self, subject: Subject, *, with_steps: bool) -> Iterator[str]:
        """What the policy is, why, what can be done, and which order this is (design: 4.11)."""
        headline = _HEADLINES[subject.determination.covered]
        yield f"**{self.policy_name(subject.citation)}: {headline}.**"
        yield from self._reasons(subject.determination)
        steps = self._steps(subject.determination) if with_steps else []
        if related := "; ".join(map(self._prose, subject.citation.related)):
            steps = [*steps, f"Related policies: {related}."]
        yield from _listed(steps)
        yield from _about(subject)

    def instructions(self, subject: Subject) -> Iterator[str]:
        """Why it is not decided, what to do, and about which order."""
        yield from self._reasons(subject.determination)
        yield from _listed(self._steps(subject.determination))
        yield from _about(subject)

    def hint(self, subject: Subject, term: str) -> Iterator[str]:
        """That the order's words name a policy's subject, which decides nothing."""
        yield (
            f"The order says “{escape(term)}”, a subject of {self.policy_name(subject.citation)}. "
            "Words alone decide nothing: the policy is applied by procedure code. "
            "If the policy is meant, put the procedure's code on the order."
        )
        yield from _about(subject)

    def policy_name(self, citation: Citation) -> str:
        """A policy by its members, number and title."""
        audience, number = self._prose(citation.audience), self._prose(citation.number)
        return f"{audience} policy {number}, {self._prose(citation.policy_title)}"

    def _reasons(self, determination: Determination) -> Iterator[str]:
        return (self._prose(reason.text) for reason in determination.reasons)

    def _steps(self, determination: Determination) -> list[str]:
        """What can be done: the instructions and the contacts of a determination."""
        instructions = [
            self._prose(detail.value)
            for detail in determination.details
            if detail.code.code == "instructions"
        ]
        return [*instructions, *map(_contact, determination.contacts)]

    def _prose(self, text: str) -> str:
        return self.rendered.get(text) or prose(text)


def open_summary(subject: Subject) -> str:
    """The summary of an order that is not decided yet."""
    policy = f"{subject.citation.audience} policy {subject.citation.number}"
    return f"Read {policy}, {subject.citation.policy_title}: this order is not decided yet"


def render_texts(determinations: Iterable[Determination]) -> dict[str, str]:
    """The texts of rules as markdown, so that no call has to render what never changes."""
    return {text: prose(text) for determination in determinations for text in _texts(determination)}


def _texts(determination: Determination) -> Iterator[str]:
    yield from (reason.text for reason in determination.reasons)
    yield from (detail.value for detail in determination.details if isinstance(detail.value, str))
    for citation in determination.citations:
        yield from (citation.audience, citation.number, citation.policy_title, *citation.related)


def _contact(contact: Contact) -> str:
    ways = ", ".join(f"{system} {value}" for system, value in contact.telecom)
    return f"Contact {prose(contact.name)}: {prose(ways)}."


def _listed(steps: list[str]) -> Iterator[str]:
    if steps:
        yield "\n".join(f"- {step}" for step in steps)


def _about(subject: Subject) -> Iterator[str]:
    """A note on the order, if any; then which order it is, and the codes it may be billed under."""
    if subject.note:
        yield subject.note
    order = f"This is about the order “{escape(shorten(subject.order.label, _LABEL_LIMIT))}”"
    codes = ", ".join(escape(coding.code) for coding in subject.determination.billing_codes)
    yield f"{order}, billed as {codes}." if codes else f"{order}."
