"""Cards: what a clinician reads. Coverage information itself is never a card (CRD resp-25).

A response type is a function and a row in `CARD_TYPES`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cds_service.cds_hooks.response import SUMMARY_LIMIT, Card, Indicator, Link
from cds_service.crd.codes import CONDITION_UNKNOWN, PLAN_NOT_IDENTIFIED, TECHNICAL, Covered, Topic
from cds_service.crd.configuration import Configuration
from cds_service.crd.determination import Citation, Contact, Determination, Reason
from cds_service.crd.order import Order
from cds_service.crd.wording import escape, label, prose, shorten
from cds_service.fhir.coding import Coding

_LABEL_LIMIT = 80  # of an order's name on a card
# What to ask for where it is not the rule but something missing that keeps it undecided.
_ASKS = {
    PLAN_NOT_IDENTIFIED: "Tell which plan of {brand} the member has: whether the policy applies depends on it",
    CONDITION_UNKNOWN: "{brand} needs more than this order tells before it can decide",
}
_NOT_THE_RULES = (*_ASKS, TECHNICAL)
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
    says: Determination

    @property
    def citation(self) -> Citation:
        return self.says.citations[0]

    @property
    def is_open(self) -> bool:
        """Whether there is something to do before the payer can decide."""
        return bool(self.says.info_needed)

    @property
    def is_the_rules(self) -> bool:
        """Whether this is what the rule itself says, so that the rule's title may stand for it."""
        return not any(reason.coding in _NOT_THE_RULES for reason in self.says.reasons)


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes cards; links lead to our policy pages under `base_url`."""

    base_url: str
    override_reasons: tuple[Coding, ...]
    new_id: Callable[[], str]

    def cards(self, subject: Subject, configuration: Configuration) -> Iterator[Card]:
        """The cards for one order that a policy answered."""
        for topic, (applies, make) in CARD_TYPES.items():
            if applies(subject) and configuration.wants(topic):
                yield make(self, subject)

    def policy_url(self, citation: Citation) -> str:
        """Where our page shows the rule, or the whole policy if the citation names none."""
        page = f"{self.base_url}/policies/{quote(citation.policy_id)}"
        return f"{page}#rule-{quote(citation.rule_id, safe='')}" if citation.rule_id else page

    def reference(self, subject: Subject) -> Card:
        """An External Reference card: which policy applies, why, and where to read it (CRD resp-16 to resp-22)."""
        refused = subject.says.is_refusal
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=_open_summary(subject)
            if subject.is_open or not subject.is_the_rules
            else subject.citation.rule_title,
            indicator=Indicator.WARNING if refused else Indicator.INFO,
            detail="\n\n".join(_reference_detail(subject, [] if subject.is_open else _steps(subject.says))),
            links=tuple(link for citation in subject.says.citations for link in self._links(citation)),
        )

    def instructions(self, subject: Subject) -> Card:
        """An Instructions card: what the payer needs and whom to ask (CRD resp-23, resp-24)."""
        asks = [_ASKS[reason.coding] for reason in subject.says.reasons if reason.coding in _ASKS]
        return self._card(
            subject,
            topic=Topic.CLAIM,
            summary=asks[0].format(brand=subject.brand) if asks else subject.citation.rule_title,
            indicator=Indicator.INFO,
            detail="\n\n".join(_instructions_detail(subject)),
            links=(),
        )

    def advice(self, subject: Subject) -> Card:
        """A reference card for a call without a Coverage, worded for members of the policy's plan."""
        audience = subject.citation.audience
        title = subject.citation.rule_title if subject.is_the_rules else _open_summary(subject)
        note = (
            f"No coverage came with this call, so nothing was written on the order. "
            f"What follows holds for members of {escape(audience)}."
        )
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=title if audience in title else f"For {audience} members: {title}",
            indicator=Indicator.INFO,
            detail="\n\n".join((note, *_reference_detail(subject, _steps(subject.says)))),
            links=self._links(subject.citation),
        )

    def hint(self, order: Order, brand: str, citation: Citation, term: str) -> Card:
        """A reference card for an order whose words name a policy's subject but whose codes do not (design: 4.7)."""
        subject = Subject(order=order, brand=brand, says=_undecided(citation))
        detail = (
            f"The order says “{escape(term)}”, a subject of {_policy_name(citation)}. "
            "Words alone decide nothing: the policy is applied by procedure code. "
            "If the policy is meant, put the procedure's code on the order."
        )
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=f"{citation.audience} policy {citation.number} may apply: add the procedure code",
            indicator=Indicator.INFO,
            detail="\n\n".join((detail, _about(subject))),
            links=self._links(citation),
        )

    def _card(
        self,
        subject: Subject,
        *,
        topic: Topic,
        summary: str,
        indicator: Indicator,
        detail: str,
        links: tuple[Link, ...],
    ) -> Card:
        return Card(
            uuid=self.new_id(),
            summary=shorten(summary, SUMMARY_LIMIT - 1),
            detail=detail,
            indicator=indicator,
            source_label=label(subject.brand),
            topic=topic,
            links=links,
            override_reasons=self.override_reasons,
            about=(str(subject.order.key),) if subject.order.key else (),
        )

    def _links(self, citation: Citation) -> tuple[Link, ...]:
        ours = Link(label=label(f"Policy {citation.number}: {citation.policy_title}"), url=self.policy_url(citation))
        if not citation.document_url:
            return (ours,)
        return (ours, Link(label=label(f"{citation.number}, the payer's document"), url=citation.document_url))


_Applies = Callable[[Subject], bool]
_Make = Callable[[CardMaker, Subject], Card]

CARD_TYPES: Mapping[Topic, tuple[_Applies, _Make]] = {
    Topic.GUIDELINE: (lambda _: True, CardMaker.reference),
    Topic.CLAIM: (lambda subject: subject.is_open, CardMaker.instructions),
}


def most_urgent(cards: Iterable[Card], limit: int) -> list[Card]:
    """At most `limit` cards, warnings before the rest, otherwise in their order."""
    return sorted(cards, key=lambda card: card.indicator is not Indicator.WARNING)[:limit]


def _undecided(citation: Citation) -> Determination:
    reason = Reason(text="the words of an order decide nothing")
    return Determination(covered=Covered.INDETERMINATE, reasons=(reason,), citations=(citation,))


def _reference_detail(subject: Subject, steps: list[str]) -> Iterator[str]:
    """What the policy is, why, what can be done, and which order this is about, in this order (design: 4.11).

    `steps` is empty where an Instructions card has them.
    """
    answer = _ANSWERS[subject.says.covered]
    yield f"**{_policy_name(subject.citation)}: {answer}.**"
    yield from (prose(reason.text) for reason in subject.says.reasons)
    related = "; ".join(prose(one) for one in subject.citation.related)
    listed = [*steps, f"Related policies: {related}."] if related else steps
    if listed:
        yield "\n".join(f"- {step}" for step in listed)
    yield _about(subject)


def _instructions_detail(subject: Subject) -> Iterator[str]:
    steps = _steps(subject.says)
    yield from (prose(reason.text) for reason in subject.says.reasons)
    if steps:
        yield "\n".join(f"- {step}" for step in steps)
    yield _about(subject)


def _open_summary(subject: Subject) -> str:
    policy = f"{subject.citation.audience} policy {subject.citation.number}"
    return f"Read {policy}, {subject.citation.policy_title}: this order is not decided yet"


def _policy_name(citation: Citation) -> str:
    return f"{escape(citation.audience)} policy {escape(citation.number)}, {escape(citation.policy_title)}"


def _steps(says: Determination) -> list[str]:
    instructions = [prose(detail.value) for detail in says.details if detail.code.code == "instructions"]
    return [*instructions, *(_contact(contact) for contact in says.contacts)]


def _contact(contact: Contact) -> str:
    ways = ", ".join(f"{system} {value}" for system, value in contact.telecom)
    return f"Contact {prose(contact.name)}: {prose(ways)}."


def _about(subject: Subject) -> str:
    order = f"This is about the order “{escape(shorten(subject.order.label, _LABEL_LIMIT))}”"
    codes = ", ".join(escape(coding.code) for coding in subject.says.billing_codes)
    return f"{order}, billed as {codes}." if codes else f"{order}."
