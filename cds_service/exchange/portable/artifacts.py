"""The artifacts of the view: for each rule and code a PlanDefinition and a ValueSet."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.crd.decision.combination import without_documentation
from cds_service.crd.response.coverage_information import Assertion, write_parts
from cds_service.exchange.narrative import narrative
from cds_service.exchange.portable.certainty import HOOKS, Certain
from cds_service.exchange.portable.conditions import conditions_of
from cds_service.exchange.portable.identity import id_of, name_of, url_of
from cds_service.fhir.dates import parse_days
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.payers import Payers

_CONTEXTS = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_TYPES = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
# What only run time knows; the server that answers has to add it.
RUN_TIME_PARTS = frozenset({"coverage", "date", "coverage-assertion-id"})
_FROM_THE_RULE = (
    "title",
    "description",
    "textEquivalent",
    "priority",
    "code",
    "documentation",
    "type",
)
_FROM_THE_POLICY = ("experimental", "date", "publisher", "jurisdiction", "copyright")
_USAGE = (
    "Made for servers that apply PlanDefinitions. It says nothing unless every condition holds; "
    "that is never a sign of coverage. Whoever answers with it adds coverage, date and "
    "coverage-assertion-id to the extension, which an author cannot know. The policy itself is the "
    "artifact that this one is derived from; load a new set whole, in the place of the old one."
)


def action_of(
    certain: Certain, systems: Iterable[str], order: str, shown: JsonObject
) -> JsonObject:
    """An action with its input and conditions; `shown` is what else it has.

    `systems` are the code systems in which the payer has rules, `order` names the input.
    """
    return {
        **shown,
        "condition": [
            {"kind": "applicability", "expression": condition._asdict()}
            for condition in conditions_of(certain, systems, f"%{order}")
        ],
        "input": [
            {
                "id": order,
                "type": certain.rule.order_type,
                "codeFilter": [{"path": "code", "valueSet": f"{_value_set_canonical(certain)}"}],
            }
        ],
    }


def coverage_information(certain: Certain) -> JsonObject:
    """CRD's own extension with all that an author can know of it."""
    # The link to the page of our service is not the payer's, and another server has no such page.
    determination = replace(certain.determination, citations=())
    assertion = Assertion(coverage=ResourceKey("Coverage", "none"), day=date.max, id="none")
    inside = write_parts(determination, assertion)
    static = [part for part in inside if part["url"] not in RUN_TIME_PARTS]
    return {"url": COVERAGE_INFORMATION, "extension": static}


def hooks_of(certain: Certain) -> tuple[str, ...]:
    """The hooks on which it answers as we do: early, we ask for no documents (CRD hook-19)."""
    asks_later = without_documentation(certain.determination) != certain.determination
    return tuple(
        hook
        for hook in HOOKS
        if hook in certain.rule.policy.hooks and not (asks_later and hook == "order-select")
    )


def plan_definition(
    certain: Certain,
    action: JsonObject,
    payers: Payers,
    proposals: Sequence[JsonObject],
    systems: Iterable[str],
) -> JsonObject:
    """The PlanDefinition of one rule and one code.

    `action` is the rule's action in its policy, `proposals` are actions below it.
    """
    rule, policy = certain.rule, certain.rule.policy
    title = f"{policy.citation.number}, {rule.citation.rule_title or rule.citation.rule_id}"
    description = f"For the code {certain.coding.code}: {rule.description or title}"
    own = {
        "id": rule.citation.rule_id,
        "extension": [coverage_information(certain)],
        **{name: action[name] for name in _FROM_THE_RULE if name in action},
        "trigger": [{"type": "named-event", "name": hook} for hook in hooks_of(certain)],
    }
    if proposals:
        own["action"] = list(proposals)
    return {
        "resourceType": "PlanDefinition",
        **_head(certain, "PlanDefinition", title, description),
        "type": {"coding": [{"system": _TYPES, "code": "eca-rule"}]},
        "usage": _USAGE,
        "effectivePeriod": _period(certain),
        "useContext": _contexts(certain, payers),
        "relatedArtifact": [
            {"type": "derived-from", "resource": policy.citation.canonical},
            {"type": "depends-on", "resource": _value_set_canonical(certain)},
        ],
        "action": [action_of(certain, systems, "order", own)],
    }


def value_set(certain: Certain) -> JsonObject:
    """The ValueSet of the one code, expanded."""
    canonical, coding = _value_set_canonical(certain), certain.coding
    title = f"The code {coding.code} of {certain.rule.policy.citation.number}"
    made = text(certain.rule.policy.resource.get("date"))[:10]
    day = made if parse_days(made) and len(made) == len("2024-10-08") else "1970-01-01"
    return {
        "resourceType": "ValueSet",
        **_head(certain, "ValueSet", title, f"{title}: what the rule's input is filtered by."),
        "compose": {"include": [{"system": coding.system, "concept": [{"code": coding.code}]}]},
        "expansion": {
            "identifier": f"urn:uuid:{uuid5(NAMESPACE_URL, canonical)}",
            "timestamp": f"{day}T00:00:00Z",
            "total": 1,
            "contains": [{"system": coding.system, "code": coding.code}],
        },
    }


def _head(certain: Certain, kind: str, title: str, description: str) -> JsonObject:
    policy = certain.rule.policy.resource
    stated = {name: policy[name] for name in _FROM_THE_POLICY if name in policy}
    return {
        "id": id_of(certain),
        "text": narrative(title, description, text(policy.get("copyright"))),
        "url": url_of(certain, kind),
        "version": certain.rule.policy.version,
        "name": name_of(certain),
        "title": title,
        "status": "active",
        "description": description,
        **stated,
    }


def _value_set_canonical(certain: Certain) -> str:
    return f"{url_of(certain, 'ValueSet')}|{certain.rule.policy.version}"


def _period(certain: Certain) -> JsonObject:
    first, last = certain.days
    end = {} if last == date.max else {"end": last.isoformat()}
    return {"start": first.isoformat(), **end}


def _contexts(certain: Certain, payers: Payers) -> list[JsonObject]:
    """Payer and code where HL7's br-payer looks for them: `program` and `focus`."""
    payer = payers.get(certain.rule.policy.payer_id)
    program = [
        {"system": identifier.system, "code": identifier.value}
        for identifier in sorted(payer.identifiers)
    ]
    focus = [{"system": certain.coding.system, "code": certain.coding.code}]
    return [
        _context("program", {"coding": program, "text": payer.brand}),
        _context("focus", {"coding": focus}),
    ]


def _context(code: str, concept: JsonObject) -> JsonObject:
    return {"code": {"system": _CONTEXTS, "code": code}, "valueCodeableConcept": concept}
