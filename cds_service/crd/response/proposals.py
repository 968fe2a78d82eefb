"""Cards of proposals: each fits the logical model of its response type (CRD resp-53 to resp-72).

A response type is a row in `PROPOSAL_CARDS`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.cds_hooks.plain_text import label, shorten
from cds_service.cds_hooks.response import (
    SUMMARY_LIMIT,
    Action,
    ActionType,
    Card,
    Indicator,
    Link,
    LinkType,
    Selection,
    Suggestion,
)
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.proposal import App, Creation, Form, Proposal, ProposalKind, Update
from cds_service.crd.request.call import Call
from cds_service.crd.response.card_text import Subject, about
from cds_service.crd.response.cards import CardMaker
from cds_service.crd.response.markdown import prose
from cds_service.crd.response.questionnaire_task import questionnaire_task
from cds_service.crd.response.versions import WRITTEN_VERSIONS
from cds_service.fhir.resource import JsonObject, encode, resource_type


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalCard:
    """How the proposals of one response type are shown."""

    headline: str
    selection: Selection = Selection.ANY
    is_shared: bool = True  # by all of a rule's proposals of this type and topic
    is_about_order: bool = True


PROPOSAL_CARDS: Mapping[ProposalKind, ProposalCard] = {
    ProposalKind.ALTERNATE: ProposalCard(
        headline="another order is proposed", selection=Selection.AT_MOST_ONE
    ),
    ProposalKind.ADDITIONAL: ProposalCard(headline="a further order is proposed"),
    ProposalKind.FORM: ProposalCard(headline="a form is to be completed"),
    ProposalKind.COVERAGE: ProposalCard(
        headline="a correction of the coverage record is proposed",
        is_shared=False,  # CRD: a single suggestion
        is_about_order=False,
    ),
    ProposalKind.APP: ProposalCard(headline="an app is offered", is_shared=False),
}


@dataclass(frozen=True, slots=True)
class ProposalCardMaker:
    """Makes the cards of one answer's proposals."""

    cards: CardMaker
    call: Call
    answer: OrderAnswer

    def make(self) -> Iterator[Card]:
        """A card for each response type and topic of each rule, as far as the client wants them."""
        groups: dict[tuple[str, ...], list[Proposal]] = {}
        for proposal in self.answer.proposals:
            if self.call.configuration.wants(proposal.topic):
                groups.setdefault(_shown_with(proposal), []).append(proposal)
        yield from map(self._card, groups.values())

    def _card(self, proposals: list[Proposal]) -> Card:
        kind, topic = proposals[0].kind, proposals[0].topic
        shown = PROPOSAL_CARDS[kind]
        suggestions = tuple(map(self._suggestion, proposals)) if self._suggests(kind) else ()
        order = self.answer.order
        return Card(
            uuid=self.cards.new_id(),
            summary=shorten(", or ".join(map(_title, proposals)), SUMMARY_LIMIT - 1),
            detail="\n\n".join(self._detail(proposals, shown)),
            indicator=Indicator.INFO,
            source_label=label(self.answer.brand),
            topic=topic,
            suggestions=suggestions,
            selection=shown.selection if suggestions else None,
            links=tuple(_links(proposals)),
            override_reasons=self.cards.override_reasons,
            about=(str(order.key),) if order.key and shown.is_about_order else (),
        )

    def _suggests(self, kind: ProposalKind) -> bool:
        version = WRITTEN_VERSIONS[self.call.version.name]
        return kind is not ProposalKind.APP or version.suggests_apps

    def _detail(self, proposals: list[Proposal], shown: ProposalCard) -> Iterator[str]:
        """Whose proposal, what it is in words that can be done by hand, and for which order."""
        yield f"**{self.cards.text.policy_name(proposals[0].citation)}: {shown.headline}.**"
        steps = [
            f"- {prose(proposal.title)}: {prose(proposal.description)}" for proposal in proposals
        ]
        yield "\n".join(steps)
        if not shown.is_about_order:
            yield "This is about the member's coverage record, not about one order."
        elif determination := self.answer.from_policy:
            yield from about(
                Subject(
                    order=self.answer.order, brand=self.answer.brand, determination=determination
                )
            )

    def _suggestion(self, proposal: Proposal) -> Suggestion:
        return Suggestion(
            uuid=self.cards.new_id(),
            label=_title(proposal),
            actions=tuple(self._actions(proposal)),
            is_recommended=proposal.is_recommended,
        )

    def _actions(self, proposal: Proposal) -> Iterator[Action]:
        words = _title(proposal)
        match proposal.content:
            case Update(resource=resource):
                yield Action(type=ActionType.UPDATE, description=words, resource=resource)
            case Creation(resource=resource, replaces=replaced):
                if replaced:
                    yield Action(
                        type=ActionType.DELETE,
                        description=f"Remove {replaced}",
                        resource_id=str(replaced),
                    )
                yield self._creation(resource, words)
            case Form() as form:
                version = WRITTEN_VERSIONS[self.call.version.name]
                task = questionnaire_task(
                    form,
                    self.answer,
                    self.call,
                    title=words,
                    after_completion=version.after_completion,
                )
                yield self._creation(task, words)

    def _creation(self, resource: JsonObject, words: str) -> Action:
        """Within the suggestion's transaction the new resource has an id (CRD dev-21)."""
        named = {"resourceType": resource["resourceType"], "id": self.cards.new_id(), **resource}
        return Action(type=ActionType.CREATE, description=words, resource=named)


def once(cards: Iterable[Card]) -> Iterator[Card]:
    """The cards; of those with the same correction, which each order brings, only the first."""
    seen: set[bytes] = set()
    for card in cards:
        corrections = [
            action.resource
            for suggestion in card.suggestions
            for action in suggestion.actions
            if resource_type(action.resource) == "Coverage"
        ]
        shown = encode(corrections)
        if not corrections or shown not in seen:
            yield card
        seen.add(shown)


def _shown_with(proposal: Proposal) -> tuple[str, ...]:
    """What the proposals of one card have in common."""
    citation = proposal.citation
    together = (citation.canonical, citation.rule_id, proposal.kind, proposal.topic)
    return together if PROPOSAL_CARDS[proposal.kind].is_shared else (*together, proposal.id)


def _title(proposal: Proposal) -> str:
    return label(proposal.title)


def _links(proposals: Iterable[Proposal]) -> Iterator[Link]:
    for proposal in proposals:
        if isinstance(proposal.content, App):
            yield Link(
                label=_title(proposal),
                url=proposal.content.url,
                type=LinkType.SMART,
                app_context=proposal.content.context,
            )
