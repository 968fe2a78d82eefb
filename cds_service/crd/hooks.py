"""The hooks answered here, one row each (CRD, Supported Hooks).

A row says which orders a call asks about, what to prefetch, and whether the hook is primary: primary hooks always
answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cds_service.cds_hooks.discovery import Service
from cds_service.cds_hooks.prefetch import read_resources
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.configuration import OPTIONS
from cds_service.crd.order import is_order
from cds_service.crd.versions import ADVERTISED
from cds_service.fhir.resource import JsonObject

# The guide's standard expressions, as few as we use (CRD found-27, found-29); a key stands after those it reads.
# `payers` is ours: the standard set never fetches the Organization behind Coverage.payor.
_MEMBER = (
    ("patient", "Patient/{{context.patientId}}"),
    ("coverage", "Coverage?patient={{context.patientId}}&status=active"),
    ("payers", "Organization?_id={{%coverage.entry.resource.payor.resolve().ofType(Organization).id}}"),
)
_CODES_OF_DRAFTS = (
    (
        "devices",
        "Device?_id={{context.draftOrders.entry.resource.ofType(DeviceRequest).code.resolve().id}}",
    ),
    (
        "medications",
        "Medication?_id={{context.draftOrders.entry.resource.ofType(MedicationRequest).medication.resolve().id}}",
    ),
)
_USAGE = (
    "Send the patient's one active Coverage, and the payer's Organization with its identifiers. "
    "A client that asks for no davinci-crd.requestedVersion is answered in the shape of CRD 2.0."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One hook: `orders` finds the resources a call asks about."""

    name: str
    title: str
    description: str
    primary: bool
    prefetch: tuple[tuple[str, str], ...]
    orders: Callable[[HookRequest], tuple[JsonObject, ...]]

    @property
    def service_id(self) -> str:
        return f"{self.name}-crd"

    def service(self) -> Service:
        """How discovery shows the service."""
        return Service(
            id=self.service_id,
            hook=self.name,
            title=self.title,
            description=self.description,
            prefetch=self.prefetch,
            usage_requirements=_USAGE,
            extension={
                "davinci-crd.version": list(ADVERTISED),
                "davinci-crd.configuration-options": list(OPTIONS),
            },
        )


def _draft_orders(request: HookRequest) -> tuple[JsonObject, ...]:
    found = read_resources(request.context.get("draftOrders"))
    return tuple(item.resource for item in found if is_order(item.resource))


HOOKS: Mapping[str, Hook] = {
    hook.name: hook
    for hook in (
        Hook(
            name="order-sign",
            title="Coverage requirements when orders are signed",
            description=(
                "Reads each order about to be signed, applies the payer's medical policy for the member, plan and "
                "date of service, writes coverage information onto the order and shows the policy that applies."
            ),
            primary=True,
            prefetch=(*_MEMBER, *_CODES_OF_DRAFTS),
            orders=_draft_orders,
        ),
    )
}
