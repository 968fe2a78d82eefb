"""The hooks answered here, one row each (CRD, Supported Hooks).

A row says which resources a call asks about, what to prefetch, whether the hook is primary, and
within how many seconds a response is due.
Primary hooks always answer; secondary ones never ask for clinical or administrative documentation
(CRD hook-19).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cds_service.cds_hooks.discovery import Service
from cds_service.crd.codes import Topic
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.configuration import ALWAYS_EMITTED, options
from cds_service.crd.request.context import (
    appointments,
    dispatched_orders,
    draft_orders,
    encounter,
    no_references,
    nothing,
    selected_orders,
)
from cds_service.crd.request.version import ADVERTISED
from cds_service.fhir.resource import JsonObject

Prefetch = tuple[tuple[str, str], ...]

# The guide's standard expressions, as few as we use (CRD found-27, found-29); a key stands after
# those it reads.
# `payers` is ours: the standard set never fetches the Organization behind Coverage.payor.
_MEMBER: Prefetch = (
    ("patient", "Patient/{{context.patientId}}"),
    ("coverage", "Coverage?patient={{context.patientId}}&status=active"),
    (
        "payers",
        "Organization?_id={{%coverage.entry.resource.payor.resolve().ofType(Organization).id}}",
    ),
)
_CODES_OF_DRAFTS: Prefetch = (
    (
        "devices",
        "Device?_id={{context.draftOrders.entry.resource.ofType(DeviceRequest).code.resolve().id}}",
    ),
    (
        "medications",
        "Medication?_id={{context.draftOrders.entry.resource"
        ".ofType(MedicationRequest).medication.resolve().id}}",
    ),
)
_CODES_OF_REQUESTS: Prefetch = (
    ("devices", "Device?_id={{%deviceRequests.entry.resource.code.resolve().id}}"),
    (
        "medications",
        "Medication?_id={{%medicationRequests.entry.resource.medication.resolve().id}}",
    ),
)


def _dispatched(key: str, kind: str) -> tuple[str, str]:
    return key, f"{kind}?_id={{{{context.dispatchedOrders.resolve().ofType({kind}).id}}}}"


def _booked(key: str, kind: str, *, alternate: bool) -> tuple[str, str]:
    other = (
        ".extension('http://hl7.org/fhir/StructureDefinition/alternate-reference').value"
        if alternate
        else ""
    )
    path = f"context.appointments.entry.resource.basedOn{other}.resolve().ofType({kind}).id"
    return key, f"{kind}?_id={{{{{path}}}}}"


_DISPATCHED: Prefetch = (
    _dispatched("communicationRequests", "CommunicationRequest"),
    _dispatched("deviceRequests", "DeviceRequest"),
    _dispatched("medicationRequests", "MedicationRequest"),
    _dispatched("nutritionOrders", "NutritionOrder"),
    _dispatched("serviceRequests", "ServiceRequest"),
    _dispatched("visionPrescriptions", "VisionPrescription"),
)
_BOOKED: Prefetch = (
    _booked("deviceRequests", "DeviceRequest", alternate=True),
    _booked("serviceRequests", "ServiceRequest", alternate=False),
    _booked("medicationRequests", "MedicationRequest", alternate=True),
)
_ENCOUNTER: Prefetch = (("encounter", "Encounter/{{context.encounterId}}"),)
# What is needed and not where it stands: that is for the guide alone to say (CRD conf-14).
_USAGE = (
    "Needs to know the one coverage of the patient that is in force, and who its payer is. "
    "A client that asks for no version of CRD is answered as CRD 2.0 has it."
)

# CRD found-2. It gives order-sign and order-dispatch ten where the last call for the patient and
# organization is a day ago; a server that keeps nothing of a patient but its log cannot tell.
_SECONDS, _MOST_SECONDS = 5.0, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One hook: `resources` and `references` find in its context what a call asks about.

    `beside` is all that a clinician sees there, where the hook asks about some of it only. A
    response is due within `seconds`.
    """

    name: str
    title: str
    about: str
    primary: bool
    prefetch: Prefetch
    seconds: float = _SECONDS
    resources: Callable[[Chart], tuple[JsonObject, ...]] = nothing
    references: Callable[[JsonObject], tuple[str, ...]] = no_references
    beside: Callable[[Chart], tuple[JsonObject, ...]] = nothing

    @property
    def service_id(self) -> str:
        return f"{self.name}-crd"

    @property
    def only_names(self) -> bool:
        """Whether its context holds none of what it asks about, but references to it."""
        return self.resources is nothing

    def service(
        self, topics: Collection[Topic] = ALWAYS_EMITTED, history: Prefetch = ()
    ) -> Service:
        """How discovery shows the service.

        Its policies can emit these response types, and read this much of a patient's history.
        """
        return Service(
            id=self.service_id,
            hook=self.name,
            title=self.title,
            description=(
                f"Reads {self.about}, applies the payer's medical policy for the member, plan and "
                "date of service, writes coverage information and shows the policy that applies."
            ),
            prefetch=(*self.prefetch, *history),
            usage_requirements=_USAGE,
            extension={
                "davinci-crd.version": list(ADVERTISED),
                "davinci-crd.configuration-options": options(topics),
            },
        )


HOOKS: Mapping[str, Hook] = {
    hook.name: hook
    for hook in (
        Hook(
            name="order-sign",
            title="Coverage requirements when orders are signed",
            about="each order about to be signed",
            primary=True,
            prefetch=(*_MEMBER, *_CODES_OF_DRAFTS),
            resources=draft_orders,
        ),
        Hook(
            name="order-select",
            title="Coverage requirements when orders are selected",
            about="each order just selected",
            primary=False,
            prefetch=(*_MEMBER, *_CODES_OF_DRAFTS),
            resources=selected_orders,
            beside=draft_orders,
        ),
        Hook(
            name="order-dispatch",
            title="Coverage requirements when a performer is chosen",
            about="each order a performer is chosen for",
            primary=True,
            prefetch=(*_MEMBER, *_DISPATCHED, *_CODES_OF_REQUESTS),
            references=dispatched_orders,
        ),
        Hook(
            name="appointment-book",
            title="Coverage requirements when appointments are booked",
            about="each appointment about to be booked, or the order it is for",
            primary=True,
            prefetch=(*_MEMBER, *_BOOKED, *_CODES_OF_REQUESTS),
            seconds=_MOST_SECONDS,
            resources=appointments,
        ),
        Hook(
            name="encounter-start",
            title="Coverage requirements when an encounter starts",
            about="the encounter that starts",
            primary=False,
            prefetch=(*_MEMBER, *_ENCOUNTER),
            references=encounter,
        ),
        Hook(
            name="encounter-discharge",
            title="Coverage requirements when a patient is discharged",
            about="the encounter that ends",
            primary=False,
            prefetch=(*_MEMBER, *_ENCOUNTER),
            references=encounter,
        ),
    )
}
