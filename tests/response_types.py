"""The CRD response types: which one a card is, and its rules (crd-server.md 1.6 and 2.4).

What a card is shows in its topic: this service's topics each stand for one response type. Whether
it then is as that type must be is asked of its model.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from response_models import MODELS, fitting_types, response_problems

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
# The response type of the cards about determinations, by topic; those of proposals have others.
TYPES: Mapping[str, str] = {"guideline": "externalReference", "claim": "instructions"}
_NO_PROPOSALS: Mapping[str, str] = MappingProxyType({})
_CARD_ELEMENTS = set(
    "uuid summary detail indicator source suggestions selectionBehavior "
    "overrideReasons links extension".split()
)
_UNESCAPED_TAG = re.compile(r"<[A-Za-z/!?]")


def topic(card: JsonObject) -> str:
    """The topic of a card."""
    return str(card["source"]["topic"]["code"])


def response_type(card: JsonObject, proposed: Mapping[str, str] = _NO_PROPOSALS) -> str:
    """What a card is by its topic; `proposed` has the types of a policy's proposals by theirs."""
    return {**TYPES, **proposed}[topic(card)]


def misfits(
    card: JsonObject, version: str, proposed: Mapping[str, str] = _NO_PROPOSALS
) -> list[str]:
    """What in a card breaks the model of the response type that it is by its topic."""
    return list(MODELS[response_type(card, proposed)](card, version))


def response_types(card: JsonObject, version: str = "2.2") -> list[str]:
    """The response types whose model this card fits; a sound card fits one."""
    return fitting_types(card, version)


def card_problems(card: JsonObject, version: str) -> list[str]:
    """Everything wrong with a card, for a client of this version."""
    return list(_card_problems(card, version))


def _card_problems(card: JsonObject, version: str) -> Iterator[str]:
    yield from response_problems({"cards": [card]}, version)
    yield from (f"has an unknown element {name}" for name in set(card) - _CARD_ELEMENTS)
    if str(UUID(card["uuid"])) != card["uuid"]:
        yield "its uuid is not one"
    if not 0 < len(card["summary"]) < 140:
        yield f"its summary has {len(card['summary'])} characters"
    if card["indicator"] not in ("info", "warning", "critical"):
        yield f"its indicator is {card['indicator']}"
    yield from _source_problems(card["source"], version)
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
