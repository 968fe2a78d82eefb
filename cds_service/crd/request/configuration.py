"""What a client may switch, and what a request asks of it (CRD dev-4 to dev-17)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cds_service.crd.codes import Topic
from cds_service.fhir.resource import Json, JsonObject, first

# What every library's policies can emit.
ALWAYS_EMITTED = frozenset(
    {Topic.COVERAGE_INFO, Topic.UNSOLICITED_DETERM, Topic.GUIDELINE, Topic.CLAIM}
)
_DEFAULT_MAX_CARDS = 10

# The name and the description of each switch. What proposals of policies emit is worded for them.
_SWITCHES: Mapping[Topic, tuple[str, str]] = {
    Topic.COVERAGE_INFO: (
        "Coverage information",
        "Write what the payer's policy says of each order onto the order.",
    ),
    Topic.UNSOLICITED_DETERM: (
        "Authorizations on file",
        "Name an authorization already granted for an order that needs one; off in what-if calls.",
    ),
    Topic.GUIDELINE: (
        "Policy cards",
        "Show which policy applies to an order, with a link to read it.",
    ),
    Topic.CLAIM: (
        "Next-step cards",
        "Show what the payer needs before it can decide, and whom to contact.",
    ),
    Topic.INSURANCE: (
        "Coverage record",
        "Propose corrections of the patient's coverage record.",
    ),
    Topic.LIMITS: (
        "Limits",
        "Propose orders that keep to a limit of quantity, time or number.",
    ),
    Topic.NETWORK: (
        "Network",
        "Propose what a payer's network of providers makes preferable.",
    ),
    Topic.APPROPRIATE_USE: (
        "Appropriate use",
        "Propose what documents that a service is used appropriately.",
    ),
    Topic.COST: (
        "Cost",
        "Propose what costs the patient or the payer less.",
    ),
    Topic.THERAPY_ALTERNATIVES_OPT: (
        "Optional alternatives",
        "Propose another therapy that the payer would cover too.",
    ),
    Topic.THERAPY_ALTERNATIVES_REQ: (
        "Required alternatives",
        "Propose the therapy that the payer wants tried in place of the one ordered.",
    ),
    Topic.CLINICAL_REMINDER: (
        "Companion orders",
        "Propose what is due beside an order, such as a test.",
    ),
    Topic.DUPLICATE_THERAPY: (
        "Duplicate therapy",
        "Propose changes where the patient gets the same therapy already.",
    ),
    Topic.CONTRAINDICATION: (
        "Contraindications",
        "Propose changes where something speaks against a service for this patient.",
    ),
    Topic.OFF_GUIDELINE: (
        "Off guideline",
        "Propose changes where an order departs from the payer's guideline.",
    ),
}


def options(topics: Collection[Topic] = ALWAYS_EMITTED) -> list[JsonObject]:
    """The options of a service whose policies can emit these response types (CRD dev-4, dev-5)."""
    switches = [
        {
            "code": topic.value,
            "type": "boolean",
            "name": name,
            "description": description,
            "default": True,
        }
        for topic, (name, description) in _SWITCHES.items()
        if topic in topics
    ]
    return [*switches, _CARD_LIMIT]


_CARD_LIMIT: JsonObject = {
    "code": "max-cards",
    "type": "integer",
    "name": "Card limit",
    "description": "The most cards to return; the most urgent are kept. "
    "System actions do not count.",
    "default": _DEFAULT_MAX_CARDS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one request wants; `ignored` names settings without sense, for the log (CRD dev-6)."""

    off: frozenset[str] = frozenset()
    max_cards: int = _DEFAULT_MAX_CARDS
    ignored: tuple[str, ...] = field(default=())

    def wants(self, topic: Topic) -> bool:
        return topic not in self.off


def read_configuration(extension: JsonObject) -> Configuration:
    """The settings in a request's root extension.

    Unknown codes and senseless values change nothing.
    """
    requested: Mapping[str, Json] = first(extension.get("davinci-crd.configuration"))
    switches = {code: value for code, value in requested.items() if code in _SWITCHES}
    limit = requested.get("max-cards", _DEFAULT_MAX_CARDS)
    sensible = isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0
    senseless = [code for code, value in switches.items() if not isinstance(value, bool)]
    return Configuration(
        off=frozenset(code for code, value in switches.items() if value is False),
        max_cards=limit if sensible else _DEFAULT_MAX_CARDS,
        ignored=tuple(senseless if sensible else [*senseless, "max-cards"]),
    )
