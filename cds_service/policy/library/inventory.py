"""The inventory of a library: which of its policies are in force, and where the others stand.

A policy that does not answer must not vanish without a word: one that was left a draft, or begins
next year, is counted as what it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Policy


class Standing(StrEnum):
    """Where a policy stands on one day: an active one by its days, any other by its `status`."""

    IN_FORCE = "in force"
    NOT_YET_IN_FORCE = "not yet in force"
    PAST = "past"
    DRAFT = "draft"
    RETIRED = "retired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every PlanDefinition of a library by its id, with its standing; versions count singly."""

    standings: Mapping[str, Standing]

    def count(self, standing: Standing) -> int:
        """How many policies stand so."""
        return sum(standing is other for other in self.standings.values())

    def __str__(self) -> str:
        """One line, such as `2 policies in force, 1 not yet in force, 1 draft`."""
        counts = Counter(self.standings.values())
        in_force = counts.pop(Standing.IN_FORCE, 0)
        policies = "policy" if in_force == 1 else "policies"
        others = [f"{counts[standing]} {standing}" for standing in Standing if counts[standing]]
        return ", ".join([f"{in_force or 'no'} {policies} in force", *others])


def take_inventory(library: Library, index: PolicyIndex, today: date) -> Inventory:
    """Where every policy of the library stands today; `index` is the one compiled from it."""
    compiled: dict[str, list[Policy]] = defaultdict(list)
    for policy in index.policies:
        compiled[policy.id].append(policy)
    standings: dict[str, Standing] = {}
    for artifact in library.of_type("PlanDefinition"):
        policy_id, status = artifact.resource["id"], artifact.resource["status"]
        if status == "active":
            standings[policy_id] = _standing(compiled[policy_id], today)
        else:
            standings[policy_id] = Standing(status)
    return Inventory(standings)


def _standing(policies: Iterable[Policy], today: date) -> Standing:
    """Where an active policy stands: in force if it is for any of its payers (one each)."""
    begun = [policy for policy in policies if policy.start <= today]
    if not begun:
        return Standing.NOT_YET_IN_FORCE
    # Its end is the one it states, or the day before its successor begins (see `compiler`).
    in_force = any(today <= policy.end for policy in begun)
    return Standing.IN_FORCE if in_force else Standing.PAST
