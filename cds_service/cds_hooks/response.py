"""The hook response: cards, links and system actions that cannot be malformed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject

SUMMARY_LIMIT = 140  # CDS Hooks: fewer than 140 characters


class Indicator(StrEnum):
    """How urgent a card is; `critical` is for risk to life and never ours to say (CRD resp-2)."""

    INFO = "info"
    WARNING = "warning"


class LinkType(StrEnum):
    """A page to read, or a SMART app to launch."""

    ABSOLUTE = "absolute"
    SMART = "smart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link; an app that it launches may get a context of its own."""

    label: str
    url: str
    type: LinkType = LinkType.ABSOLUTE
    app_context: str = ""

    def __post_init__(self) -> None:
        if self.app_context and self.type is not LinkType.SMART:
            raise ValueError("cds-resp-3: appContext on a link that launches no app")

    def to_json(self) -> JsonObject:
        link = {"label": self.label, "url": self.url, "type": self.type.value}
        return {**link, "appContext": self.app_context} if self.app_context else link


class ActionType(StrEnum):
    """What an action does to a resource on the EHR's server."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of a suggestion: a whole `resource` created or updated, or one deleted by id."""

    type: ActionType
    description: str
    resource: JsonObject = field(default_factory=dict)
    resource_id: str = ""

    def __post_init__(self) -> None:
        if not self.description:
            raise ValueError("cds-resp-5: an action of a suggestion without description")
        is_delete = self.type is ActionType.DELETE
        if bool(self.resource) is is_delete or bool(self.resource_id) is not is_delete:
            raise ValueError("cds-resp-2: a delete has a resourceId, any other a resource")

    def to_json(self) -> JsonObject:
        changed: JsonObject = {"resource": self.resource} if self.resource else {}
        named = {"resourceId": self.resource_id} if self.resource_id else {}
        return {"type": self.type.value, "description": self.description, **changed, **named}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One suggestion; its actions are taken together, as one transaction."""

    uuid: str
    label: str
    actions: tuple[Action, ...] = ()
    is_recommended: bool = False

    def __post_init__(self) -> None:
        if not self.uuid or not self.label:
            raise ValueError("a suggestion without uuid or label")  # the uuid: CRD resp-3

    def to_json(self) -> JsonObject:
        recommended = {"isRecommended": True} if self.is_recommended else {}
        actions = [action.to_json() for action in self.actions]
        some: JsonObject = {"actions": actions} if actions else {}
        return {"label": self.label, "uuid": self.uuid, **recommended, **some}


class Selection(StrEnum):
    """How many of a card's suggestions may be taken."""

    AT_MOST_ONE = "at-most-one"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card; `topic` is a CRD response type, `about` the orders it speaks of as `Type/id`."""

    uuid: str
    summary: str
    detail: str
    indicator: Indicator
    source_label: str
    topic: str
    suggestions: tuple[Suggestion, ...] = ()
    selection: Selection | None = None
    links: tuple[Link, ...] = ()
    override_reasons: tuple[Coding, ...] = ()
    about: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for broken in self._broken_invariants():
            raise ValueError(broken)

    def _broken_invariants(self) -> Iterator[str]:
        if not 0 < len(self.summary) < SUMMARY_LIMIT:
            yield f"card summary of {len(self.summary)} characters"
        if not self.detail or not self.source_label:
            yield "card without detail or source label"
        if not all(reason.display for reason in self.override_reasons):
            yield "cds-resp-4: override reason without display"
        if bool(self.suggestions) is not bool(self.selection):
            yield "cds-resp-6: suggestions exactly with a selectionBehavior"
        recommended = sum(suggestion.is_recommended for suggestion in self.suggestions)
        if self.selection is Selection.AT_MOST_ONE and recommended > 1:
            yield "cds-resp-1: several recommended of which at most one can be taken"


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
