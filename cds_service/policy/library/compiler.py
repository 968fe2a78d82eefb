"""From a library of artifacts to an index of rules; whatever is broken stops here, with its place.

How a PlanDefinition is read: its `useContext` names payers and lines of business (the plans it is
limited to), its outer action the hooks, and each action inside is a rule (see `actions`).
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
from cds_service.policy.language.mentions import words_of
from cds_service.policy.library.actions import RuleReader
from cds_service.policy.library.artifacts import Artifact, Library, taken_as_proved
from cds_service.policy.library.citations import cite_policy
from cds_service.policy.library.faults import Faults
from cds_service.policy.library.organizations import compile_payers
from cds_service.policy.run.index import PolicyIndex, build_index
from cds_service.policy.run.rules import Policy, Rule


def compile_library(library: Library, *, base_url: str) -> PolicyIndex:
    """The index of every active policy in the library; `base_url` is where its pages are.

    Raises:
        ArtifactError: an artifact cannot be used; names its file and the path in it, and those of
            every other policy that cannot be used.
    """
    with taken_as_proved(library):
        compiler = PolicyCompiler(library, base_url)
        return build_index(compiler.payers, compiler.compile())


class PolicyCompiler:
    """Compiles the policies of one library; expressions that rules share are compiled once."""

    def __init__(self, library: Library, base_url: str) -> None:
        self._library = library
        self._base_url = base_url
        self._rules = RuleReader(library)
        self.payers = compile_payers(library)

    def compile(self) -> list[Rule]:
        """Every rule of every active policy, each version ending where the next begins.

        Raises:
            ArtifactError: policies cannot be used; every fault of every one is named.
        """
        sources: list[Artifact] = []
        policies: list[Policy] = []
        rules: list[Rule] = []
        faults = Faults()
        for artifact in self._active():
            with faults.gathered():
                for policy in self._policies(artifact):
                    sources.append(artifact)
                    policies.append(policy)
        with faults.gathered():
            _check_starts(sources, policies)
        for artifact, policy in zip(sources, _ended(policies), strict=True):
            with faults.gathered():
                read = self._rules.read(artifact, policy)
                _check_focus(artifact, read)
                rules.extend(read)
        faults.raise_all()
        return rules

    def _active(self) -> Iterator[Artifact]:
        """A draft or a retired version neither applies nor ends the version in force."""
        for artifact in self._library.of_type("PlanDefinition"):
            if artifact.resource["status"] == "active":
                yield artifact

    def _policies(self, artifact: Artifact) -> Iterator[Policy]:
        """The policy in this artifact, once for each of its payers.

        Two payers may share a document, but each has lines of business, a brand to cite it by and
        successors of its own, so that for one of them a version may end while the other keeps it.
        """
        programs = _contexts(artifact, "program")
        payers = self._payers_of(artifact, programs)
        for payer in payers:
            lines = _lines(artifact, _plan_ids(programs), payer, payers)
            yield _policy(artifact, payer, lines, self._base_url)

    def _payers_of(self, artifact: Artifact, programs: list[JsonObject]) -> list[Payer]:
        """The payers that `program` contexts name, by any identifier that their Organizations have.

        A coding that names no payer of the library is passed over: a document may also have the
        codes that others use for its program. If none names one, the policy is nobody's: an error.
        """
        payers: dict[str, Payer] = {}
        for context in programs:
            for coding in objects(first(context.get("valueCodeableConcept")).get("coding")):
                system, code = text(coding.get("system")), text(coding.get("code"))
                payer = self.payers.find([Identifier(system.rstrip("/"), code)])
                if payer:
                    payers[payer.id] = payer
        if not payers:
            problem = f"no `program` names a payer of the library (as {PAYER_ID}#name does)"
            raise artifact.broken("$.useContext", problem)
        return list(payers.values())


def _policy(artifact: Artifact, payer: Payer, lines: tuple[Plan, ...], base_url: str) -> Policy:
    resource = artifact.resource
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
        citation=cite_policy(artifact, payer, lines, base_url=base_url),
    )


def _plan_ids(programs: list[JsonObject]) -> frozenset[str]:
    """The ids of the InsurancePlans that `program` contexts refer to.

    A reference that cannot be read has the empty id, which no plan has: it must not count as none.
    """
    ids: set[str] = set()
    for context in programs:
        if "valueReference" in context:
            key = parse_reference(text(context["valueReference"].get("reference")))
            ids.add(key.id if key else "")
    return frozenset(ids)


def _lines(
    artifact: Artifact, plan_ids: frozenset[str], payer: Payer, payers: list[Payer]
) -> tuple[Plan, ...]:
    """The payer's lines of business that the policy is limited to; none if it holds for all.

    Of several payers each has some of the plans. One with none of them must be an error: without a
    line of business the policy would hold for all its members.
    """
    if not plan_ids <= {plan.id for named in payers for plan in named.plans}:
        raise artifact.broken(
            "$.useContext", "names an InsurancePlan that no payer of this policy has"
        )
    lines = tuple(plan for plan in payer.plans if plan.id in plan_ids)
    if plan_ids and not lines:
        raise artifact.broken("$.useContext", f"names no InsurancePlan of {payer.id}")
    return lines


def _contexts(artifact: Artifact, code: str) -> list[JsonObject]:
    contexts = objects(artifact.resource.get("useContext"))
    return [context for context in contexts if first(context.get("code")).get("code") == code]


def _effective(artifact: Artifact) -> tuple[date, date]:
    """The first and the last day that the artifact states; `date.max` without an end."""
    period = first(artifact.resource.get("effectivePeriod"))
    start, end = parse_days(period.get("start")), parse_days(period.get("end"))
    if start is None:
        raise artifact.broken("$.effectivePeriod.start", "a policy needs the day it begins")
    if end and end.last < start.first:
        raise artifact.broken("$.effectivePeriod.end", "the end is before the start")
    # In an order `2024-10` is some day of that month; in a policy's period it is all of them.
    return start.first, end.last if end else date.max


def _terms(artifact: Artifact) -> tuple[str, ...]:
    """The texts of `topic`: what an order may say that the policy is about."""
    topics = objects(artifact.resource.get("topic"))
    terms = tuple(text(topic.get("text")) for topic in topics if "text" in topic)
    if not all(words_of(term) for term in terms):
        raise artifact.broken("$.topic", "a topic's text has a word an order could say")
    return terms


def _check_starts(sources: list[Artifact], policies: list[Policy]) -> None:
    """Each day has one version in force: no two of one URL begin together."""
    begun: dict[tuple[str, str, date], Artifact] = {}
    for artifact, policy in zip(sources, policies, strict=True):
        other = begun.setdefault((policy.url, policy.payer_id, policy.start), artifact)
        if other is not artifact:
            raise artifact.broken(
                "$.effectivePeriod.start", f"begins on the same day as {other.path}"
            )


def _ended(policies: list[Policy]) -> list[Policy]:
    """The same policies, each ending the day before the payer's next version of it begins.

    The versions of a policy are the artifacts with its URL (R4 canonical resources); payers seldom
    go back to an old one to state its end. A stated end holds where it is earlier, and then leaves
    days on which no version is in force.
    """
    starts: dict[tuple[str, str], list[date]] = defaultdict(list)
    for policy in policies:
        starts[policy.url, policy.payer_id].append(policy.start)
    ended = []
    for policy in policies:
        last = _day_before_next(policy.start, starts[policy.url, policy.payer_id])
        ended.append(replace(policy, end=last) if last < policy.end else policy)
    return ended


def _day_before_next(start: date, starts: list[date]) -> date:
    later = [other for other in starts if other > start]
    return min(later) - timedelta(days=1) if later else date.max


def _hooks(artifact: Artifact) -> frozenset[str]:
    """The hooks that the outer actions are triggered by."""
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
    """The codes of `focus` contexts, where other servers look, are those the rules filter on."""
    focus = {
        coding.key
        for context in _contexts(artifact, "focus")
        for coding in read_codings(context.get("valueCodeableConcept"))
    }
    filtered = {key for rule in rules for key in rule.by_key}
    if focus and focus != filtered:
        code = min(focus ^ filtered).code
        raise artifact.broken(
            "$.useContext", f"focus and the rules' filters differ, for one in {code}"
        )
