"""Responses of every hook in every version to members of every kind, for rules on all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    PULSED_FIELD,
    UNLISTED,
    VERSIONS,
    JsonObject,
    ask,
    asked_about,
    call,
    status_of,
)

from cds_service.fhir.resource import decode

# Code and text of the services that are asked about.
_SERVICES = ((LISTED, ""), (UNLISTED, ""), (UNLISTED, PULSED_FIELD), (NOT_IN_A_POLICY, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One call and its response."""

    hook: str
    version: str
    request: JsonObject
    response: JsonObject

    @property
    def cards(self) -> list[JsonObject]:
        """The cards of the response."""
        return list(self.response["cards"])


@cache
def every_answer() -> tuple[Answered, ...]:
    """Responses of every hook in every version to members of every kind, and the examples'."""
    return tuple(_answered([*_calls(), *_examples()]))


def _calls() -> Iterator[tuple[str, str, JsonObject]]:
    for hook, version in product(HOOK_NAMES, VERSIONS):
        for member, (code, text) in product(MEMBERS.values(), _SERVICES):
            about = asked_about(hook, code, text)
            yield hook, version, call(hook, about, version=version, member=member)


def _examples() -> Iterator[tuple[str, str, JsonObject]]:
    for file in sorted((Path(__file__).parents[1] / "examples").glob("*/request.json")):
        request = decode(file.read_bytes())
        version = request.get("extension", {}).get("davinci-crd.requestedVersion", "2.0")
        yield request["hook"], version[:3], request


def _answered(calls: Iterable[tuple[str, str, JsonObject]]) -> Iterator[Answered]:
    for hook, version, request in calls:
        if status_of(request) == 200:
            yield Answered(hook=hook, version=version, request=request, response=ask(request))


def every_card() -> list[tuple[Answered, JsonObject]]:
    """Each card of `every_answer`, with the call it came from; there are some."""
    cards = [(answered, card) for answered in every_answer() for card in answered.cards]
    assert cards
    return cards
