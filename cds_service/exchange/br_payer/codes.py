"""The codes that foreign rules are for: `focus` contexts, and the filters of the rules' own inputs.

There a policy is found by its focus, whatever the kind of order; a filter can only narrow it. Here
the filter is what counts, and `focus` lists the same codes again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.exchange.br_payer.actions import SourceAction
from cds_service.exchange.br_payer.program import contexts_of
from cds_service.exchange.br_payer.understanding import Understanding
from cds_service.fhir.coding import Coding, CodingKey, read_codings
from cds_service.fhir.resource import JsonObject, first, follow, objects, resource_type, text

_ANY_KIND = tuple(name for name, kind in ORDER_KINDS.items() if not kind.ruled_as)
# What an input of an order may consist of; all else would narrow it (`mustSupport` does not).
_OF_AN_ORDER = frozenset(("id", "type", "codeFilter", "mustSupport"))
_CODE_PATHS = frozenset(("code", "medication", "medicationCodeableConcept", "codeCodeableConcept"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The orders that a rule is for: of these kinds, with one of these codes."""

    kinds: tuple[str, ...]
    codings: tuple[Coding, ...]


def read_focus(plan: JsonObject, read: Understanding) -> tuple[Coding, ...]:
    """The codes of the `focus` contexts, each once; none if there are no such contexts."""
    found: dict[CodingKey, Coding] = {}
    for context in contexts_of(plan, "focus"):
        codings = read_codings(context.get("valueCodeableConcept"))
        if not codings:
            read.miss("a `focus` context lists no code with its system")
        for coding in codings:
            found.setdefault(coding.key, Coding(coding.system, coding.code))
    return tuple(found.values())


def read_target(
    rule: SourceAction,
    plan: JsonObject,
    value_sets: Mapping[str, Sequence[JsonObject]],
    read: Understanding,
) -> Target:
    """The orders that a rule is for; notes what of that is not understood.

    `value_sets` are those at hand by their urls, with and without version.
    """
    focus = read_focus(plan, read)
    orders = [item for item in rule.inputs if text(item.get("type")) in ORDER_KINDS]
    _check_orders(orders, rule.id, read)
    kinds = tuple(dict.fromkeys(text(item["type"]) for item in orders))
    codings = focus
    filters = [item for order in orders for item in objects(order.get("codeFilter"))]
    if len(orders) > 1 or len(filters) > 1:
        read.miss("it has several inputs or filters for its order", rule.id)
    elif filters:
        filtered = _filtered(filters[0], value_sets, rule.id, read)
        codings = _both(focus, filtered) if focus else filtered
    if not codings:
        read.miss("no code is left that it is for, in `focus` and its filter together", rule.id)
    return Target(kinds=kinds or _kinds_of(plan, read), codings=codings)


def by_url(artifacts: Iterable[JsonObject]) -> dict[str, list[JsonObject]]:
    """ValueSets by `url` and by `url|version`."""
    found: dict[str, list[JsonObject]] = {}
    for artifact in artifacts:
        if resource_type(artifact) == "ValueSet" and (url := text(artifact.get("url"))):
            found.setdefault(url, []).append(artifact)
            found.setdefault(f"{url}|{text(artifact.get('version'))}", []).append(artifact)
    return found


def _check_orders(orders: Iterable[JsonObject], rule: str, read: Understanding) -> None:
    """Note what of them is not understood; passed over, it would widen what the rule is about."""
    for order in orders:
        if (kind := text(order["type"])) not in _ANY_KIND:
            read.miss(f"one of its inputs is {kind}, for which no rule can be", rule)
        for member in sorted(set(order) - _OF_AN_ORDER):
            read.miss(f"the `{member}` of its order's input is not understood here", rule)


def _kinds_of(plan: JsonObject, read: Understanding) -> tuple[str, ...]:
    """The kinds of order that `task` contexts name; every kind if there are none."""
    kinds: list[str] = []
    for context in contexts_of(plan, "task"):
        concept = first(context.get("valueCodeableConcept"))
        named = [text(coding.get("code")) for coding in objects(concept.get("coding"))]
        known = [kind for kind in (*named, text(concept.get("text"))) if kind in _ANY_KIND]
        kinds += known
        if not known:
            read.miss("a `task` context names no kind of order")
    return tuple(dict.fromkeys(kinds)) or _ANY_KIND


def _filtered(
    code_filter: JsonObject,
    value_sets: Mapping[str, Sequence[JsonObject]],
    rule: str,
    read: Understanding,
) -> tuple[Coding, ...]:
    """The codes that a filter lets through."""
    unread = set(code_filter) - {"path", "valueSet", "code", "id"}
    if unread or text(code_filter.get("path")) not in _CODE_PATHS:
        read.miss("the filter of its order is not on the order's code alone", rule)
    codings = list(read_codings({"coding": code_filter.get("code", [])}))
    if canonical := text(code_filter.get("valueSet")):
        found = value_sets.get(canonical, ())
        listed = _listed(found[0]) if len(found) == 1 else None
        if listed is None:
            read.miss(f"`{canonical}` does not lead to one ValueSet that lists its codes", rule)
        codings += listed or ()
    return tuple({coding.key: Coding(coding.system, coding.code) for coding in codings}.values())


def _listed(value_set: JsonObject) -> list[Coding] | None:
    """The codes of a ValueSet that is a plain list of them; None if it is not."""
    compose = first(value_set.get("compose"))
    includes = objects(compose.get("include"))
    is_plain = includes and not compose.get("exclude")
    if not is_plain or any(set(item) - {"system", "version", "concept"} for item in includes):
        return None
    if not all("concept" in item and text(item.get("system")) for item in includes):
        return None
    return [
        Coding(text(item["system"]), text(concept.get("code")))
        for item in includes
        for concept in follow(item, ("concept",))
    ]


def _both(focus: Sequence[Coding], filtered: Sequence[Coding]) -> tuple[Coding, ...]:
    keys = {coding.key for coding in focus}
    return tuple(coding for coding in filtered if coding.key in keys)
