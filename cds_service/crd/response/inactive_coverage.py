"""Cards for coverage that is not active on the date of service: what to check, for which orders.

Nobody is to learn of it from an extension on the order alone (design: 4.3). It is an Instructions
card, since there is no policy to read (CRD resp-23, resp-24), one for each Coverage.
"""

from collections.abc import Iterable, Iterator

from cds_service.cds_hooks.plain_text import label, shorten
from cds_service.cds_hooks.response import SUMMARY_LIMIT, Card, Indicator
from cds_service.crd.codes import Topic
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.call import Call
from cds_service.crd.request.membership import coverage_status, has_ended_status
from cds_service.crd.response.card_text import Subject, about
from cds_service.crd.response.cards import CardMaker
from cds_service.crd.response.markdown import escape

_NAMED = 20  # orders on one card


def inactive_coverage_cards(
    answers: Iterable[OrderAnswer], call: Call, cards: CardMaker
) -> Iterator[Card]:
    """A card for each Coverage that is not active, about all orders that this was found for."""
    if not call.configuration.wants(Topic.CLAIM):
        return
    by_coverage: dict[int, list[OrderAnswer]] = {}
    for answer in answers:
        if answer.is_inactive:
            by_coverage.setdefault(id(answer.membership.coverage), []).append(answer)
    for concerned in by_coverage.values():
        yield _card(concerned, cards)


def _card(answers: list[OrderAnswer], cards: CardMaker) -> Card:
    brand = answers[0].brand
    summary = f"Check the member's current coverage: this one of {brand} is not active"
    keys = [answer.order.key for answer in answers]
    return Card(
        uuid=cards.new_id(),
        summary=shorten(summary, SUMMARY_LIMIT - 1),
        detail="\n\n".join(_detail(answers, brand)),
        indicator=Indicator.WARNING,
        source_label=label(brand),
        topic=Topic.CLAIM,
        override_reasons=cards.override_reasons,
        about=tuple([str(key) for key in keys if key]),
    )


def _detail(answers: list[OrderAnswer], brand: str) -> Iterator[str]:
    """What was found, what to do, and for which orders."""
    payer, coverage = escape(brand), answers[0].membership.coverage
    yield (
        f"**{payer}: the coverage that was sent is not active on the date of service**, "
        f"{_why(coverage_status(coverage))}. No policy of {payer} was looked at."
    )
    yield (
        f"- Check with the member or {payer} which coverage is in force on that date.\n"
        "- Correct the coverage record, then sign or book again."
    )
    for answer in answers[:_NAMED]:
        determination = answer.determinations[0]
        yield from about(Subject(order=answer.order, brand=brand, determination=determination))
    if len(answers) > _NAMED:
        yield f"It is also about {len(answers) - _NAMED} more orders."


def _why(status: str) -> str:
    if has_ended_status(status):
        return f"for its status is {status}"
    return "for its period does not hold that date"
