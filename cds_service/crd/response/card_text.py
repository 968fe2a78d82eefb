"""What cards say: which policy, why, what can be done, and about which order (design: 4.11)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cds_service.crd.codes import CONDITION_UNKNOWN, PLAN_NOT_IDENTIFIED, TECHNICAL
from cds_service.crd.decision.determination import Citation, Contact, Detail, Determination
from cds_service.crd.decision.meanings import (
    brief,
    brief_steps,
    describe_steps,
    value_in_words,
)
from cds_service.crd.request.order import Order
from cds_service.crd.response.markdown import escape, prose

# What to ask for where it is not the rule but something missing that keeps it undecided.
ASKS = {
    PLAN_NOT_IDENTIFIED: "Tell which plan of {brand} the member has: "
    "whether the policy applies depends on it",
    CONDITION_UNKNOWN: "{brand} needs more than this order tells before it can decide",
}
_NOT_THE_RULES = (*ASKS, TECHNICAL)
# Details that are told in other ways: as steps, or by links.
_NOT_LISTED = ("instructions", "policy-link")


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
        """Whether there is something to do before the payer can decide, or before the service."""
        return bool(self.determination.info_needed or brief_steps(self.determination))

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

    `rendered` holds the policies' own texts as markdown, rendered at start; `form_titles` the title
    of each Questionnaire of the library by its canonical.
    """

    rendered: Mapping[str, str]
    form_titles: Mapping[str, str] = field(default_factory=dict)

    def reference(self, subject: Subject, *, with_steps: bool) -> Iterator[str]:
        """What the policy is, why, what can be done, and which order this is (design: 4.11)."""
        yield f"**{self.policy_name(subject.citation)}: {self._verdict(subject.determination)}.**"
        yield from self._reasons(subject.determination)
        steps = self._steps(subject.determination) if with_steps else []
        if related := "; ".join(map(self._prose, subject.citation.related)):
            steps = [*steps, f"See also: {related}."]
        yield from _listed(steps)
        yield from about(subject)

    def instructions(self, subject: Subject) -> Iterator[str]:
        """Why it is not decided, what to do, and about which order."""
        yield from self._reasons(subject.determination)
        yield from _listed(self._steps(subject.determination))
        yield from about(subject)

    def hint(self, subject: Subject, term: str) -> Iterator[str]:
        """That the order's words name a policy's subject, which decides nothing."""
        yield (
            f"The order says “{escape(term)}”, a subject of {self.policy_name(subject.citation)}. "
            "Words alone decide nothing: the policy is applied by procedure code."
        )
        yield from about(subject)

    def policy_name(self, citation: Citation) -> str:
        """A policy by its members, number and title."""
        audience, number = self._prose(citation.audience), self._prose(citation.number)
        return f"{audience} policy {number}, {self._prose(citation.policy_title)}"

    def _verdict(self, determination: Determination) -> str:
        """What is determined; of a refusal what the document calls it, where the reason has that.

        `not-covered` is the guide's word for what payers put in words of their own (design: 4.9a).
        """
        called = document_verdict(determination)
        return self._prose(called) if called else brief(determination)

    def _reasons(self, determination: Determination) -> Iterator[str]:
        return (self._prose(reason.text) for reason in determination.reasons)

    def _steps(self, determination: Determination) -> list[str]:
        """What must be done first, what can be done, and whom to ask."""
        return [
            *(f"{sentence}." for sentence in describe_steps(determination)),
            *(f"Form: {self._prose(self._form(form))}." for form in determination.questionnaires),
            *(f"Depends on {escape(other.name)}." for other in determination.dependencies),
            *map(self._limit, filter(_is_listed, determination.details)),
            *map(self._instruction, filter(_is_instruction, determination.details)),
            *map(_contact, determination.contacts),
        ]

    def _form(self, canonical: str) -> str:
        return self.form_titles.get(canonical, canonical)

    def _limit(self, detail: Detail) -> str:
        name = detail.code.code.replace("-", " ").capitalize()
        return f"{self._prose(name)}: {self._prose(value_in_words(detail))}."

    def _instruction(self, detail: Detail) -> str:
        return self._prose(value_in_words(detail))

    def _prose(self, text: str) -> str:
        return self.rendered.get(text) or prose(text)


def summarize(subject: Subject) -> str:
    """The summary of a card about a policy, which never says less than what must be done first.

    That stands in front, so that no title hides it and shortening cannot lose it.
    """
    qualified = _qualified(subject.determination)
    if qualified:
        return f"{qualified}: {policy_words(subject)}"
    return open_summary(subject) if subject.is_open else policy_words(subject)


def summarize_steps(subject: Subject) -> str:
    """The summary of a card about what to do: what is needed, for what."""
    about = next(iter(subject.asks), subject.citation.rule_title)
    steps = "; ".join(brief_steps(subject.determination))
    return f"{_capitalized(steps)}: {about}" if steps else about


def summarize_advice(subject: Subject) -> str:
    """The summary of a card for members of the policy's plans, where no Coverage came."""
    audience, words = subject.citation.audience, policy_words(subject)
    if qualified := _qualified(subject.determination):
        return f"{qualified}, for {audience} members: {words}"
    return words if audience in words else f"For {audience} members: {words}"


def policy_words(subject: Subject) -> str:
    """The rule's title where it stands for what is determined, else which policy to read."""
    return subject.citation.rule_title if subject.is_the_rules else open_summary(subject)


def open_summary(subject: Subject) -> str:
    """The summary of an order that is not decided yet."""
    policy = f"{subject.citation.audience} policy {subject.citation.number}"
    return f"Read {policy}, {subject.citation.policy_title}: this order is not decided yet"


def _qualified(determination: Determination) -> str:
    """In words, a determination that is more than covered, not covered or undecided."""
    line = brief(determination)
    return _capitalized(line) if ";" in line else ""


def document_verdict(determination: Determination) -> str:
    """What the payer's document calls a refusal, inside a sentence; empty where no reason has that.

    `investigational and not medically necessary`, for one.
    """
    if determination.is_refusal:
        for reason in determination.reasons:
            if reason.coding and reason.coding.display:
                return uncapitalized(reason.coding.display)
    return ""


def uncapitalized(line: str) -> str:
    """A phrase as it stands inside a sentence."""
    return line[:1].lower() + line[1:]


def _capitalized(line: str) -> str:
    return line[:1].upper() + line[1:]


def render_texts(determinations: Iterable[Determination]) -> dict[str, str]:
    """The texts of rules as markdown, so that no call has to render what never changes."""
    rendered: dict[str, str] = {}
    for determination in determinations:
        for text in _texts(determination):
            if text not in rendered:  # rules share many
                rendered[text] = prose(text)
    return rendered


def _texts(determination: Determination) -> Iterator[str]:
    yield from (reason.text for reason in determination.reasons)
    yield from (detail.value for detail in determination.details if isinstance(detail.value, str))
    for citation in determination.citations:
        yield from (citation.audience, citation.number, citation.policy_title, *citation.related)


def _is_instruction(detail: Detail) -> bool:
    return detail.code.code == "instructions"


def _is_listed(detail: Detail) -> bool:
    """Whether a detail is a fact of its own, rather than a step, a demand or a link."""
    return detail.code.code not in _NOT_LISTED and detail.value is not True


def _contact(contact: Contact) -> str:
    ways = ", ".join(f"{system} {value}" for system, value in contact.telecom)
    return f"Contact {prose(contact.name)}: {prose(ways)}."


def _listed(steps: list[str]) -> Iterator[str]:
    if steps:
        yield "\n".join(f"- {step}" for step in steps)


def about(subject: Subject) -> Iterator[str]:
    """A note on the order, if any; then which order it is, and the codes it may be billed under."""
    if subject.note:
        yield subject.note
    order = f"This is about the order “{escape(subject.order.title)}”"
    if subject.order.mark:
        order = f"{order} ({escape(subject.order.mark)})"
    codes = ", ".join(escape(coding.code) for coding in subject.determination.billing_codes)
    yield f"{order}, billed as {codes}." if codes else f"{order}."
