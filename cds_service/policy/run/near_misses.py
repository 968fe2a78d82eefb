"""Near misses: which policies would address an order that none addresses, and what they lack.

Every rule is asked, the slow and obvious way: this is for a person who wonders, never for a call.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_service.crd.decision.near_miss import NearMiss, Obstacle
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.trace import ConditionKind
from cds_service.crd.request.order import Order
from cds_service.crd.request.order_kinds import kind_of
from cds_service.fhir.coding import Coding, system_name
from cds_service.fhir.resource import follow, text
from cds_service.fhir.truth import Truth
from cds_service.policy.payers import Payers
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Policy, Rule

_MOST_OBSTACLES = 2  # what lacks more is no near miss
_CODE = re.compile(r"[A-Z0-9][A-Z0-9.]{3,}", re.IGNORECASE)

_Obstacles = tuple[tuple[Obstacle, str], ...]
# What may be missing of a rule for every order of its type: that it is for others is no near miss.
_OF_CATCH_ALL = frozenset({Obstacle.PLAN, Obstacle.DATE, Obstacle.HOOK, Obstacle.CONDITION})


def find_near_misses(answer: OrderAnswer, index: PolicyIndex, hook: str) -> tuple[NearMiss, ...]:
    """The policies that come nearest to an order of an answer, the nearest first, each once.

    None if a policy addresses it, or if its coverage is not active, so that none was looked at.
    """
    if answer.from_policy or answer.is_inactive:
        return ()
    search = _Search(answer=answer, payers=index.payers, hook=hook)
    nearest: dict[tuple[str, str], NearMiss] = {}
    for rule in index.rules:
        obstacles = search.obstacles(rule)
        if obstacles is None or not 0 < len(obstacles) <= _MOST_OBSTACLES:
            continue
        found = _near_miss(rule, obstacles)
        known = nearest.setdefault((rule.policy.id, rule.policy.payer_id), found)
        if len(found.obstacles) < len(known.obstacles):
            nearest[rule.policy.id, rule.policy.payer_id] = found
    return tuple(sorted(nearest.values(), key=_distance))


def _distance(miss: NearMiss) -> tuple[int, bool, str]:
    """Few obstacles before many, and policies of the member's own payer before those of others."""
    kinds = [kind for kind, _ in miss.obstacles]
    return len(kinds), Obstacle.PAYER in kinds, miss.policy


def _near_miss(rule: Rule, obstacles: _Obstacles) -> NearMiss:
    citation = rule.citation
    return NearMiss(
        policy=citation.canonical,
        title=f"{citation.audience} policy {citation.number}, {citation.policy_title}",
        obstacles=obstacles,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One answer, held against rules."""

    answer: OrderAnswer
    payers: Payers
    hook: str

    def obstacles(self, rule: Rule) -> _Obstacles | None:
        """What keeps a rule from speaking; None if it is about something else altogether."""
        by_code = self._of_code(rule)
        if by_code is None:
            return None
        found = (*by_code, *self._of_payer(rule.policy), *self._of_order(rule))
        if rule.code_set is None and not all(kind in _OF_CATCH_ALL for kind, _ in found):
            return None
        return (*found, *(() if found else self._of_conditions(rule)))

    def _of_code(self, rule: Rule) -> _Obstacles | None:
        order = self.answer.order
        billed_as = (coding for group in order.billing_options for coding in group)
        if rule.code_set is None or rule.matches((*order.codings, *billed_as)):
            return ()
        for code, where in _other_codes(order):
            if not rule.code_set.takes_whole_systems:
                for system in sorted(rule.code_set.covered):
                    if rule.code_set.holds(Coding(system, code).key):
                        words = (
                            f"{code} is listed in {system_name(system)}; the order has it {where}"
                        )
                        return ((Obstacle.CODE_SYSTEM, words),)
        return None

    def _of_payer(self, policy: Policy) -> Iterator[tuple[Obstacle, str]]:
        """That the policy is another payer's; of the same payer, that it is for other plans."""
        membership = self.answer.membership
        brand = self.payers.get(policy.payer_id).brand
        if membership.payer is None:
            yield Obstacle.PAYER, f"it is {brand}'s; the member's payer is not identified"
        elif membership.payer.id != policy.payer_id:
            yield Obstacle.PAYER, f"it is {brand}'s; the member's payer is {membership.payer.brand}"
        elif policy.governs(membership) is Truth.FALSE:
            lines = " or ".join(line.name for line in policy.lines)
            own = f"plan is {membership.plan.name}" if membership.plan else "Coverage names another"
            yield Obstacle.PLAN, f"it is for members of {lines}; the member's {own}"

    def _of_order(self, rule: Rule) -> Iterator[tuple[Obstacle, str]]:
        policy, days = rule.policy, self.answer.days
        if policy.in_force(days) is Truth.FALSE:
            begins = days.last < policy.start
            words = f"in force from {policy.start}" if begins else f"it ended on {policy.end}"
            yield Obstacle.DATE, f"{words}; the date of service is {days.first}"
        if rule.order_type != self.answer.order.ruled_as:
            words = f"it is for a {rule.order_type}; this is a {self.answer.order.type}"
            yield Obstacle.ORDER_TYPE, words
        if self.hook not in policy.hooks:
            words = f"it answers on {', '.join(sorted(policy.hooks))}; this is {self.hook}"
            yield Obstacle.HOOK, words

    def _of_conditions(self, rule: Rule) -> Iterator[tuple[Obstacle, str]]:
        """The conditions of the rule's own that do not hold, as the answer's trace has them."""
        for trace in self.answer.traces:
            names = trace.citation.canonical, trace.citation.rule_id
            if names == (rule.citation.canonical, rule.citation.rule_id):
                for condition in trace.conditions:
                    if (condition.kind, condition.value) == (
                        ConditionKind.OF_THE_RULE,
                        Truth.FALSE,
                    ):
                        yield Obstacle.CONDITION, f"this does not hold: {condition.description}"


def _other_codes(order: Order) -> Iterator[tuple[str, str]]:
    """Codes that the order has in some system, in none, or in words alone, with where it has them.

    A listed code among them is listed in another system than the order's.
    """
    for coding in order.codings:
        yield coding.code, f"in {system_name(coding.system)}"
    for path in kind_of(order.resource).codes:
        for written in follow(order.resource, (*path, "coding")):
            if text(written.get("code")) and not text(written.get("system")):
                yield text(written.get("code")), "without a system"
    for code in _in_words(order.words):
        yield code, "in words alone"


def _in_words(words: Iterable[str]) -> Iterator[str]:
    """What looks like a code in words: some letters and digits, with a digit among them."""
    for phrase in words:
        for code in _CODE.findall(phrase):
            if any(character.isdigit() for character in code):
                yield code
