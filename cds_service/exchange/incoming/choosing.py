"""What of a delivery comes in: policies of our encoding, foreign ones understood, and their needs.

Of an export of ours that is everything, and so it is where there is no policy at all. Of all else
it is what the policies that come in lead to: a guide or a server holds much that is no policy's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from cds_service.exchange.br_payer.translation import (
    Surroundings,
    Translated,
    is_untranslated,
    translate,
)
from cds_service.exchange.br_payer.understanding import NotUnderstood
from cds_service.exchange.incoming.companions import find_falling
from cds_service.exchange.incoming.delivery import Delivery, PassedOver, Received
from cds_service.exchange.incoming.present import Present
from cds_service.exchange.selection import Ties
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, resource_type


class Naming(NamedTuple):
    """What an operator names for foreign policies that do not state it; None for nothing."""

    payer: str | None = None
    start: date | None = None


NOTHING_NAMED = Naming()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What comes in; `translated` are the places of policies that were translated.

    `left_out` are policies, by rule, and `remarks` actions that a policy goes without.
    """

    artifacts: tuple[Received, ...]
    translated: frozenset[str]
    left_out: tuple[NotUnderstood, ...]
    remarks: tuple[NotUnderstood, ...]
    passed_over: tuple[PassedOver, ...]


def choose(
    arrival: Delivery,
    present: Present,
    naming: Naming,
    refused: Mapping[str, Sequence[NotUnderstood]],
) -> Chosen:
    """What comes in of what has arrived.

    `refused` are foreign policies that did not check when they were translated, by their places.
    """
    own = [item for item in arrival.resources if not is_untranslated(item.resource)]
    untranslated = [item for item in arrival.resources if is_untranslated(item.resource)]
    surroundings = Surroundings(
        artifacts=_at_hand(present, own), payer=naming.payer, start=naming.start
    )
    results = [
        (item.place, _translated(item, surroundings, refused.get(item.place, ())))
        for item in untranslated
    ]
    made = [Received(place, resource) for place, result in results for resource in result.resources]
    falling = find_falling(_left_out(untranslated, results), _policies([*own, *made]))
    left_out = (
        *(note for _, result in results for note in result.not_understood),
        *(NotUnderstood(f"{key}", why) for key, why in falling.items()),
    )
    artifacts = [item for item in (*own, *made) if read_key(item.resource) not in falling]
    takes_all = not left_out and (arrival.is_export or not _policies(artifacts))
    kept = artifacts if takes_all else _needed(artifacts)
    return Chosen(
        artifacts=tuple(kept),
        translated=frozenset(place for place, result in results if result.resources),
        left_out=left_out,
        remarks=tuple(note for _, result in results for note in result.remarks),
        passed_over=tuple(_unneeded(artifacts, kept)),
    )


def _left_out(
    untranslated: Sequence[Received], results: Sequence[tuple[str, Translated]]
) -> list[JsonObject]:
    """The policies as they came that are not understood."""
    places = {place for place, result in results if not result.resources}
    return [item.resource for item in untranslated if item.place in places]


def _translated(
    item: Received, surroundings: Surroundings, refused: Sequence[NotUnderstood]
) -> Translated:
    if refused:
        return Translated(not_understood=tuple(refused))
    return translate(item.resource, surroundings)


def _at_hand(present: Present, own: Iterable[Received]) -> tuple[JsonObject, ...]:
    at_hand: dict[ResourceKey, JsonObject] = {**present.resources}
    for _, resource in own:
        if key := read_key(resource):
            at_hand[key] = resource
    return tuple(at_hand.values())


def _needed(artifacts: Sequence[Received]) -> list[Received]:
    keys = [key for key in map(read_key, _policies(artifacts)) if key]
    needed = Ties(item.resource for item in artifacts).closure(keys)
    return [item for item in artifacts if read_key(item.resource) in needed]


def _policies(artifacts: Iterable[Received]) -> list[JsonObject]:
    resources = (item.resource for item in artifacts)
    return [found for found in resources if resource_type(found) == "PlanDefinition"]


def _unneeded(artifacts: Sequence[Received], kept: Sequence[Received]) -> Iterator[PassedOver]:
    counted = Counter(resource_type(item.resource) for item in artifacts)
    counted.subtract(resource_type(item.resource) for item in kept)
    for kind, count in sorted(counted.items()):
        if count:
            yield PassedOver(f"{kind} ({count})", "no policy that comes in leads to it")
