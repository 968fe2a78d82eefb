"""The list of hosted policies: read once from the index, it never changes.

Each entry holds what its line of the list and its own page need, so that neither looks through
all policies or all rules.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from cds_service.crd.request.membership import Payer
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import text
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Policy, Rule

T = TypeVar("T")


class Standing(StrEnum):
    """Where a policy version stands on one day."""

    NOT_YET = "not yet in force"
    IN_FORCE = "in force"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPolicy:
    """One policy version as one payer hosts it, with its rules and all versions of its URL.

    `code_count` counts the codings that its rules list, each once.
    """

    policy: Policy
    payer: Payer
    payer_name: str
    rules: tuple[Rule, ...]
    versions: tuple[Policy, ...]
    code_count: int

    @property
    def other_versions(self) -> tuple[Policy, ...]:
        return tuple(version for version in self.versions if version.id != self.policy.id)

    @property
    def last_day(self) -> date | None:
        """The last day in force, or None where no end is stated and no next version begins."""
        return None if self.policy.end == date.max else self.policy.end

    def standing_on(self, day: date) -> Standing:
        """Whether the version governs on this day, or will, or did."""
        if day < self.policy.start:
            return Standing.NOT_YET
        return Standing.IN_FORCE if day <= self.policy.end else Standing.ENDED


@dataclass(frozen=True, slots=True)
class PolicyList:
    """Every hosted policy, by payer, number and first day; and each by its id."""

    policies: tuple[ListedPolicy, ...]
    _by_id: Mapping[str, ListedPolicy]

    def find(self, policy_id: str) -> ListedPolicy | None:
        """The policy version of this id; where several payers host it, the first payer's."""
        return self._by_id.get(policy_id)


def list_policies(library: Library, index: PolicyIndex) -> PolicyList:
    """The list of all policies of the index, in one pass over policies and rules."""
    payers = {payer.id: payer for payer in index.payers.all}
    names = {payer.id: _name_of(payer, library) for payer in index.payers.all}
    rules = _group(index.rules, lambda rule: _hosted_key(rule.policy))
    versions = _group(index.policies, _version_key)
    listed = [
        ListedPolicy(
            policy=policy,
            payer=payers[policy.payer_id],
            payer_name=names[policy.payer_id],
            rules=rules[_hosted_key(policy)],
            versions=versions[_version_key(policy)],
            code_count=_count_codes(rules[_hosted_key(policy)]),
        )
        for policy in index.policies
    ]
    by_id = {entry.policy.id: entry for entry in reversed(listed)}
    return PolicyList(tuple(sorted(listed, key=_place)), by_id)


def _count_codes(rules: Iterable[Rule]) -> int:
    return len({key for rule in rules for key in rule.by_key})


def _hosted_key(policy: Policy) -> tuple[str, str]:
    """A policy version of one payer: payers may share one."""
    return policy.id, policy.payer_id


def _version_key(policy: Policy) -> tuple[str, str]:
    """What the versions of one policy have in common: each ends where its payer's next begins."""
    return policy.url, policy.payer_id


def _place(listed: ListedPolicy) -> tuple[str, str, date, str]:
    policy = listed.policy
    return listed.payer.brand, policy.citation.number, policy.start, policy.id


def _name_of(payer: Payer, library: Library) -> str:
    return text(library.by_key[ResourceKey("Organization", payer.id)].resource.get("name"))


def _group(
    items: Iterable[T], key_of: Callable[[T], tuple[str, str]]
) -> dict[tuple[str, str], tuple[T, ...]]:
    grouped: dict[tuple[str, str], list[T]] = defaultdict(list)
    for item in items:
        grouped[key_of(item)].append(item)
    return {key: tuple(values) for key, values in grouped.items()}
