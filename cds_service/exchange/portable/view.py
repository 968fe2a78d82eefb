"""The portable view of a library, and what of the library it cannot say."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from cds_service.exchange.portable.artifacts import plan_definition, value_set
from cds_service.exchange.portable.certainty import Certain, find_certain, systems_ruled
from cds_service.exchange.portable.order_kinds import PORTABLE_KINDS
from cds_service.exchange.portable.proposals import forms_of, read_proposals
from cds_service.fhir.resource import JsonObject, follow, text
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Rule


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the view does not say: a rule (`policy#rule`) or a part of it; and why, in words."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class PortableView:
    """The resources of the view by type and id, and what is left out."""

    resources: tuple[JsonObject, ...]
    left_out: tuple[LeftOut, ...]


def portable_view(
    library: Library, index: PolicyIndex, chosen: Collection[str] | None = None
) -> PortableView:
    """The policies of a library for servers with clinical reasoning that do not know our extension.

    `index` is compiled from this library, which must be the whole one: what a rule that stays at
    home would refuse, another must not promise. `chosen` are the ids of the PlanDefinitions that
    leave; all of them without it. One PlanDefinition and one ValueSet for each rule and code of
    which the rule is certain; an order for which nothing is certain gets no answer there.
    """
    view = _View(library, index)
    for rule in index.rules:
        if chosen is None or rule.policy.id in chosen:
            view.add(rule)
    return view.made(chosen)


@dataclass(slots=True)
class _View:
    """The view while it is made."""

    library: Library
    index: PolicyIndex
    by_name: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    systems: dict[str, frozenset[str]] = field(default_factory=dict)

    def made(self, chosen: Collection[str] | None) -> PortableView:
        """The whole view."""
        resources = tuple(resource for _, resource in sorted(self.by_name.items()))
        unused = [left for left in _unused(self.library) if chosen is None or left.rule in chosen]
        left_out = dict.fromkeys((*unused, *self.left_out))
        return PortableView(resources, tuple(left_out))

    def add(self, rule: Rule) -> None:
        """Take in what travels of a rule, and note what does not."""
        name = f"{rule.policy.id}#{rule.citation.rule_id}"
        if why := _why_never(rule):
            self.left_out.append(LeftOut(name, why))
            return
        reasons: dict[str, list[str]] = defaultdict(list)
        for coding in rule.codings:
            found = find_certain(self.index, rule, coding)
            if isinstance(found, Certain):
                self._keep(found, name)
            else:
                reasons[found].append(coding.code)
        for why, codes in reasons.items():
            which = name if len(codes) == len(rule.codings) else f"{name} ({', '.join(codes)})"
            self.left_out.append(LeftOut(which, why or "our engine never answers with it alone"))

    def _keep(self, certain: Certain, name: str) -> None:
        payer_id = certain.rule.policy.payer_id
        if payer_id not in self.systems:
            self.systems[payer_id] = systems_ruled(self.index.rules, payer_id)
        systems = self.systems[payer_id]
        action = _action_of(certain.rule)
        proposals = read_proposals(certain, action, self.library, systems)
        policy = plan_definition(certain, action, self.index.payers, proposals.actions, systems)
        made = (
            value_set(certain),
            policy,
            *proposals.definitions,
            *forms_of(certain, self.library),
        )
        for resource in made:
            self.by_name[resource["resourceType"], resource["id"]] = resource
        for proposal, why in proposals.left_out:
            self.left_out.append(LeftOut(f"{name}, proposal {proposal}", why))
        if len(certain.determination.details) < len(certain.rule.details):
            why = "details that depend on the order stay behind"
            self.left_out.append(LeftOut(f"{name}, details", why))


def _why_never(rule: Rule) -> str:
    """Why no order can be found for a rule there; empty if some can."""
    if rule.code_set is None:
        return "it speaks of every order of its type, and a filter needs codes"
    if not rule.code_set.is_listed:
        return "it takes families of codes, and a filter needs each code"
    if rule.order_type not in PORTABLE_KINDS:
        return f"a {rule.order_type} cannot be searched by its code"
    if rule.dependencies:
        return "it names other orders that this one depends on"
    if rule.determination.expiry_date and rule.determination.expiry_date < rule.policy.start:
        return "what it determines expires before its version begins"
    return ""


def _action_of(rule: Rule) -> JsonObject:
    """The rule's action in its policy."""
    actions = follow(rule.policy.resource, ("action", "action"))
    return next(
        (action for action in actions if text(action.get("id")) == rule.citation.rule_id), {}
    )


def _unused(library: Library) -> Iterator[LeftOut]:
    """The PlanDefinitions that are no policy, or not any more."""
    for artifact in library.of_type("PlanDefinition"):
        status = text(artifact.resource.get("status"))
        if status != "active":
            yield LeftOut(text(artifact.resource.get("id")), f"its status is {status}")
