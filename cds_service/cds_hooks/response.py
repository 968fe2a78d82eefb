"""The hook response: cards, links and system actions that cannot be malformed."""

from dataclasses import dataclass
from enum import StrEnum

from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject

SUMMARY_LIMIT = 140  # CDS Hooks: fewer than 140 characters


class Indicator(StrEnum):
    """How urgent a card is; `critical` is for risk to life and never ours to say (CRD resp-2)."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of type `absolute`."""

    label: str
    url: str

    def to_json(self) -> JsonObject:
        return {"label": self.label, "url": self.url, "type": "absolute"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card; `topic` is a CRD response type, `about` the orders it speaks of as `Type/id`."""

    uuid: str
    summary: str
    detail: str
    indicator: Indicator
    source_label: str
    topic: str
    links: tuple[Link, ...] = ()
    override_reasons: tuple[Coding, ...] = ()
    about: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.summary) < SUMMARY_LIMIT:
            raise ValueError(f"card summary of {len(self.summary)} characters")
        if not self.detail or not self.source_label:
            raise ValueError("card without detail or source label")
        if not all(reason.display for reason in self.override_reasons):
            raise ValueError("cds-resp-4: override reason without display")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAction:
    """An `update` of a resource on the EHR's server, applied without asking; the whole resource."""

    description: str
    resource: JsonObject

    def to_json(self) -> JsonObject:
        return {"type": "update", "description": self.description, "resource": self.resource}


@dataclass(frozen=True, slots=True)
class HookResponse:
    """Cards and system actions, as JSON in the shape the client's CRD version wants.

    `system_actions` is None where there are none to speak of: CDS Hooks allows no empty list.
    """

    cards: tuple[JsonObject, ...]
    system_actions: tuple[JsonObject, ...] | None = None

    def to_json(self) -> JsonObject:
        response: JsonObject = {"cards": list(self.cards)}
        if self.system_actions is not None:
            response["systemActions"] = list(self.system_actions)
        return response
