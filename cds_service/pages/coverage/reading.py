"""Reading the rules of an index for the coverage list: whose, about which codes, found by what."""

from collections.abc import Iterator

from cds_service.crd.request.membership import Payer
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import text
from cds_service.pages.coverage.codes import Labels, ListedCode, codes_of, read_labels
from cds_service.pages.coverage.members import MemberReader
from cds_service.pages.coverage.rows import ListedRule
from cds_service.pages.coverage.words import searchable
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Policy, Rule


def read_rules(library: Library, index: PolicyIndex) -> tuple[ListedRule, ...]:
    """Every rule of the index as the list holds it, in one pass."""
    reader = _RuleReader(library)
    payers = {payer.id: payer for payer in index.payers.all}
    return tuple(reader.read(rule, payers[rule.policy.payer_id]) for rule in index.rules)


class _RuleReader:
    """Reads rules; what those of one policy share is read once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._members = MemberReader()
        self._labels: dict[Policy, Labels] = {}
        self._codes: dict[tuple[Policy, int], tuple[ListedCode, ...]] = {}

    def read(self, rule: Rule, payer: Payer) -> ListedRule:
        members = self._members.members_of(rule, payer)
        named = [payer.brand, self._name_of(payer), *(plan.name for plan in members.plans)]
        return ListedRule(
            rule=rule,
            payer=payer,
            members=members,
            codes=self._codes_of(rule),
            words=searchable([*named, *_words(rule)]),
        )

    def _codes_of(self, rule: Rule) -> tuple[ListedCode, ...]:
        # Rules of a policy share its code sets, which are the same objects then.
        shared = rule.policy, id(rule.code_set)
        if shared not in self._codes:
            self._codes[shared] = codes_of(rule, self._labels_of(rule.policy))
        return self._codes[shared]

    def _labels_of(self, policy: Policy) -> Labels:
        if policy not in self._labels:
            self._labels[policy] = read_labels(policy, self._library)
        return self._labels[policy]

    def _name_of(self, payer: Payer) -> str:
        organization = self._library.by_key[ResourceKey("Organization", payer.id)].resource
        return text(organization.get("name"))


def _words(rule: Rule) -> Iterator[str]:
    cited = rule.citation
    yield from (cited.number, cited.policy_title, cited.rule_title, *rule.policy.terms)
