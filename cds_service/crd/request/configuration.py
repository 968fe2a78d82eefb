"""What a client may switch, and what a request asks of it (CRD dev-4 to dev-17)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.crd.codes import Topic
from cds_service.fhir.resource import Json, JsonObject, first

OPTIONS: tuple[JsonObject, ...] = (
    {
        "code": Topic.COVERAGE_INFO,
        "type": "boolean",
        "name": "Coverage information",
        "description": "Write what the payer's policy says of each order onto the order.",
        "default": True,
    },
    {
        "code": Topic.GUIDELINE,
        "type": "boolean",
        "name": "Policy cards",
        "description": "Show which policy applies to an order, with a link to read it.",
        "default": True,
    },
    {
        "code": Topic.CLAIM,
        "type": "boolean",
        "name": "Next-step cards",
        "description": "Show what the payer needs before it can decide, and whom to contact.",
        "default": True,
    },
    {
        "code": "max-cards",
        "type": "integer",
        "name": "Card limit",
        "description": "The most cards to return; the most urgent are kept. "
        "System actions do not count.",
        "default": 10,
    },
)
_DEFAULT_MAX_CARDS = 10


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
    switches = {topic.value: requested[topic] for topic in Topic if topic in requested}
    limit = requested.get("max-cards", _DEFAULT_MAX_CARDS)
    sensible = isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0
    senseless = [code for code, value in switches.items() if not isinstance(value, bool)]
    return Configuration(
        off=frozenset(code for code, value in switches.items() if value is False),
        max_cards=limit if sensible else _DEFAULT_MAX_CARDS,
        ignored=tuple(senseless if sensible else [*senseless, "max-cards"]),
    )
