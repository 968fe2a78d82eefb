"""The CRD response types: which one a card is, and its rules (crd-server.md 1.6 and 2.4)."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

JsonObject = dict[str, Any]

TOPIC_SYSTEMS = {
    "2.0": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
    "2.1": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
    "2.2": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
}
# CRDCardType, less `coverage-info` and its child: coverage information is never a card (resp-25).
TOPICS = set(
    "claim insurance limits network appropriate-use cost therapy-alternatives-opt "
    "therapy-alternatives-req clinical-reminder duplicate-therapy contraindication "
    "guideline off-guideline".split()
)
_CARD_ELEMENTS = set(
    "uuid summary detail indicator source suggestions selectionBehavior "
    "overrideReasons links extension".split()
)
_UNESCAPED_TAG = re.compile(r"<[A-Za-z/!?]")


def _no_suggestions(card: JsonObject) -> bool:
    return "suggestions" not in card


def _no_links(card: JsonObject) -> bool:
    return "links" not in card


def _all_links(card: JsonObject, kind: str) -> bool:
    return bool(card.get("links")) and all(link.get("type") == kind for link in card["links"])


def _actions(card: JsonObject) -> list[JsonObject]:
    return [
        action
        for suggestion in card.get("suggestions", [])
        for action in suggestion.get("actions", [])
    ]


def _all_actions(card: JsonObject, kind: str, *resource_types: str) -> bool:
    actions = _actions(card)
    return bool(actions) and all(
        action.get("type") == kind
        and action.get("resource", {}).get("resourceType") in resource_types
        for action in actions
    )


_ORDERS = (
    "Appointment",
    "CommunicationRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "VisionPrescription",
)
# Coverage Information, the eighth, is a system action and has no card.
RESPONSE_TYPES: Mapping[str, Callable[[JsonObject], bool]] = {
    "externalReference": lambda card: (
        _no_suggestions(card)
        and _all_links(card, "absolute")
        and not any("appContext" in link for link in card["links"])
    ),
    "instructions": lambda card: (
        bool(card.get("detail")) and _no_suggestions(card) and _no_links(card)
    ),
    "alternateRequest": lambda card: _no_links(card) and _all_actions(card, "update", *_ORDERS),
    "additionalOrders": lambda card: _no_links(card) and _all_actions(card, "create", *_ORDERS),
    "formCompletion": lambda card: _no_links(card) and _all_actions(card, "create", "Task"),
    "adjustCoverage": lambda card: _no_links(card) and _all_actions(card, "update", "Coverage"),
    "launchSMART": lambda card: not _actions(card) and _all_links(card, "smart"),
}


def response_types(card: JsonObject) -> list[str]:
    """The response types whose model this card fits; a sound card fits one."""
    return [name for name, fits in RESPONSE_TYPES.items() if fits(card)]


def card_problems(card: JsonObject, version: str) -> list[str]:
    """Everything wrong with a card, for a client of this version."""
    return list(_card_problems(card, version))


def _card_problems(card: JsonObject, version: str) -> Iterator[str]:
    if len(response_types(card)) != 1:
        yield f"fits the response types {response_types(card)}"
    yield from (f"has an unknown element {name}" for name in set(card) - _CARD_ELEMENTS)
    if str(UUID(card["uuid"])) != card["uuid"]:
        yield "its uuid is not one"
    if not 0 < len(card["summary"]) < 140:
        yield f"its summary has {len(card['summary'])} characters"
    if card["indicator"] not in ("info", "warning", "critical"):
        yield f"its indicator is {card['indicator']}"
    yield from _source_problems(card["source"], version)
    if ("suggestions" in card) != ("selectionBehavior" in card):
        yield "cds-resp-6"
    if any(
        not {"system", "code", "display"} <= set(reason)
        for reason in card.get("overrideReasons", [])
    ):
        yield "cds-resp-4"
    yield from (
        f"a link leads to {link['url']}"
        for link in card.get("links", [])
        if not _is_address(link["url"])
    )
    yield from _about_problems(card.get("extension", {}), version)
    yield from (
        f"hides something in {words!r}" for words in texts(card) if hidden_characters(words)
    )
    if _UNESCAPED_TAG.search(card.get("detail", "")):
        yield "its detail holds a tag"


def _source_problems(source: JsonObject, version: str) -> Iterator[str]:
    if not source.get("label"):
        yield "its source has no label"
    topic = source.get("topic", {})
    if topic.get("system") != TOPIC_SYSTEMS[version] or topic.get("code") not in TOPICS:
        yield f"its topic is {topic}"


def _about_problems(extension: JsonObject, version: str) -> Iterator[str]:
    for about in extension.get("davinci-crd.associated-resource", []):
        literal = about.get("reference") if isinstance(about, dict) else about
        if (
            isinstance(about, str) != (version == "2.0")
            or not isinstance(literal, str)
            or literal.count("/") != 1
        ):
            yield f"it is about {about}"


def _is_address(url: str) -> bool:
    return re.fullmatch(r"https?://[!-~]+", url) is not None and not set(url) & set("<>\"'\\`{}|^")


def texts(value: Any) -> Iterator[str]:
    """Every string inside a JSON value."""
    if isinstance(value, str):
        yield value
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from texts(inner)


def hidden_characters(words: str) -> list[str]:
    """Control, bidirectional, invisible and unassigned characters, except for line feeds."""
    hidden = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
    visible = words.replace("\n", "")
    return [character for character in visible if unicodedata.category(character) in hidden]
