"""The response of one hook call: its orders annotated, and its cards."""

from collections.abc import Iterator

from cds_service.cds_hooks.response import Card, HookResponse
from cds_service.crd.codes import Topic
from cds_service.crd.decision.order_answer import Decisions, OrderAnswer
from cds_service.crd.request.call import Call
from cds_service.crd.request.order import Order
from cds_service.crd.response.annotation import OrderAnnotation, annotate_order, system_action
from cds_service.crd.response.card_text import Subject
from cds_service.crd.response.cards import CardMaker, most_urgent
from cds_service.crd.response.inactive_coverage import inactive_coverage_cards
from cds_service.crd.response.proposals import ProposalCardMaker, once
from cds_service.crd.response.versions import write_response


def respond(call: Call, decisions: Decisions, cards: CardMaker) -> HookResponse:
    """The response to a call on which everything has been decided."""
    by_order: dict[int, list[OrderAnswer]] = {id(order): [] for order in call.orders}
    for answer in decisions.answers:
        by_order[id(answer.order)].append(answer)
    annotations = [annotate_order(order, by_order[id(order)], call) for order in call.orders]
    of_orders = (card for annotation in annotations for card in _cards(annotation, call, cards))
    unreported = (answer for annotation in annotations for answer in annotation.unreported)
    shown = [*inactive_coverage_cards(unreported, call, cards), *once(of_orders)]
    shown.extend(card for advice in decisions.advice for card in _advice(advice, call, cards))
    changed = [annotation for annotation in annotations if annotation.annotated.is_new]
    return write_response(
        most_urgent(shown, call.configuration.max_cards),
        list(map(system_action, changed)) if call.configuration.wants(Topic.COVERAGE_INFO) else [],
        call.version,
        primary=call.hook.primary,
    )


def _cards(annotation: OrderAnnotation, call: Call, cards: CardMaker) -> Iterator[Card]:
    """Cards for what an order did not carry before; repetitions stay silent (design: 4.12)."""
    for answer in annotation.unreported:
        if determination := answer.from_policy:
            subject = Subject(
                order=answer.order,
                brand=answer.brand,
                determination=determination,
                note=_note(answer.order, call),
            )
            yield from cards.cards(subject, call.configuration)
            yield from ProposalCardMaker(cards, call, answer).make()
        yield from _hints(answer, call, cards)


def _note(order: Order, call: Call) -> str:
    if order.type not in call.version.unwritable:
        return ""
    return (
        f"Coverage information was not written onto this order: CRD {call.version.name} "
        f"has no place for it on a {order.type}."
    )


def _advice(answer: OrderAnswer, call: Call, cards: CardMaker) -> Iterator[Card]:
    """Without a Coverage, what one payer's policy says to its members (design: 4.3)."""
    if (determination := answer.from_policy) and call.configuration.wants(Topic.GUIDELINE):
        yield cards.advice(
            Subject(order=answer.order, brand=answer.brand, determination=determination)
        )
    yield from _hints(answer, call, cards)


def _hints(answer: OrderAnswer, call: Call, cards: CardMaker) -> Iterator[Card]:
    """Words alone never decide; at most they earn a card that says which policy may be meant."""
    if call.configuration.wants(Topic.GUIDELINE):
        for citation, term in answer.hints:
            yield cards.hint(answer.order, answer.brand, citation, term)
