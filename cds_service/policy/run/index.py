"""The index: from a payer and a coding to the rules that list it.

Built once, never changed, swapped whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cds_service.crd.codes import Topic
from cds_service.crd.request.configuration import ALWAYS_EMITTED
from cds_service.fhir.coding import Coding, CodingKey
from cds_service.policy.language.mentions import Phrases, find_mentions, read_phrases, words_of
from cds_service.policy.payers import Payers
from cds_service.policy.run.inputs import prefetch_of
from cds_service.policy.run.rules import Policy, Rule

K = TypeVar("K")
V = TypeVar("V")

# The rules that an order may meet, each with the order's codings that it lists.
Candidates = dict[Rule, tuple[Coding, ...]]


@dataclass(frozen=True, slots=True)
class PolicyIndex:
    """Every policy hosted here, and two doors to its rules: the fast one and the obvious one."""

    payers: Payers
    policies: tuple[Policy, ...]
    rules: tuple[Rule, ...]
    topics: frozenset[Topic]  # of all response types that the policies can emit
    _readers: tuple[Rule, ...]
    _by_coding: Mapping[tuple[str, CodingKey], tuple[Rule, ...]]
    _by_system: Mapping[tuple[str, str], tuple[Rule, ...]]
    _catch_all: Mapping[str, tuple[Rule, ...]]
    _by_first_word: Mapping[tuple[str, str], tuple[Policy, ...]]
    _terms: Mapping[str, Phrases]

    def candidates(
        self, payer_id: str, order_type: str, codings: Sequence[Coding], hook: str
    ) -> Candidates:
        """The payer's rules for this type of order whose filter one of these codings meets."""
        matched: dict[Rule, list[Coding]] = {}
        for coding in codings:
            for rule in self._by_coding.get((payer_id, coding.key), ()):
                matched.setdefault(rule, []).append(coding)
            for rule in self._by_system.get((payer_id, coding.key.system), ()):
                if rule.matches((coding,)):
                    matched.setdefault(rule, []).append(coding)
        for rule in self._catch_all.get(payer_id, ()):
            matched[rule] = []
        return {
            rule: tuple(found)
            for rule, found in matched.items()
            if rule.is_for(payer_id, order_type, hook)
        }

    def ask_every_rule(
        self, payer_id: str, order_type: str, codings: Sequence[Coding], hook: str
    ) -> Candidates:
        """The same rules the slow way, without the index; tests hold the two against each other."""
        found: Candidates = {}
        for rule in self.rules:
            if rule.is_for(payer_id, order_type, hook):
                matched = rule.matches(codings)
                if matched or rule.code_set is None:
                    found[rule] = matched
        return found

    @property
    def reads_chart(self) -> bool:
        """Whether any rule may need more than a call is about."""
        return bool(self._readers)

    def history_prefetch(self, hook: str) -> tuple[tuple[str, str], ...]:
        """What discovery asks for on one hook besides: what rules read of the patient's history."""
        rules = (rule for rule in self._readers if hook in rule.policy.hooks)
        return prefetch_of(wanted for rule in rules for wanted in rule.inputs)

    def mentioned(self, payer_id: str, words: Sequence[str]) -> list[tuple[Policy, str]]:
        """The payer's policies one of whose index terms these words say, with the term.

        A hint, never a decision.
        """
        starts = {word for text in words for word in words_of(text)}
        nearby = {
            policy.id: policy
            for word in starts
            for policy in self._by_first_word.get((payer_id, word), ())
        }
        mentioned: list[tuple[Policy, str]] = []
        for _, policy in sorted(nearby.items()):
            if terms := find_mentions(words, self._terms[policy.id]):
                mentioned.append((policy, terms[0]))
        return mentioned


def build_index(payers: Payers, rules: Iterable[Rule]) -> PolicyIndex:
    """The index over compiled rules."""
    everything = tuple(rules)
    policies = {(rule.policy.id, rule.policy.payer_id): rule.policy for rule in everything}
    terms = {policy.id: read_phrases(policy.terms) for policy in policies.values()}
    return PolicyIndex(
        payers,
        tuple(policies[name] for name in sorted(policies)),
        everything,
        ALWAYS_EMITTED.union(*(rule.topics for rule in everything)),
        tuple(rule for rule in everything if rule.reads_chart),
        _group(((rule.policy.payer_id, key), rule) for rule in everything for key in rule.by_key),
        _group(
            ((rule.policy.payer_id, system), rule)
            for rule in everything
            for system in rule.families_in
        ),
        _group((rule.policy.payer_id, rule) for rule in everything if rule.code_set is None),
        _group(
            ((policy.payer_id, word), policy)
            for policy in policies.values()
            for word, *_ in terms[policy.id].words
        ),
        terms,
    )


def _group(pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    grouped: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        grouped[key].append(value)
    return {key: tuple(values) for key, values in grouped.items()}
