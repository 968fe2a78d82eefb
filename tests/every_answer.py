"""Responses of every hook in every version to members of every kind, for rules on all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
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
    made = (
        (hook, version, call(hook, asked_about(hook, code, text), version=version, member=member))
        for hook in HOOK_NAMES
        for version in VERSIONS
        for member in MEMBERS.values()
        for code, text in (
            (LISTED, ""),
            (UNLISTED, ""),
            (UNLISTED, PULSED_FIELD),
            (NOT_IN_A_POLICY, ""),
        )
    )
    return tuple(_answered([*made, *_examples()]))


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
    """Each card of `every_answer`, with the call it came from."""
    return [(answered, card) for answered in every_answer() for card in answered.cards]
