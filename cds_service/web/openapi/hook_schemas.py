"""Schemas of CDS Hooks: what calls are checked against, and what is answered."""

from collections.abc import Mapping

from cds_service.cds_hooks.response import SUMMARY_LIMIT, ActionType, Indicator, LinkType, Selection
from cds_service.cds_hooks.schema import Schema
from cds_service.crd.request.hooks import HOOKS
from cds_service.fhir.resource import Json, JsonObject
from cds_service.web.openapi.parts import listing, record, ref, words

_EMPTY: list[Json] = [None, "", {}]  # CDS Hooks forbids them, clients send them
_OWN_NAMES = ("$schema", "$id", "$defs")  # a part of the document needs none of its own


def hook_schemas() -> dict[str, JsonObject]:
    """By name, the schemas of requests, a hook each, of feedback, and of what is answered."""
    requests = {
        request_name(hook): _request(_part(Schema("hook-request", "", context_of=hook).schema))
        for hook in HOOKS
    }
    return {**requests, **_feedback(), **_ANSWERED}


def request_name(hook: str) -> str:
    """What the schema of a hook's requests is called: `OrderSignRequest`."""
    return f"{hook.title().replace('-', '')}Request"


def _request(schema: JsonObject) -> JsonObject:
    """A schema of requests that tells of empty members too, which are taken as absent."""
    envelope = {**schema}
    for members in envelope.pop("dependentRequired"):
        needed = schema["dependentRequired"][members]
        envelope |= {
            "if": {
                "properties": {members: {"type": "object", "minProperties": 1}},
                "required": [members],
            },
            "then": {
                "properties": {name: schema["properties"][name] for name in needed},
                "required": needed,
            },
        }
    envelope["properties"] = {
        name: part if name in schema["required"] else {"anyOf": [part, {"enum": _EMPTY}]}
        for name, part in schema["properties"].items()
    }
    return envelope


def _part(schema: JsonObject) -> JsonObject:
    return {name: part for name, part in schema.items() if name not in _OWN_NAMES}


def _feedback() -> dict[str, JsonObject]:
    whole = Schema("feedback", "").schema
    sent = _part(whole)
    sent["properties"] = {"feedback": listing("What became of cards.", ref("Reaction"))}
    return {"Feedback": sent, "Reaction": whole["$defs"]["feedback"]}


def _codes(of: type[Indicator] | type[LinkType] | type[ActionType] | type[Selection]) -> list[str]:
    return [code.value for code in of]


_CODING = record({"system": words(), "code": words(), "display": words()}, about="FHIR's Coding.")
_LINK = record(
    {
        "label": words(),
        "url": words(format="uri"),
        "type": {"enum": _codes(LinkType)},
        "appContext": words("What a launched app is given."),
    },
    required=("label", "url", "type"),
)
_ACTION = record(
    {
        "type": {"enum": _codes(ActionType)},
        "description": words(minLength=1),
        "resource": ref("Resource"),
        "resourceId": words("Of what is deleted."),
    },
    required=("type", "description"),
)
_SUGGESTION = record(
    {
        "label": words(),
        "uuid": words(),
        "isRecommended": {"const": True},
        "actions": listing("Taken together.", ref("Action")),
    },
    required=("label", "uuid"),
)
_CARD = record(
    {
        "uuid": words("Feedback names it."),
        "summary": words(minLength=1, maxLength=SUMMARY_LIMIT - 1),
        "detail": words("Markdown, without HTML."),
        "indicator": {"enum": _codes(Indicator)},
        "source": record(
            {"label": words("The payer's brand."), "topic": ref("Coding")}, required=("label",)
        ),
        "suggestions": listing("What may be taken with one click.", ref("Suggestion")),
        "selectionBehavior": {"enum": _codes(Selection)},
        "overrideReasons": listing("Why a clinician may go on.", ref("Coding")),
        "links": listing("To the policy, and to the payer's own document.", ref("Link")),
        "extension": record({}, about="Which orders the card is about (CRD)."),
    },
    required=("uuid", "summary", "indicator", "source"),
    about="Advice for a person. Coverage information is never a card, but a system action.",
)
_HOOK_RESPONSE = record(
    {
        "cards": listing("For people; there may be none.", ref("Card")),
        "systemActions": listing(
            "An `update` of each order that there is something new on: the order exactly as it "
            "came, with CRD's coverage-information extension.",
            ref("Action"),
        ),
    },
    required=("cards",),
)
_SERVICE = record(
    {
        "hook": {"enum": list(HOOKS)},
        "id": words("The service is called at `/cds-services/{id}`."),
        "title": words(),
        "description": words(),
        "prefetch": record(
            {}, about="Queries by key, in an order to keep.", additionalProperties=words()
        ),
        "usageRequirements": words(),
        "extension": record({}, about="CRD versions spoken, and what a client may configure."),
    },
    required=("hook", "id", "description"),
)
_DISCOVERY = record(
    {"services": listing("One for each hook.", ref("Service"))}, required=("services",)
)
_ANSWERED: Mapping[str, Json] = {
    "Action": _ACTION,
    "Card": _CARD,
    "Coding": _CODING,
    "Discovery": _DISCOVERY,
    "HookResponse": _HOOK_RESPONSE,
    "Link": _LINK,
    "Service": _SERVICE,
    "Suggestion": _SUGGESTION,
}
