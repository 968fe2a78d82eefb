"""The Task that asks for a form: CRD's profile-taskquestionnaire, in each version's shape."""

from cds_service.crd.codes import CRD_TEMP, SDC_TEMP
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.proposal import Form
from cds_service.crd.request.call import Call
from cds_service.crd.request.membership import Membership
from cds_service.fhir.resource import JsonObject, first, text


def questionnaire_task(
    form: Form, answer: OrderAnswer, call: Call, *, title: str, after_completion: bool
) -> JsonObject:
    """A Task to complete a form, without an id; CRD before 2.2 wants to know what follows.

    The form itself is not sent along: the client finds it by its canonical.
    """
    order = answer.order
    encounter = first(order.resource.get("encounter"))
    is_known = not text(encounter.get("reference")).startswith("#")
    return {
        "resourceType": "Task",
        **({"basedOn": [{"reference": str(order.key)}]} if order.key else {}),
        "status": "ready",
        "intent": "order",
        "code": {"coding": [{"system": SDC_TEMP, "code": "complete-questionnaire"}]},
        "description": title,
        "for": {"reference": str(call.chart.call_patient.key)},
        **({"encounter": encounter} if encounter and is_known else {}),
        "authoredOn": call.at.isoformat(timespec="seconds"),
        "requester": _payer(answer.membership),
        "reasonCode": {"text": text(form.purpose.get("text"))},
        "input": [_questionnaire(form), *([_after(form)] if after_completion else [])],
    }


def _questionnaire(form: Form) -> JsonObject:
    # The profile wants the coding; the guide's example and its test kit go by the text.
    coding = {"system": SDC_TEMP, "code": "questionnaire"}
    return {
        "type": {"coding": [coding], "text": "questionnaire"},
        "valueCanonical": form.questionnaire,
    }


def _after(form: Form) -> JsonObject:
    coding = {"system": CRD_TEMP, "code": "after-completion-action"}
    return {"type": {"coding": [coding]}, "valueCodeableConcept": form.purpose}


def _payer(membership: Membership) -> JsonObject:
    """The payer as the client's own Coverage refers to it, else by an identifier."""
    payor = first(membership.coverage.get("payor"))
    reference, named = text(payor.get("reference")), first(payor.get("identifier"))
    kept: JsonObject = {"identifier": named} if named else {}
    if reference and not reference.startswith("#"):
        kept = {"reference": reference, **kept}
    if not kept and membership.payer:
        identifier = min(membership.payer.identifiers)
        kept = {"identifier": {"system": identifier.system, "value": identifier.value}}
    return {**kept, "type": "Organization", "display": _brand(membership)}


def _brand(membership: Membership) -> str:
    return membership.payer.brand if membership.payer else ""
