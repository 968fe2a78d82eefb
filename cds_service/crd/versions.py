"""The CRD versions spoken here, a row each: how answers are written, and what their clients expect (dev-1 to dev-3)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cds_service.cds_hooks.response import Card, HookResponse, SystemAction
from cds_service.crd.codes import CARD_TYPES, CRD_TEMP
from cds_service.crd.writers import Parts, as_2_0, as_2_1, as_2_2
from cds_service.errors import UnsupportedVersion
from cds_service.fhir.resource import JsonObject, text

ADVERTISED = ("2.1", "2.2")  # crdver-1's own pattern refuses "2.0"
_ASKED = re.compile(r"^(\d+\.\d+)(?:\.\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How one version is written; `refuses_without_coverage` is hook-13, new in 2.1."""

    name: str
    write_parts: Callable[[Parts], Parts]
    topic_system: str
    about: Callable[[str], object]
    always_system_actions: bool
    refuses_without_coverage: bool
    answers_on_order: bool  # an appointment made for an order is answered on the order

    def card(self, card: Card) -> JsonObject:
        """A card as JSON, without empty elements."""
        topic = {"system": self.topic_system, "code": str(card.topic)}
        shown: JsonObject = {
            "uuid": card.uuid,
            "summary": card.summary,
            "detail": card.detail,
            "indicator": card.indicator.value,
            "source": {"label": card.source_label, "topic": topic},
            "overrideReasons": [reason.to_json() for reason in card.override_reasons],
            "links": [link.to_json() for link in card.links],
            "extension": {"davinci-crd.associated-resource": [self.about(one) for one in card.about]},
        }
        if not card.about:
            del shown["extension"]
        return {name: value for name, value in shown.items() if value}

    def response(self, cards: Sequence[Card], actions: Sequence[SystemAction], *, primary: bool) -> HookResponse:
        """The whole response; CDS Hooks allows no empty `systemActions`, CRD 2.0 clients want one on primary hooks."""
        written = tuple(action.to_json() for action in actions)
        silent = not written and not (primary and self.always_system_actions)
        return HookResponse(tuple(self.card(card) for card in cards), None if silent else written)


def _reference(target: str) -> object:
    return {"reference": target}


VERSIONS: Mapping[str, Version] = {
    "2.0": Version(
        name="2.0",
        write_parts=as_2_0,
        topic_system=CRD_TEMP,
        about=lambda target: target,
        always_system_actions=True,
        refuses_without_coverage=False,
        answers_on_order=False,
    ),
    "2.1": Version(
        name="2.1",
        write_parts=as_2_1,
        topic_system=CRD_TEMP,
        about=_reference,
        always_system_actions=False,
        refuses_without_coverage=True,
        answers_on_order=True,
    ),
    "2.2": Version(
        name="2.2",
        write_parts=as_2_2,
        topic_system=CARD_TYPES,
        about=_reference,
        always_system_actions=False,
        refuses_without_coverage=True,
        answers_on_order=True,
    ),
}
DEFAULT = VERSIONS["2.0"]  # a client that asks for none is older than asking


def agree_version(extension: JsonObject, default: Version = DEFAULT) -> Version:
    """The version a request asks for, `default` if it asks for none.

    Raises:
        UnsupportedVersion: it asks for one this service does not speak.
    """
    asked = extension.get("davinci-crd.requestedVersion")
    if asked is None:
        return default
    matched = _ASKED.match(text(asked))
    version = VERSIONS.get(matched.group(1)) if matched else None
    if version is None:
        where = "$.extension['davinci-crd.requestedVersion']"
        raise UnsupportedVersion(f"this service speaks CRD {', '.join(VERSIONS)}", where)
    return version
