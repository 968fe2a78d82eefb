"""Calls of all six hooks about any resource, members of every kind, and readers of responses."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from coverage_information_rules import URL, Parts, read_parts
from fakes import FakeLog, builtin_index, fake_pipeline
from hook_requests import (
    COMMERCIAL_HMO,
    COMMERCIAL_PPO,
    HOOK_INSTANCE,
    bundle,
    coverage,
    patient,
    service_request,
)

from cds_service.audit.trail import Trail
from cds_service.crd.decision.authorizations import Authorizations
from cds_service.ehr.client import Ehr
from cds_service.errors import HookError
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

VERSIONS = ("2.0", "2.1", "2.2")
PRIMARY = ("order-sign", "order-dispatch", "appointment-book")
SECONDARY = ("order-select", "encounter-start", "encounter-discharge")
HOOK_NAMES = (*PRIMARY, *SECONDARY)
ORDER_HOOKS = ("order-sign", "order-select", "order-dispatch")
EHR_BASE = "https://ehr.example.invalid/fhir"
TOKEN = "TOKEN-CANARY"  # noqa: S105

LISTED, UNLISTED, NOT_IN_A_POLICY = "0600T", "93799", "99213"
PULSED_FIELD = "Pulsed field ablation of the pulmonary veins"
PAYLOAD = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content"
)
BILLING_OPTIONS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"

MEMBERS: Mapping[str, tuple[JsonObject, ...]] = {
    "medicare": (patient(), coverage()),
    "plan unknown": (patient(), coverage(plan_type=None)),
    "commercial": (patient("NV"), coverage("anthem", COMMERCIAL_PPO)),
    "california": (patient("CA"), coverage("anthem", COMMERCIAL_HMO)),
    "cancelled": (patient(), coverage(status="cancelled")),
    "elsewhere": (patient(), coverage("somebody-else")),
    "nobody": (patient(),),
}


@cache
def hosted() -> PolicyIndex:
    """The index over the built-in library, built once."""
    return builtin_index()


def concept(code: str = LISTED, text: str = "") -> JsonObject:
    """A CodeableConcept of one CPT coding."""
    return {"coding": [{"system": CPT, "code": code}], **({"text": text} if text else {})}


def minimal_orders(code: str = LISTED) -> dict[str, JsonObject]:
    """An order of each of the six kinds with what its profile makes mandatory, and nothing else."""
    named = {"status": "draft", "intent": "order", "subject": {"reference": "Patient/member-1"}}
    signed = {
        **named,
        "authoredOn": "2026-11-01",
        "requester": {"reference": "Practitioner/signer"},
    }
    content = {"url": PAYLOAD, "valueCodeableConcept": concept(code)}
    eaten = {
        "patient": named["subject"],
        "status": "draft",
        "intent": "order",
        "dateTime": "2026-11-01",
    }
    seen = {
        "patient": named["subject"],
        "status": "draft",
        "created": "2026-11-01",
        "dateWritten": "2026-11-01",
    }
    lens = {"product": concept(code), "eye": "left"}
    elements: dict[str, JsonObject] = {
        "ServiceRequest": {**signed, "code": concept(code)},
        "DeviceRequest": {**signed, "codeCodeableConcept": concept(code)},
        "MedicationRequest": {**signed, "medicationCodeableConcept": concept(code)},
        "CommunicationRequest": {
            **{name: value for name, value in signed.items() if name != "intent"},
            "basedOn": [{"reference": "ServiceRequest/other"}],
            "payload": [{"extension": [content], "contentString": "records"}],
        },
        "NutritionOrder": {**eaten, "orderer": signed["requester"]},
        "VisionPrescription": {
            **seen,
            "prescriber": signed["requester"],
            "lensSpecification": [lens],
        },
    }
    return {
        kind: {"resourceType": kind, "id": f"{kind.lower()}-1", **rest}
        for kind, rest in elements.items()
    }


def updatable_orders(version: str) -> dict[str, JsonObject]:
    """Of the minimal orders those a version's coverage information may stand on.

    CRD 2.0.1 does not name VisionPrescription in the context of the extension.
    """
    none = ("VisionPrescription",) if version == "2.0" else ()
    return {kind: order for kind, order in minimal_orders().items() if kind not in none}


def appointment(code: str = LISTED, text: str = "", **elements: Any) -> JsonObject:
    """A proposed Appointment for a service."""
    performer = {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PPRF"}
        ]
    }
    return {
        "resourceType": "Appointment",
        "id": "appointment-1",
        "status": "proposed",
        "serviceType": [concept(code, text)],
        "start": "2026-12-01T10:00:00Z",
        "end": "2026-12-01T11:00:00Z",
        "participant": [
            {"actor": {"reference": "Patient/member-1"}, "status": "needs-action"},
            {
                "type": [performer],
                "actor": {"reference": "Practitioner/performer"},
                "status": "accepted",
            },
        ],
        **elements,
    }


def encounter(code: str = LISTED, text: str = "", **elements: Any) -> JsonObject:
    """An Encounter for a service."""
    return {
        "resourceType": "Encounter",
        "id": "encounter-1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [concept(code, text)],
        "subject": {"reference": "Patient/member-1"},
        **elements,
    }


def asked_about(hook: str, code: str = LISTED, text: str = "", **elements: Any) -> JsonObject:
    """A resource such as the hook is about, for a service."""
    if hook == "appointment-book":
        return appointment(code, text, **elements)
    if hook.startswith("encounter"):
        return encounter(code, text, **elements)
    order = service_request(code, **elements)
    return {**order, "code": concept(code, text)}


def reference(resource: JsonObject) -> str:
    """The resource's `Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


_CONTEXTS: Mapping[str, Callable[[list[JsonObject]], JsonObject]] = {
    "order-sign": lambda asked: {"draftOrders": bundle(*asked)},
    "order-select": lambda asked: {
        "draftOrders": bundle(*asked),
        "selections": [reference(order) for order in asked],
    },
    "order-dispatch": lambda asked: {
        "dispatchedOrders": [reference(order) for order in asked],
        "performer": "Organization/clinic",
    },
    "appointment-book": lambda asked: {"appointments": bundle(*asked)},
    "encounter-start": lambda asked: {"encounterId": asked[0]["id"]},
    "encounter-discharge": lambda asked: {"encounterId": asked[0]["id"]},
}


def call(
    hook: str,
    *asked: JsonObject,
    version: str | None = "2.2",
    member: Iterable[JsonObject] = MEMBERS["medicare"],
    sent: Iterable[JsonObject] = (),
    **envelope: Any,
) -> JsonObject:
    """A call about these resources, with the member and whatever else is `sent` in the prefetch."""
    about = list(asked) or [asked_about(hook)]
    user = {} if hook == "order-dispatch" else {"userId": "Practitioner/signer"}
    named_only = about if hook == "order-dispatch" or hook.startswith("encounter") else []
    extension = {"davinci-crd.requestedVersion": version} if version else {}
    settings = envelope.pop("settings", None)
    if settings is not None:
        extension["davinci-crd.configuration"] = settings
    return {
        "hook": hook,
        "hookInstance": HOOK_INSTANCE,
        "context": {**user, "patientId": "member-1", **_CONTEXTS[hook](about)},
        "prefetch": by_type([*member, *sent, *named_only]),
        "extension": extension,
        **envelope,
    }


def by_type(resources: Iterable[JsonObject]) -> JsonObject:
    """A prefetch with a key for each type of resource; Coverages are always looked for."""
    kept: dict[str, list[JsonObject]] = {"coverage": []}
    for resource in resources:
        kept.setdefault(resource["resourceType"].lower(), []).append(resource)
    return {key: bundle(*ones) for key, ones in kept.items()}


def with_token(request: JsonObject) -> JsonObject:
    """The call with somewhere to ask and the means to."""
    authorization = {
        "token_type": "Bearer",
        "expires_in": 30,
        "scope": "patient/*.rs",
        "subject": "crd",
    }
    return {
        **request,
        "fhirServer": EHR_BASE,
        "fhirAuthorization": {"access_token": TOKEN, **authorization},
    }


def ask_raw(
    request: JsonObject,
    *,
    index: PolicyIndex | None = None,
    ehr: Ehr | None = None,
    authorizations: Authorizations | None = None,
    trail: Trail | None = None,
) -> bytes:
    """The bytes of the response; raises what the service raises."""
    pipeline = fake_pipeline(
        index or hosted(), hook=request["hook"], ehr=ehr, authorizations=authorizations
    )
    return pipeline.respond(encode(request), trail)


def ask(
    request: JsonObject,
    *,
    index: PolicyIndex | None = None,
    ehr: Ehr | None = None,
    authorizations: Authorizations | None = None,
    trail: Trail | None = None,
) -> JsonObject:
    """The response to a call; raises what the service raises."""
    raw = ask_raw(request, index=index, ehr=ehr, authorizations=authorizations, trail=trail)
    answer: JsonObject = decode(raw)
    return answer


def status_of(request: JsonObject, *, ehr: Ehr | None = None) -> int:
    """The HTTP status a call ends in."""
    try:
        ask(request, ehr=ehr)
    except HookError as error:
        return error.status
    return 200


def record_of(request: JsonObject) -> FakeLog:
    """The log after one call."""
    log = FakeLog()
    fake_pipeline(hosted(), hook=request["hook"], log=log).respond(encode(request))
    return log


def updates(response: JsonObject) -> list[JsonObject]:
    """The resources that system actions update."""
    return [action["resource"] for action in response.get("systemActions", ())]


def repetitions(resource: JsonObject) -> list[Parts]:
    """The parts of each coverage-information on a resource."""
    extensions = resource.get("extension", ())
    return [read_parts(extension) for extension in extensions if extension["url"] == URL]


def annotations(response: JsonObject) -> list[Parts]:
    """The parts of every coverage-information in a response."""
    return [parts for resource in updates(response) for parts in repetitions(resource)]


def covered(response: JsonObject) -> list[str]:
    """The codes of `covered` in a response, in the order of the repetitions."""
    return [code for parts in annotations(response) for code in parts["covered"]]


def reason_codes(parts: Parts) -> list[str]:
    """The codes of the reasons of one repetition."""
    return [
        coding["code"] for reason in parts.get("reason", ()) for coding in reason.get("coding", ())
    ]


def facts(response: JsonObject) -> Any:
    """The content of a response without ids and dates: coverage information by order, and cards."""
    passing = ("date", "coverage-assertion-id")
    written = [
        (reference(resource), [{name: part for name, part in parts.items() if name not in passing}])
        for resource in updates(response)
        for parts in repetitions(resource)
    ]
    cards = [
        {name: value for name, value in card.items() if name != "uuid"}
        for card in response["cards"]
    ]
    return written, cards
