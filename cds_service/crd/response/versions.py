"""How each CRD version is written: a row a version, for its coverage-information and its cards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cds_service.cds_hooks.response import Card, HookResponse, SystemAction
from cds_service.crd.codes import CARD_TYPES, CRD_TEMP
from cds_service.crd.decision.determination import Determination
from cds_service.crd.request.version import Version
from cds_service.crd.response.coverage_information import Assertion, Parts
from cds_service.crd.response.down_conversion import write_2_0, write_2_1, write_2_2
from cds_service.fhir.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenVersion:
    """How the response to clients of one version is written.

    `suggests_apps`: its model of a card that launches an app has a suggestion.
    `after_completion`: its Task for a form has an input that says what becomes of the form.
    """

    write_parts: Callable[[Determination, Assertion], Parts]
    topic_system: str
    write_about: Callable[[str], object]
    suggests_apps: bool
    after_completion: bool

    def card(self, card: Card) -> JsonObject:
        """A card as JSON, without empty elements."""
        topic = {"system": self.topic_system, "code": str(card.topic)}
        shown: JsonObject = {
            "uuid": card.uuid,
            "summary": card.summary,
            "detail": card.detail,
            "indicator": card.indicator.value,
            "source": {"label": card.source_label, "topic": topic},
        }
        if card.selection:
            shown["suggestions"] = [suggestion.to_json() for suggestion in card.suggestions]
            shown["selectionBehavior"] = card.selection.value
        if card.override_reasons:
            shown["overrideReasons"] = [reason.to_json() for reason in card.override_reasons]
        if card.links:
            shown["links"] = [link.to_json() for link in card.links]
        if card.about:
            about = [self.write_about(order) for order in card.about]
            shown["extension"] = {"davinci-crd.associated-resource": about}
        return shown


def _bare(order: str) -> object:
    return order


def _reference(order: str) -> object:
    return {"reference": order}


WRITTEN_VERSIONS: Mapping[str, WrittenVersion] = {
    "2.0": WrittenVersion(
        write_parts=write_2_0,
        topic_system=CRD_TEMP,
        write_about=_bare,
        suggests_apps=False,
        after_completion=True,
    ),
    "2.1": WrittenVersion(
        write_parts=write_2_1,
        topic_system=CRD_TEMP,
        write_about=_reference,
        suggests_apps=False,
        after_completion=True,
    ),
    "2.2": WrittenVersion(
        write_parts=write_2_2,
        topic_system=CARD_TYPES,
        write_about=_reference,
        # The model CRDHooksResponse-launchSMART asks for a suggestion without actions. Neither the
        # guide's text nor its example has one, but no other reading keeps resp-72.
        suggests_apps=True,
        after_completion=False,
    ),
}


def write_response(
    cards: Sequence[Card], actions: Sequence[SystemAction], version: Version, *, primary: bool
) -> HookResponse:
    """The whole response.

    CDS Hooks allows no empty `systemActions`, CRD 2.0 clients want one on primary hooks.
    """
    written_as = WRITTEN_VERSIONS[version.name]
    written = tuple(action.to_json() for action in actions)
    silent = not written and not (primary and version.always_system_actions)
    return HookResponse(tuple(written_as.card(card) for card in cards), None if silent else written)
