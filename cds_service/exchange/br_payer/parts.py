"""A foreign rule, written as ours: what it determines, when, and for which orders."""

from collections.abc import Iterable, Iterator, Sequence

from cds_service.crd.codes import CARD_TYPES, COVERAGE_DETERMINATION, Topic
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.exchange.br_payer.actions import FHIRPATH, SourceAction
from cds_service.exchange.br_payer.codes import Target
from cds_service.exchange.br_payer.understanding import Understanding
from cds_service.fhir.coding import Coding, read_coding
from cds_service.fhir.extension import parts, value_of
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.determination_parts import read_parts

# Parts that only a call can fill; a policy that states them shows an example.
_OF_A_CALL = ("coverage", "date", "coverage-assertion-id")
_ALWAYS = "%order.exists()"
_KEPT = ("title", "description", "textEquivalent", "documentation")


def read_determined(
    rule: SourceAction, codings: Sequence[Coding], read: Understanding
) -> JsonObject:
    """What a rule determines, as our extension; notes what of it is not understood.

    A `billingCode` that is not for all codes of the rule would narrow it, and is not understood.
    """
    named = parts(rule.stated)
    billed = {read_coding(first(value_of(part)[1])).key for part in named.get("billingCode", ())}
    if billed and not {coding.key for coding in codings} <= billed:
        read.miss("its `billingCode` is not for all codes of the rule", rule.id)
    dropped = (*_OF_A_CALL, "billingCode")
    kept = [
        part for part in objects(rule.stated.get("extension")) if part.get("url") not in dropped
    ]
    extension: JsonObject = {"url": COVERAGE_DETERMINATION, "extension": kept}
    if rule.stated:
        try:
            read_parts(extension)
        except ValueError as error:
            read.miss(f"coverage-information: {error}", rule.id)
    return extension


def other_inputs(rules: Iterable[SourceAction]) -> list[JsonObject]:
    """What the rules read besides their orders, each once: it stands above all of them."""
    found: list[JsonObject] = []
    for rule in rules:
        others = [item for item in rule.inputs if text(item.get("type")) not in ORDER_KINDS]
        found += [item for item in others if item not in found]
    return found


def write_rules(
    rule: SourceAction, determined: JsonObject, target: Target, value_set: str, title: str
) -> Iterator[JsonObject]:
    """The rule as ours, once for each kind of order; `value_set` is the canonical of its codes.

    `title` is that of its policy, for a rule that has none.
    """
    for kind in target.kinds:
        suffix = f"-{kind.lower()}" if len(target.kinds) > 1 else ""
        kept = {name: rule.json[name] for name in _KEPT if name in rule.json}
        yield {
            "id": f"{rule.id}{suffix}",
            "extension": [determined],
            "title": title,
            **kept,
            "code": [{"coding": [{"system": CARD_TYPES, "code": Topic.COVERAGE_INFO}]}],
            "condition": list(_conditions(rule)),
            "input": [{"type": kind, "codeFilter": [{"path": "code", "valueSet": value_set}]}],
        }


def _conditions(rule: SourceAction) -> Iterator[JsonObject]:
    """Its conditions; where it has none, that there is such an order: no rule is without one."""
    sources = [first(condition.get("expression")) for condition in rule.conditions]
    for source in sources or [{"expression": _ALWAYS}]:
        described = {"description": source["description"]} if "description" in source else {}
        yield {
            "kind": "applicability",
            "expression": {
                **described,
                "language": FHIRPATH,
                "expression": text(source.get("expression")),
            },
        }
