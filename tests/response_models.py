"""CRD's logical models of responses: a checker for whole responses (crd-server.md 1.6, 2.4).

Read from the structure definitions CRDHooksResponseBase and CRDHooksResponse-<type> of CRD 2.2.1
and from the rules cds-resp-1 to -7, not from the code that writes responses. Two places of the
models contradict the guide itself, and are read as follows.

- alternateRequest fixes every action's type to `create`, while its own crd-respar-1 wants updates
  and deletes: crd-respar-1 holds.
- launchSMART has at least one suggestion without actions, while the guide calls it a variant of
  an external reference and its example has none: the model holds from 2.2 on, the first version
  that has models; before, there is no suggestion.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

JsonObject = dict[str, Any]
Problems = Iterator[str]

COVERAGE_INFORMATION = (
    "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
)
_ORDERS = frozenset(
    "Appointment CommunicationRequest DeviceRequest MedicationRequest NutritionOrder "
    "ServiceRequest VisionPrescription".split()
)
_ANNOTATED = _ORDERS | {"Encounter"}
_REQUESTED = ("status", "intent", "subject", "authoredOn", "requester")
# What CRD's profiles have at least one of; `x|y` is a choice.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "ServiceRequest": (*_REQUESTED, "code"),
    "DeviceRequest": (*_REQUESTED, "codeCodeableConcept|codeReference"),
    "MedicationRequest": (*_REQUESTED, "medicationCodeableConcept|medicationReference"),
    "NutritionOrder": ("status", "intent", "patient", "dateTime", "orderer"),
    "VisionPrescription": (
        "status",
        "created",
        "patient",
        "dateWritten",
        "prescriber",
        "lensSpecification",
    ),
    "Coverage": ("status", "beneficiary", "relationship", "payor"),
    "Task": ("status", "intent", "code", "for", "authoredOn", "requester", "input"),
}
_SDC = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"
_CRD_TEMP = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"


def response_problems(response: JsonObject, version: str) -> list[str]:
    """Everything in a response that breaks the models, for a client of this version."""
    return list(_problems(response, version))


def fitting_types(card: JsonObject, version: str) -> list[str]:
    """The response types whose model this card fits; a sound card fits one."""
    return [name for name, model in MODELS.items() if not list(model(card, version))]


def _problems(response: JsonObject, version: str) -> Problems:
    for card in response["cards"]:
        yield from _card_problems(card)
        if len(fits := fitting_types(card, version)) != 1:
            reasons = {name: list(model(card, version)) for name, model in MODELS.items()}
            yield f"`{card['summary']}` fits {fits}: {reasons}"
    for action in response.get("systemActions", ()):
        yield from _system_action_problems(action)


def _card_problems(card: JsonObject) -> Problems:
    """CRDHooksResponseBase, and what CDS Hooks asks of every card."""
    yield from (f"no {name}" for name in ("uuid", "summary", "indicator") if not card.get(name))
    if not card["source"].get("label") or not card["source"].get("topic"):
        yield "source without label or topic"
    for reason in card.get("overrideReasons", ()):
        if not all(map(reason.get, ("system", "code", "display"))):
            yield "cds-resp-4"
    for link in card.get("links", ()):
        if not all(map(link.get, ("label", "url", "type"))):
            yield "a link without label, url or type"
        if "appContext" in link and link["type"] != "smart":
            yield "cds-resp-3"
    yield from _selection_problems(card)


def _selection_problems(card: JsonObject) -> Problems:
    suggestions, selection = card.get("suggestions", ()), card.get("selectionBehavior")
    if bool(suggestions) != (selection in ("at-most-one", "any")):
        yield "cds-resp-6"
    recommended = [bool(suggestion.get("isRecommended")) for suggestion in suggestions]
    if selection == "at-most-one" and sum(recommended) > 1:
        yield "cds-resp-1"
    for suggestion in suggestions:
        if not suggestion.get("label") or not suggestion.get("uuid"):
            yield "resp-3: a suggestion without label or uuid"
        if "actionSelectionBehavior" in suggestion:
            yield "cds-resp-7: not known to be supported by the client"
        if suggestion.get("actions") == []:
            yield "an empty list of actions"
        for action in suggestion.get("actions", ()):
            yield from _action_problems(action)


def _action_problems(action: JsonObject) -> Problems:
    if not action.get("description"):
        yield "cds-resp-5"
    is_delete = action["type"] == "delete"
    if ("resourceId" in action, "resource" in action) != (is_delete, not is_delete):
        yield "cds-resp-2"
    if not is_delete:
        yield from resource_problems(action["resource"])
        if not action["resource"].get("id"):
            yield "dev-21: a resource without an id"


def resource_problems(resource: JsonObject) -> Problems:
    """What a proposed resource lacks of its CRD profile."""
    kind = resource["resourceType"]
    for names in _REQUIRED[kind]:
        if not any(resource.get(name) for name in names.split("|")):
            yield f"a {kind} without {names}"
    if resource.get("doNotPerform"):
        yield "a proposal not to do something"
    if kind == "Coverage" and not resource.get("subscriberId") and not resource.get("identifier"):
        yield "us-core-15"


def _system_action_problems(action: JsonObject) -> Problems:
    """coverageInformation."""
    if action["type"] != "update" or "resourceId" in action or not action.get("description"):
        yield "a system action that is no described update"
    resource = action["resource"]
    if resource["resourceType"] not in _ANNOTATED:
        yield f"coverage information on a {resource['resourceType']}"
    urls = [extension.get("url") for extension in resource.get("extension", ())]
    if COVERAGE_INFORMATION not in urls:
        yield "crd-respci1"


def _external_reference(card: JsonObject, _version: str) -> Problems:
    if card.get("suggestions"):
        yield "suggestions"
    if not card.get("links"):
        yield "no links"
    for link in card.get("links", ()):
        if link["type"] != "absolute" or "appContext" in link:
            yield "a link that launches an app"


def _instructions(card: JsonObject, _version: str) -> Problems:
    if not card.get("detail"):
        yield "no detail"
    if card.get("suggestions") or card.get("links"):
        yield "suggestions or links"


def _suggested(card: JsonObject) -> Iterator[list[JsonObject]]:
    """The actions of each suggestion."""
    return (suggestion.get("actions", []) for suggestion in card.get("suggestions", ()))


def _of_actions(card: JsonObject, types: str, kinds: frozenset[str]) -> Problems:
    """A model of suggestions whose actions have these types, on resources of these kinds."""
    if card.get("links"):
        yield "links"
    if not card.get("suggestions") or not all(_suggested(card)):
        yield "no suggestions, or one without actions"
    for action in chain.from_iterable(_suggested(card)):
        kind = action.get("resource", {}).get("resourceType")
        if action["type"] not in types.split():
            yield f"the action {action['type']}"
        if action["type"] != "delete" and kind not in kinds:
            yield f"a {kind}"


def _alternate_request(card: JsonObject, _version: str) -> Problems:
    yield from _of_actions(card, "create update delete", _ORDERS)
    for actions in _suggested(card):
        types = sorted(action["type"] for action in actions)
        if types not in (["update"], ["create", "delete"]):
            yield f"crd-respar-1: {types}"


def _additional_orders(card: JsonObject, _version: str) -> Problems:
    yield from _of_actions(card, "create", _ORDERS)


def _form_completion(card: JsonObject, version: str) -> Problems:
    yield from _of_actions(card, "create", frozenset({"Task"}))
    for actions in _suggested(card):
        for action in actions:
            yield from _task_problems(action.get("resource", {}), version)


def _task_problems(task: JsonObject, version: str) -> Problems:
    """profile-taskquestionnaire; before 2.2 with what follows the form."""
    if (task.get("status"), task.get("intent")) != ("ready", "order") or "focus" in task:
        yield "its status, intent or focus"
    if task.get("code") != {"coding": [{"system": _SDC, "code": "complete-questionnaire"}]}:
        yield f"its code {task.get('code')}"
    inputs = task.get("input", [])
    forms = [given for given in inputs if _is_input(given, _SDC, "questionnaire")]
    if len(forms) != 1 or "|" not in forms[0].get("valueCanonical", ""):
        yield "not one questionnaire"
    elif forms[0]["type"].get("text") != "questionnaire":
        yield "the text that test kits go by"
    after = [given for given in inputs if _is_input(given, _CRD_TEMP, "after-completion-action")]
    if (len(after) > 0) != (version < "2.2") or len(inputs) != len(forms) + len(after):
        yield f"its inputs {inputs}"


def _is_input(given: JsonObject, system: str, code: str) -> bool:
    return {"system": system, "code": code} in given["type"].get("coding", ())


def _adjust_coverage(card: JsonObject, _version: str) -> Problems:
    yield from _of_actions(card, "update", frozenset({"Coverage"}))
    if len(card.get("suggestions", ())) != 1:
        yield "not one suggestion"


def _launch_smart(card: JsonObject, version: str) -> Problems:
    if bool(card.get("suggestions")) != (version >= "2.2"):
        yield "suggestions, or none"
    if any(_suggested(card)):
        yield "actions"
    if not card.get("links"):
        yield "no links"
    for link in card.get("links", ()):
        if link["type"] != "smart":
            yield "a link that launches no app"


# coverageInformation, the eighth, is a system action and has no card.
MODELS: Mapping[str, Callable[[JsonObject, str], Problems]] = {
    "externalReference": _external_reference,
    "instructions": _instructions,
    "alternateRequest": _alternate_request,
    "additionalOrders": _additional_orders,
    "formCompletion": _form_completion,
    "adjustCoverage": _adjust_coverage,
    "launchSMART": _launch_smart,
}
