"""Policies that stand or fall together: what one that is left out would have made of another.

A version that is left out would have ended the one before it. A policy that is left out may refuse
what another policy of its payer covers: where several speak of a code, the strictest counts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cds_service.crd.codes import COVERAGE_DETERMINATION, Covered
from cds_service.exchange.br_payer.program import contexts_of
from cds_service.fhir.coding import CodingKey, read_codings
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, objects, text


def find_falling(
    left_out: Sequence[JsonObject], taken: Sequence[JsonObject]
) -> dict[ResourceKey, str]:
    """The policies among those `taken` that must not come in without others, each with the reason.

    `left_out` are policies as they came; what falls with them may take others along.
    """
    falling: dict[ResourceKey, str] = {}
    waiting = list(left_out)
    while waiting:
        gone = waiting.pop(0)
        for policy in taken:
            key, why = read_key(policy), _why_with(policy, gone)
            if key and why and key not in falling:
                falling[key] = why
                waiting.append(policy)
    return falling


def _why_with(policy: JsonObject, gone: JsonObject) -> str:
    """Why a policy must not come in without one that is left out; empty if it may."""
    if text(policy.get("url")) == text(gone.get("url")):
        return f"another version of it, {read_key(gone)}, is left out, which might have ended it"
    may_meet = all(
        _overlap(_listed(policy, code), _listed(gone, code)) for code in ("program", "focus")
    )
    if may_meet and not _only_refuses(policy):
        return f"{read_key(gone)}, which is left out, speaks of its codes too and may refuse them"
    return ""


def _listed(policy: JsonObject, code: str) -> frozenset[CodingKey]:
    contexts = contexts_of(policy, code)
    return frozenset(
        coding.key
        for context in contexts
        for coding in read_codings(context.get("valueCodeableConcept"))
    )


def _overlap(some: frozenset[CodingKey], others: frozenset[CodingKey]) -> bool:
    """Whether two may be about the same; one that lists nothing may be about anything."""
    return not some or not others or bool(some & others)


def _only_refuses(policy: JsonObject) -> bool:
    return all(covered == Covered.NOT_COVERED for covered in _determined(policy.get("action")))


def _determined(actions: Any) -> Iterator[str]:
    for action in objects(actions):
        for extension in find_extensions(action, COVERAGE_DETERMINATION):
            for part in parts(extension).get("covered", ()):
                yield text(value_of(part)[1])
        yield from _determined(action.get("action"))
