"""Cards: what a clinician reads. Coverage information itself is never a card (CRD resp-25).

A response type is a function and a row in `CARD_TYPES`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cds_service.cds_hooks.plain_text import label, shorten
from cds_service.cds_hooks.response import SUMMARY_LIMIT, Card, Indicator, Link
from cds_service.crd.codes import Covered, Topic
from cds_service.crd.decision.determination import Citation, Determination, Reason
from cds_service.crd.request.configuration import Configuration
from cds_service.crd.request.order import Order
from cds_service.crd.response.card_text import (
    ASKS,
    Subject,
    about,
    instructions_detail,
    next_steps,
    open_summary,
    policy_name,
    reference_detail,
)
from cds_service.crd.response.markdown import escape
from cds_service.fhir.coding import Coding


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
        refused = subject.determination.is_refusal
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=open_summary(subject)
            if subject.is_open or not subject.is_the_rules
            else subject.citation.rule_title,
            indicator=Indicator.WARNING if refused else Indicator.INFO,
            detail="\n\n".join(
                reference_detail(
                    subject, [] if subject.is_open else next_steps(subject.determination)
                )
            ),
            links=tuple(
                link
                for citation in subject.determination.citations
                for link in self._links(citation)
            ),
        )

    def instructions(self, subject: Subject) -> Card:
        """An Instructions card: what the payer needs and whom to ask (CRD resp-23, resp-24)."""
        asks = [
            ASKS[reason.coding] for reason in subject.determination.reasons if reason.coding in ASKS
        ]
        return self._card(
            subject,
            topic=Topic.CLAIM,
            summary=asks[0].format(brand=subject.brand) if asks else subject.citation.rule_title,
            indicator=Indicator.INFO,
            detail="\n\n".join(instructions_detail(subject)),
            links=(),
        )

    def advice(self, subject: Subject) -> Card:
        """A reference card for a call without a Coverage, worded for members of the policy's plan."""
        audience = subject.citation.audience
        title = subject.citation.rule_title if subject.is_the_rules else open_summary(subject)
        note = (
            f"No coverage came with this call, so nothing was written on the order. "
            f"What follows holds for members of {escape(audience)}."
        )
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=title if audience in title else f"For {audience} members: {title}",
            indicator=Indicator.INFO,
            detail="\n\n".join(
                (note, *reference_detail(subject, next_steps(subject.determination)))
            ),
            links=self._links(subject.citation),
        )

    def hint(self, order: Order, brand: str, citation: Citation, term: str) -> Card:
        """A reference card for an order whose words name a policy's subject but whose codes do not (design: 4.7)."""
        subject = Subject(order=order, brand=brand, determination=_undecided(citation))
        detail = (
            f"The order says “{escape(term)}”, a subject of {policy_name(citation)}. "
            "Words alone decide nothing: the policy is applied by procedure code. "
            "If the policy is meant, put the procedure's code on the order."
        )
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=f"{citation.audience} policy {citation.number} may apply: add the procedure code",
            indicator=Indicator.INFO,
            detail="\n\n".join((detail, about(subject))),
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
        ours = Link(
            label=label(f"Policy {citation.number}: {citation.policy_title}"),
            url=self.policy_url(citation),
        )
        if not citation.document_url:
            return (ours,)
        return (
            ours,
            Link(
                label=label(f"{citation.number}, the payer's document"), url=citation.document_url
            ),
        )


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
