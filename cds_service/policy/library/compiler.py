"""From a library of artifacts to an index of rules; whatever is broken stops here, with its file and path.

How a PlanDefinition is read: its `useContext` names payer and line of business, its parent action the hooks, each child
action is a rule (`rules`).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from cds_service.crd.codes import PAYER_ID
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.membership import Identifier, Payer, Plan
from cds_service.fhir.coding import read_codings
from cds_service.fhir.dates import parse_days
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, follow, objects, text
from cds_service.policy.library.actions import RuleReader
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.citations import cite_policy
from cds_service.policy.library.organizations import compile_payers
from cds_service.policy.run.index import PolicyIndex, build_index
from cds_service.policy.run.mentions import words_of
from cds_service.policy.run.rules import Policy, Rule


def compile_library(library: Library, *, base_url: str) -> PolicyIndex:
    """The index of every active policy in the library; `base_url` is where its pages are.

    Raises:
        ArtifactError: an artifact cannot be used; names its file and the path in it.
    """
    compiler = PolicyCompiler(library, base_url)
    return build_index(compiler.payers, compiler.compile())


class PolicyCompiler:
    """Compiles the policies of one library; expressions and ValueSets they share are compiled once."""

    def __init__(self, library: Library, base_url: str) -> None:
        self._library = library
        self._base_url = base_url
        self._rules = RuleReader(library)
        self.payers = compile_payers(library)

    def compile(self) -> Iterator[Rule]:
        """Every rule of every active policy, each version ending where the next begins."""
        active = [
            one
            for one in self._library.of_type("PlanDefinition")
            if one.resource["status"] == "active"
        ]
        hosted = [(artifact, payer) for artifact in active for payer in self._payers_of(artifact)]
        policies = [self._policy(artifact, payer) for artifact, payer in hosted]
        artifacts = [artifact for artifact, _ in hosted]
        _check_starts(artifacts, policies)
        for artifact, policy in zip(artifacts, _ended(policies), strict=True):
            rules = self._rules.read(artifact, policy)
            _check_focus(artifact, rules)
            yield from rules

    def _policy(self, artifact: Artifact, payer: Payer) -> Policy:
        resource = artifact.resource
        lines = self._lines(artifact, payer)
        start, end = _effective(artifact)
        return Policy(
            id=text(resource["id"]),
            url=artifact.needed("url"),
            version=artifact.needed("version"),
            payer_id=payer.id,
            lines=lines,
            start=start,
            end=end,
            hooks=_hooks(artifact),
            terms=_terms(artifact),
            resource=resource,
            citation=cite_policy(artifact, payer, lines, base_url=self._base_url),
        )

    def _payers_of(self, artifact: Artifact) -> list[Payer]:
        programs = [one for one in _contexts(artifact, "program") if "valueCodeableConcept" in one]
        codings = [
            coding
            for one in programs
            for coding in objects(one["valueCodeableConcept"].get("coding"))
        ]
        named = [
            Identifier(text(one.get("system")).rstrip("/"), text(one.get("code")))
            for one in codings
        ]
        payers = {payer.id: payer for one in named if (payer := self.payers.find([one]))}
        if not payers:
            problem = (
                f"no `program` names a payer of the library (a coding such as {PAYER_ID}#name)"
            )
            raise artifact.broken("$.useContext", problem)
        return list(payers.values())

    def _lines(self, artifact: Artifact, payer: Payer) -> tuple[Plan, ...]:
        references = [
            one["valueReference"]
            for one in _contexts(artifact, "program")
            if "valueReference" in one
        ]
        keys = [parse_reference(text(reference.get("reference"))) for reference in references]
        known = {plan.id for one in self._payers_of(artifact) for plan in one.plans}
        if not all(key and key.id in known for key in keys):
            raise artifact.broken(
                "$.useContext", "names an InsurancePlan that no payer of this policy has"
            )
        lines = tuple(
            plan for plan in payer.plans if any(key and key.id == plan.id for key in keys)
        )
        if references and not lines:
            raise artifact.broken("$.useContext", f"names no InsurancePlan of {payer.id}")
        return lines


def _contexts(artifact: Artifact, code: str) -> list[JsonObject]:
    contexts = objects(artifact.resource.get("useContext"))
    return [context for context in contexts if first(context.get("code")).get("code") == code]


def _effective(artifact: Artifact) -> tuple[date, date]:
    period = first(artifact.resource.get("effectivePeriod"))
    start, end = parse_days(period.get("start")), parse_days(period.get("end"))
    if start is None:
        raise artifact.broken("$.effectivePeriod.start", "a policy needs the day it begins")
    if end and end.last < start.first:
        raise artifact.broken("$.effectivePeriod.end", "the end is before the start")
    return start.first, end.last if end else date.max


def _terms(artifact: Artifact) -> tuple[str, ...]:
    terms = [
        text(topic.get("text"))
        for topic in objects(artifact.resource.get("topic"))
        if "text" in topic
    ]
    if not all(map(words_of, terms)):
        raise artifact.broken("$.topic", "a topic's text has a word an order could say")
    return tuple(terms)


def _check_starts(artifacts: list[Artifact], policies: list[Policy]) -> None:
    """Each day has one version in force: no two of one URL begin together."""
    begun: dict[tuple[str, str, date], Artifact] = {}
    for artifact, policy in zip(artifacts, policies, strict=True):
        other = begun.setdefault((policy.url, policy.payer_id, policy.start), artifact)
        if other is not artifact:
            raise artifact.broken(
                "$.effectivePeriod.start", f"begins on the same day as {other.path}"
            )


def _ended(policies: list[Policy]) -> list[Policy]:
    """The same policies, each version ending the day before the next version of the same URL begins."""
    starts: dict[tuple[str, str], list[date]] = defaultdict(list)
    for policy in policies:
        starts[policy.url, policy.payer_id].append(policy.start)
    ends = [_day_before_next(one.start, starts[one.url, one.payer_id]) for one in policies]
    return [replace(one, end=min(one.end, end)) for one, end in zip(policies, ends, strict=True)]


def _day_before_next(start: date, starts: list[date]) -> date:
    later = [other for other in starts if other > start]
    return min(later) - timedelta(days=1) if later else date.max


def _hooks(artifact: Artifact) -> frozenset[str]:
    triggers = follow(artifact.resource, ("action", "trigger"))
    for trigger in triggers:
        if set(trigger) != {"type", "name"} or trigger["type"] != "named-event":
            # R4 TriggerDefinition: a named event is fully pre-coordinated.
            raise artifact.broken(
                "$.action.trigger", "a trigger is a named-event and has only a name"
            )
        if trigger["name"] not in HOOKS:
            raise artifact.broken(
                "$.action.trigger", f"`{trigger['name']}` is no hook of {', '.join(HOOKS)}"
            )
    if not triggers:
        raise artifact.broken("$.action.trigger", "a policy names the hooks it answers")
    return frozenset(trigger["name"] for trigger in triggers)


def _check_focus(artifact: Artifact, rules: list[Rule]) -> None:
    """The codes in `useContext` focus, where other servers look for them, are those the rules filter on."""
    contexts = _contexts(artifact, "focus")
    focus = {
        coding.key for one in contexts for coding in read_codings(one.get("valueCodeableConcept"))
    }
    filtered = {key for rule in rules for key in rule.by_key}
    if focus and focus != filtered:
        code = min(focus ^ filtered).code
        raise artifact.broken(
            "$.useContext", f"focus and the rules' filters differ, for one in {code}"
        )
