"""Proposals that travel: actions below the rule's, for a definition that $apply can follow.

An order or a form besides can be said so. A change of the order itself cannot: $apply makes new
resources and changes none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_service.crd.decision.proposal import ProposalKind
from cds_service.exchange.portable.artifacts import action_of
from cds_service.exchange.portable.certainty import Certain
from cds_service.fhir.resource import JsonObject, objects, text
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.proposal_templates import ProposalTemplate

_SHOWN = ("id", "title", "description", "code", "reason", "type", "definitionCanonical")
_WHY = {
    ProposalKind.ALTERNATE: "it changes the order, and $apply changes nothing",
    ProposalKind.COVERAGE: "it changes the Coverage, and $apply changes nothing",
    ProposalKind.APP: "an app to launch is no definition that $apply follows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TravellingProposals:
    """The proposals of one rule: their actions, what these define, and which stay, with reasons."""

    actions: tuple[JsonObject, ...]
    definitions: tuple[JsonObject, ...]
    left_out: tuple[tuple[str, str], ...]


def read_proposals(
    certain: Certain, action: JsonObject, library: Library, systems: Iterable[str]
) -> TravellingProposals:
    """The proposals in the rule's `action` of the policy, as far as they travel."""
    templates = {template.id: template for template in certain.rule.proposals}
    kept: list[JsonObject] = []
    definitions: list[JsonObject] = []
    left_out: list[tuple[str, str]] = []
    systems = frozenset(systems)
    for number, proposed in enumerate(objects(action.get("action")), start=2):
        name = text(proposed.get("id"))
        definition = library.by_canonical.get(text(proposed.get("definitionCanonical")))
        template = templates.get(name)
        if template is None or (why := _why_not(template)):
            left_out.append((name, why if template else "it is no proposal of the rule"))
        elif definition:
            shown = {part: proposed[part] for part in _SHOWN if part in proposed}
            kept.append(action_of(certain, systems, f"order{number}", shown))
            definitions.append(definition.resource)
    return TravellingProposals(
        actions=tuple(kept), definitions=tuple(definitions), left_out=tuple(left_out)
    )


def _why_not(template: ProposalTemplate) -> str:
    if template.conditions or template.dynamic:
        return "it depends on the order"
    return _WHY.get(template.kind, "")


def forms_of(certain: Certain, library: Library) -> Iterator[JsonObject]:
    """The Questionnaires that the determination names."""
    for canonical in certain.determination.questionnaires:
        if form := library.by_canonical.get(canonical):
            yield form.resource
