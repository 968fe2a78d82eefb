"""Effects: whether another set of policies would answer looser or stricter, order by order.

Looser comes before stricter, and both before wording: a promise that the payer may not keep is
worse than one asked for too much.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cds_service.crd.codes import Covered, PaNeeded
from cds_service.crd.decision.combination import STRICTNESS, strictness
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer

# Of authorization, from the loosest; None: nothing is stated, so one may be needed.
_AUTHORIZATION: tuple[PaNeeded | None, ...] = (
    PaNeeded.NO_AUTH,
    PaNeeded.SATISFIED,
    None,
    PaNeeded.CONDITIONAL,
    PaNeeded.INDETERMINATE,
    PaNeeded.PERFORM_PA,
    PaNeeded.AUTH_NEEDED,
)
_SILENT = STRICTNESS.index(Covered.INDETERMINATE)  # nothing determined promises nothing


class Effect(StrEnum):
    """How an answer by other policies compares with the one given, the gravest first."""

    LOOSER = "looser"
    STRICTER = "stricter"
    REWORDED = "reworded"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEffect:
    """What one order would get instead, for one membership, in words; no patient's data.

    `codes` are the order's, as `system|code`; the rules are those that speak, as `canonical#rule`.
    """

    effect: Effect
    payer: str
    codes: tuple[str, ...]
    before: str
    after: str
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]


def effects_of(
    before: Sequence[OrderAnswer], after: Sequence[OrderAnswer]
) -> tuple[OrderEffect, ...]:
    """The effect on each order that both answers are about; the other memberships of it too.

    Answers to one call stand in the order of its orders and memberships, whatever the policies.
    """
    preceding = {_key(answer): answer for answer in before}
    following = {_key(answer): answer for answer in after}
    everything = {**preceding, **following}
    return tuple(
        _effect(answer, _determined(preceding.get(key)), _determined(following.get(key)))
        for key, answer in everything.items()
    )


def _determined(answer: OrderAnswer | None) -> tuple[Determination, ...]:
    return answer.determinations if answer else ()


def _key(answer: OrderAnswer) -> tuple[str, str, str]:
    membership = answer.membership
    payer = membership.payer.id if membership.payer else ""
    return str(answer.order.key or ""), str(membership.coverage_key or ""), payer


def _effect(
    answer: OrderAnswer, before: Sequence[Determination], after: Sequence[Determination]
) -> OrderEffect:
    payer = answer.membership.payer
    return OrderEffect(
        effect=compare(before, after),
        payer=payer.id if payer else "",
        codes=tuple(f"{coding.system}|{coding.code}" for coding in answer.order.codings),
        before=in_words(before),
        after=in_words(after),
        rules_before=_rules(before),
        rules_after=_rules(after),
    )


def compare(before: Sequence[Determination], after: Sequence[Determination]) -> Effect:
    """How the determinations for one order compare with those it had before."""
    steps = list(_steps(before, after))
    if any(step < 0 for step in steps):
        return Effect.LOOSER
    if any(step > 0 for step in steps):
        return Effect.STRICTER
    return Effect.SAME if set(before) == set(after) else Effect.REWORDED


def _steps(before: Sequence[Determination], after: Sequence[Determination]) -> Iterable[int]:
    """For each group of billing codes that either has: below 0 looser, above 0 stricter."""
    groups = dict.fromkeys(part.billing_codes for part in (*before, *after))
    for group in groups:
        yield from _step(_of_group(before, group), _of_group(after, group))


def _of_group(
    determinations: Sequence[Determination], group: Sequence[object]
) -> Determination | None:
    """What holds for a group of billing codes: its own determination, or else the strictest."""
    for determination in determinations:
        if determination.billing_codes == group:
            return determination
    return max(determinations, key=strictness, default=None)


def _step(before: Determination | None, after: Determination | None) -> Iterable[int]:
    rank_before = strictness(before) if before else _SILENT
    rank_after = strictness(after) if after else _SILENT
    yield rank_after - rank_before
    if before and after and rank_before == rank_after:
        yield _AUTHORIZATION.index(after.pa_needed) - _AUTHORIZATION.index(before.pa_needed)
        yield -1 if before.doc_needed - after.doc_needed else 0
        yield 1 if after.doc_needed - before.doc_needed else 0


def in_words(determinations: Sequence[Determination]) -> str:
    """The codes of determinations, such as `covered, auth-needed, documents: clinical`."""
    return "; ".join(map(_words, determinations)) or "nothing"


def _words(determination: Determination) -> str:
    words = [determination.covered.value]
    if determination.pa_needed:
        words.append(determination.pa_needed.value)
    if determination.doc_needed:
        words.append(f"documents: {' '.join(sorted(determination.doc_needed))}")
    if determination.info_needed:
        words.append(f"depends on: {' '.join(sorted(determination.info_needed))}")
    return ", ".join(words)


def _rules(determinations: Iterable[Determination]) -> tuple[str, ...]:
    cited = (citation for part in determinations for citation in part.citations)
    return tuple(dict.fromkeys(f"{rule.canonical}#{rule.rule_id}" for rule in cited))
