"""Default determinations, for orders that no rule decides: never `covered`, never `no-auth`."""

from cds_service.crd.codes import (
    CONDITION_UNKNOWN,
    NO_ACTIVE_COVERAGE,
    NO_POLICY_FOUND,
    ORDER_NOT_UNDERSTOOD,
    PAYER_NOT_IDENTIFIED,
    TECHNICAL,
    Covered,
    InfoNeeded,
)
from cds_service.crd.decision.determination import Determination, Reason


def no_active_coverage() -> Determination:
    """The coverage is cancelled, or its period does not hold the date of service (CRD resp-45)."""
    words = "The member's coverage is not active on the date of service."
    return Determination(
        covered=Covered.NOT_COVERED, reasons=(Reason(text=words, coding=NO_ACTIVE_COVERAGE),)
    )


def perhaps_inactive() -> Determination:
    """The order's date is vague: some of its days lie outside the coverage's period."""
    words = (
        "Whether the member's coverage is active depends on the date of service, "
        "which the order does not tell."
    )
    return _conditional(Reason(text=words, coding=CONDITION_UNKNOWN), InfoNeeded.TIMEFRAME)


def status_not_understood() -> Determination:
    """The Coverage's status is none of FHIR's words, which is no reason to take it for inactive."""
    words = "Whether the member's coverage is active could not be told from its status."
    return _conditional(Reason(text=words, coding=CONDITION_UNKNOWN))


def perhaps_coded_otherwise() -> Determination:
    """What holds the order's code was not sent: it may be a code that another rule refuses."""
    words = (
        "What this answer depends on was not sent: "
        "the order refers to another resource for what is ordered."
    )
    return _conditional(Reason(text=words, coding=CONDITION_UNKNOWN))


def payer_not_identified() -> Determination:
    """A Coverage came, but no identifier of its payer is one hosted here."""
    words = (
        "The payer of this coverage could not be identified: "
        "its identifier is missing or not known here."
    )
    return _conditional(Reason(text=words, coding=PAYER_NOT_IDENTIFIED))


def no_policy(brand: str) -> Determination:
    """No rule of this payer addresses the order."""
    words = (
        f"No {brand} policy in this library addresses this order for this member on this date; "
        "nothing was determined."
    )
    return _indeterminate(Reason(text=words, coding=NO_POLICY_FOUND))


def unreachable() -> Determination:
    """What the answer depends on could not be read from the EHR (CRD resp-43)."""
    words = (
        "What this answer depends on could not be read from the EHR's FHIR server; "
        "nothing was determined."
    )
    return _indeterminate(Reason(text=words, coding=TECHNICAL))


def out_of_time() -> Determination:
    """The call had used up its time before this order's turn (CRD found-2, resp-43)."""
    words = "There was no time left in this call to decide on this order; nothing was determined."
    return _indeterminate(Reason(text=words, coding=TECHNICAL))


def order_not_understood() -> Determination:
    """The order carries a modifier this service does not know (FHIR R4, modifierExtension)."""
    words = (
        "The order carries a modifier extension that can change its meaning "
        "and that this service does not know."
    )
    return _conditional(Reason(text=words, coding=ORDER_NOT_UNDERSTOOD))


def _conditional(reason: Reason, needed: InfoNeeded = InfoNeeded.OTHER) -> Determination:
    return Determination(
        covered=Covered.CONDITIONAL,
        info_needed=frozenset({needed}),
        reasons=(reason,),
    )


def _indeterminate(reason: Reason) -> Determination:
    return Determination(covered=Covered.INDETERMINATE, reasons=(reason,))
