"""What the proposals of a policy have in common, checked: topic, hooks, and what is recommended."""

from collections.abc import Collection

from cds_service.crd.codes import CARD_TYPES, Topic
from cds_service.crd.decision.proposal import NEVER_CARDS, ProposalKind, is_offered
from cds_service.crd.request.hooks import HOOKS
from cds_service.fhir.resource import objects
from cds_service.policy.library.action import Action
from cds_service.policy.run.proposal_templates import ProposalTemplate


def read_topic(action: Action) -> Topic:
    """The topic of a proposal's card: the one coding of its `code`.

    Raises:
        ArtifactError: it has none, several, or one that is no topic of a card.
    """
    concepts = objects(action.json.get("code"))
    codings = [coding for concept in concepts for coding in objects(concept.get("coding"))]
    topics = [topic for topic in Topic if topic not in NEVER_CARDS]
    if len(codings) == 1 and codings[0].get("system") == CARD_TYPES:
        for topic in topics:
            if codings[0].get("code") == topic:
                return topic
    problem = f"a proposal has one topic: a coding of {CARD_TYPES}, one of {', '.join(topics)}"
    raise action.broken(".code", problem)


def check_target(action: Action, order_type: str, types: Collection[str]) -> None:
    """Pass if a rule for orders of one type may propose what is possible for these types.

    Raises:
        ArtifactError: it may not.
    """
    if order_type not in types:
        suited = ", ".join(sorted(types))
        problem = f"the rule is for a {order_type}; this can be proposed for {suited}"
        raise action.broken("", problem)


def check_hooks(action: Action, kind: ProposalKind, hooks: Collection[str]) -> None:
    """Pass if one of a policy's hooks shows proposals of this kind.

    Raises:
        ArtifactError: none does, so that the author would wait for it in vain.
    """
    suited = [name for name, hook in HOOKS.items() if is_offered(kind, name, primary=hook.primary)]
    if not set(suited) & set(hooks):
        problem = f"would never be shown: the policy answers none of {', '.join(suited)}"
        raise action.broken("", problem)


def check_recommended(
    action: Action, new: ProposalTemplate, others: Collection[ProposalTemplate]
) -> None:
    """Pass if the card that a proposal would be on recommends one of its alternates at most.

    Raises:
        ArtifactError: it recommends another already (cds-resp-1).
    """
    if not new.is_recommended or new.kind is not ProposalKind.ALTERNATE:
        return
    card = (new.kind, new.topic)
    if any(other.is_recommended and (other.kind, other.topic) == card for other in others):
        problem = "a card recommends one of its suggestions: another is prechecked too"
        raise action.broken(".precheckBehavior", problem)
