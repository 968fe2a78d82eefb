"""From a library of artifacts to an index of rules; whatever is broken stops here, with its file and path.

How a PlanDefinition is read: its `useContext` names payer and line of business, its parent action the hooks, each child
action is a rule (`rules`).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from cds_service.crd.codes import PAYER_ID
from cds_service.crd.membership import Identifier, Payer, Plan
from cds_service.fhir.coding import read_codings
from cds_service.fhir.dates import parse_days
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, follow, objects, text
from cds_service.policy.artifacts import Artifact, Library
from cds_service.policy.citations import cite_policy
from cds_service.policy.index import PolicyIndex, build_index
from cds_service.policy.payers import compile_payers
from cds_service.policy.policy import Policy, Rule
from cds_service.policy.rules import RuleReader


def compile_library(library: Library) -> PolicyIndex:
    """The index of every active policy in the library.

    Raises:
        ArtifactError: an artifact cannot be used; names its file and the path in it.
    """
    compiler = PolicyCompiler(library)
    return build_index(compiler.payers, compiler.compile())


class PolicyCompiler:
    """Compiles the policies of one library; expressions and ValueSets they share are compiled once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._rules = RuleReader(library)
        self.payers = compile_payers(library)

    def compile(self) -> Iterator[Rule]:
        """Every rule of every active policy, each version ending where the next begins."""
        active = [one for one in self._library.of_type("PlanDefinition") if one.resource["status"] == "active"]
        policies = [self._policy(artifact) for artifact in active]
        for artifact, policy in zip(active, _ended(policies), strict=True):
            rules = self._rules.read(artifact, policy)
            _check_focus(artifact, rules)
            yield from rules

    def _policy(self, artifact: Artifact) -> Policy:
        resource = artifact.resource
        payer = self._payer_of(artifact)
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
            terms=tuple(text(topic.get("text")) for topic in objects(resource.get("topic"))),
            resource=resource,
            citation=cite_policy(artifact, payer, lines),
        )

    def _payer_of(self, artifact: Artifact) -> Payer:
        programs = [one for one in _contexts(artifact, "program") if "valueCodeableConcept" in one]
        codings = [coding for one in programs for coding in objects(one["valueCodeableConcept"].get("coding"))]
        named = [Identifier(text(one.get("system")).rstrip("/"), text(one.get("code"))) for one in codings]
        payer = self.payers.find(named)
        if payer is None:
            problem = f"no `program` names a payer of the library (a coding such as {PAYER_ID}#name)"
            raise artifact.broken("$.useContext", problem)
        return payer

    def _lines(self, artifact: Artifact, payer: Payer) -> tuple[Plan, ...]:
        references = [one["valueReference"] for one in _contexts(artifact, "program") if "valueReference" in one]
        keys = [parse_reference(text(reference.get("reference"))) for reference in references]
        lines = tuple(plan for plan in payer.plans if any(key and key.id == plan.id for key in keys))
        if len(lines) != len(references):
            raise artifact.broken("$.useContext", f"names an InsurancePlan that {payer.id} does not have")
        return lines


def _contexts(artifact: Artifact, code: str) -> list[JsonObject]:
    contexts = objects(artifact.resource.get("useContext"))
    return [context for context in contexts if first(context.get("code")).get("code") == code]


def _effective(artifact: Artifact) -> tuple[date, date]:
    period = first(artifact.resource.get("effectivePeriod"))
    start, end = parse_days(period.get("start")), parse_days(period.get("end"))
    if start is None:
        raise artifact.broken("$.effectivePeriod.start", "a policy needs the day it begins")
    return start.first, end.last if end else date.max


def _ended(policies: list[Policy]) -> list[Policy]:
    """The same policies, each version ending the day before the next version of the same URL begins."""
    starts: dict[str, list[date]] = defaultdict(list)
    for policy in policies:
        starts[policy.url].append(policy.start)
    return [replace(one, end=min(one.end, _day_before_next(one.start, starts[one.url]))) for one in policies]


def _day_before_next(start: date, starts: list[date]) -> date:
    later = [other for other in starts if other > start]
    return min(later) - timedelta(days=1) if later else date.max


def _hooks(artifact: Artifact) -> frozenset[str]:
    triggers = follow(artifact.resource, ("action", "trigger"))
    for trigger in triggers:
        if set(trigger) != {"type", "name"} or trigger["type"] != "named-event":
            # R4 TriggerDefinition: a named event is fully pre-coordinated.
            raise artifact.broken("$.action.trigger", "a trigger is a named-event and has only a name")
    if not triggers:
        raise artifact.broken("$.action.trigger", "a policy names the hooks it answers")
    return frozenset(trigger["name"] for trigger in triggers)


def _check_focus(artifact: Artifact, rules: list[Rule]) -> None:
    """The codes in `useContext` focus, where other servers look for them, are those the rules filter on."""
    contexts = _contexts(artifact, "focus")
    focus = {coding.key for one in contexts for coding in read_codings(one.get("valueCodeableConcept"))}
    filtered = {key for rule in rules for key in rule.keys}
    if focus and focus != filtered:
        code = min(focus ^ filtered).code
        raise artifact.broken("$.useContext", f"focus and the rules' filters differ, for one in {code}")
