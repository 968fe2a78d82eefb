"""Cards: what a clinician reads. Coverage information itself is never a card (CRD resp-25).

A response type is a function and a row in `CARD_TYPES`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.cds_hooks.plain_text import label, shorten
from cds_service.cds_hooks.response import SUMMARY_LIMIT, Card, Indicator, Link
from cds_service.crd.codes import Covered, Topic
from cds_service.crd.decision.determination import Citation, Determination, Reason
from cds_service.crd.request.configuration import Configuration
from cds_service.crd.request.order import Order
from cds_service.crd.response.card_text import (
    CardText,
    Subject,
    summarize,
    summarize_advice,
    summarize_steps,
)
from cds_service.crd.response.markdown import escape
from cds_service.fhir.coding import Coding


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes cards; their links lead to our policy pages and the payers' documents."""

    text: CardText
    override_reasons: tuple[Coding, ...]
    new_id: Callable[[], str]

    def cards(self, subject: Subject, configuration: Configuration) -> Iterator[Card]:
        """The cards about one order that a policy addresses."""
        for topic, (applies, make) in CARD_TYPES.items():
            if applies(subject) and configuration.wants(topic):
                yield make(self, subject)

    def reference(self, subject: Subject) -> Card:
        """An External Reference card: which policy applies and why (CRD resp-16 to resp-22)."""
        links = map(_links, subject.determination.citations)
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=summarize(subject),
            # What there is to do stands on an Instructions card then.
            detail=self.text.reference(subject, with_steps=not subject.is_open),
            links=tuple(link for cited in links for link in cited),
        )

    def instructions(self, subject: Subject) -> Card:
        """An Instructions card: what has to be done and whom to ask (CRD resp-23, resp-24).

        Authorization, documents and what for, forms, what else must be known.
        """
        return self._card(
            subject,
            topic=Topic.CLAIM,
            summary=summarize_steps(subject),
            detail=self.text.instructions(subject),
            indicator=Indicator.INFO,
        )

    def advice(self, subject: Subject) -> Card:
        """A reference card for a call without a Coverage, worded for the policy's members."""
        note = (
            "No coverage came with this call, so nothing was written on the order. "
            f"What follows holds for members of {escape(subject.citation.audience)}."
        )
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=summarize_advice(subject),
            detail=(note, *self.text.reference(subject, with_steps=True)),
            links=_links(subject.citation),
            indicator=Indicator.INFO,
        )

    def hint(self, order: Order, brand: str, citation: Citation, term: str) -> Card:
        """A reference card for an order whose words, not codes, name a policy's subject."""
        subject = Subject(order=order, brand=brand, determination=_undecided(citation))
        policy = f"{citation.audience} policy {citation.number}"
        return self._card(
            subject,
            topic=Topic.GUIDELINE,
            summary=f"Name the procedure by code: words do not tell whether {policy} applies",
            detail=self.text.hint(subject, term),
            links=_links(citation),
        )

    def _card(
        self,
        subject: Subject,
        *,
        topic: Topic,
        summary: str,
        detail: Iterable[str],
        links: tuple[Link, ...] = (),
        indicator: Indicator | None = None,
    ) -> Card:
        """A card; it warns where the payer does not cover the service, unless told otherwise."""
        refused = subject.determination.is_refusal
        return Card(
            uuid=self.new_id(),
            summary=shorten(summary, SUMMARY_LIMIT - 1),
            detail="\n\n".join(detail),
            indicator=indicator or (Indicator.WARNING if refused else Indicator.INFO),
            source_label=label(subject.brand),
            topic=topic,
            links=links,
            override_reasons=self.override_reasons,
            about=(str(subject.order.key),) if subject.order.key else (),
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


def _links(citation: Citation) -> tuple[Link, ...]:
    """To our page of the policy, and to the payer's own document where it is known."""
    ours = label(f"Policy {citation.number}: {citation.policy_title}")
    links = (Link(label=ours, url=citation.page_url),)
    if not citation.document_url:
        return links
    theirs = label(f"{citation.number}, the payer's document")
    return (*links, Link(label=theirs, url=citation.document_url))


def _undecided(citation: Citation) -> Determination:
    reason = Reason(text="the words of an order decide nothing")
    return Determination(covered=Covered.INDETERMINATE, reasons=(reason,), citations=(citation,))
