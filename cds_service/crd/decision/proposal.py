"""Proposals: what a rule offers to whoever reads its card, with the resources already made.

CRD has five response types for them. A proposal of one of these types whose content is that of
another cannot be constructed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.crd.codes import Topic
from cds_service.crd.decision.determination import Citation
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject, resource_type

# CRD resp-25: coverage information, a determination on file among it, is never on a card.
NEVER_CARDS = (Topic.COVERAGE_INFO, Topic.UNSOLICITED_DETERM)


class ProposalKind(StrEnum):
    """The response types of proposals, by the names of their logical models."""

    ALTERNATE = "alternateRequest"
    ADDITIONAL = "additionalOrders"
    FORM = "formCompletion"
    COVERAGE = "adjustCoverage"
    APP = "launchSMART"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A resource of the client's as it would be, whole."""

    resource: JsonObject = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A new resource, still without an id; it may stand in for the one it `replaces`."""

    resource: JsonObject = field(hash=False)
    replaces: ResourceKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A Questionnaire to be completed, by its canonical.

    `purpose` is a CodeableConcept: its text says what the form is for, its coding, if any, what
    becomes of it.
    """

    questionnaire: str
    purpose: JsonObject = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A SMART app to launch, and what it is given along."""

    url: str
    context: str = ""


Content = Update | Creation | Form | App

_CONTENTS: Mapping[ProposalKind, tuple[type[Content], ...]] = {
    ProposalKind.ALTERNATE: (Update, Creation),
    ProposalKind.ADDITIONAL: (Creation,),
    ProposalKind.FORM: (Form,),
    ProposalKind.COVERAGE: (Update,),
    ProposalKind.APP: (App,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One proposal of a rule, made for one order.

    `title` and `description` are the policy's words for what would be done.
    """

    kind: ProposalKind
    id: str
    topic: Topic
    title: str
    description: str
    citation: Citation
    content: Content
    is_recommended: bool = False

    def __post_init__(self) -> None:
        if self.topic in NEVER_CARDS:
            raise ValueError("CRD resp-25: coverage information is never a card")
        if not isinstance(self.content, _CONTENTS[self.kind]):
            raise ValueError(f"{self.kind} with {type(self.content).__name__}")
        if isinstance(self.content, Creation):
            is_alternate = self.kind is ProposalKind.ALTERNATE
            if is_alternate is not bool(self.content.replaces):
                raise ValueError("an alternate replaces an order, an additional order none")
        elif isinstance(self.content, Update):
            is_coverage = resource_type(self.content.resource) == "Coverage"
            if is_coverage is not (self.kind is ProposalKind.COVERAGE):
                raise ValueError(f"{self.kind} that updates another kind of resource")

    @property
    def name(self) -> str:
        """Policy version, rule and proposal: `…|1#rule-1/proposal-1`."""
        return f"{self.citation.canonical}#{self.citation.rule_id}/{self.id}"


# CRD resp-70: a card that corrects a Coverage is for administrative staff, not for whoever orders.
_ADMINISTRATIVE = frozenset(("appointment-book", "encounter-start", "encounter-discharge"))


def is_offered(kind: ProposalKind, hook: str, *, primary: bool) -> bool:
    """Whether proposals of a kind are for the readers of a hook's cards.

    Forms are asked for as documentation is (CRD hook-19): not before the order is a decision.
    """
    match kind:
        case ProposalKind.COVERAGE:
            return hook in _ADMINISTRATIVE
        case ProposalKind.FORM:
            # CRD resp-59 forbids a form where DTR is applicable, supported by the client and
            # available from this server. The last is not so yet: this server has no DTR. Once it
            # has, a form for what DTR is for must stop here for clients that support DTR.
            return primary
        case _:
            return True
