"""The facts of one call that log line, metrics and spans may show: none of them is a patient's.

Every value is one of ours, of the clients file, or of a closed list; what a client wrote is here
only if it is one of the words we know (reliability: F9).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from cds_service.audit.trail import Trail
from cds_service.cds_hooks.prefetch import has_failed
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.codes import REASON_CODINGS
from cds_service.crd.decision.determination import Determination
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.reply import Reply
from cds_service.crd.request.version import VERSIONS
from cds_service.errors import HookError, NotRecorded, Unauthorized
from cds_service.fhir.resource import Json, JsonObject

NONE, OTHER = "none", "other"
_FAILURE = b"OperationOutcome"
REASONS = frozenset(coding.code for coding in REASON_CODINGS)
RESOURCES = frozenset(
    "Appointment CommunicationRequest Condition Coverage Device DeviceRequest Encounter "
    "InsurancePlan Location Medication MedicationRequest NutritionOrder Observation Organization "
    "Patient Practitioner PractitionerRole Procedure ServiceRequest VisionPrescription".split()
)
PREFETCH_KEYS = frozenset(key for hook in HOOKS.values() for key, _ in hook.prefetch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query to the EHR: the type it is for, its result, and the cause of a failure in words."""

    resource: str
    result: Lookup
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What may be shown of one call.

    `durations` are seconds by phase, `seconds` the whole; `determined` counts `covered`,
    `pa-needed` and `doc-needed`, each "none" where there is none; `reasons` counts reason codes;
    `prefetch` is the state of each key that the hook asks for. `cause` says why a call was refused.
    """

    trace: str
    client: str
    hook: str
    asked: str
    speaks: str
    status: int
    cause: str = ""
    seconds: float = 0.0
    durations: Mapping[str, float] = field(default_factory=dict)
    determined: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    queries: tuple[Query, ...] = ()
    prefetch: Mapping[str, str] = field(default_factory=dict)
    oddities: tuple[str, ...] = ()


def read_facts(
    trail: Trail,
    status: int,
    *,
    hook: str = "",
    seconds: float | None = None,
) -> CallFacts:
    """The facts of a call that ends with this HTTP status.

    `hook` is the one called, where the trail does not know it yet; `seconds` is what it took as a
    whole, without it the phases together.
    """
    durations = dict(trail.durations)
    determinations = tuple(_determinations(trail))
    return CallFacts(
        trace=trail.trace_id,
        client=trail.caller.name or NONE,
        hook=_hook(trail.hook or hook),
        asked=_asked(trail),
        speaks=trail.version.name if trail.version else NONE,
        status=status,
        cause=_cause(status, trail.refusal),
        seconds=sum(durations.values()) if seconds is None else seconds,
        durations=durations,
        determined=Counter(map(_codes, determinations)),
        reasons=Counter(_reasons(determinations)),
        queries=tuple(map(_query, trail.replies)),
        prefetch=_prefetch(trail.request, may_have_failed=_FAILURE in trail.body),
        oddities=trail.oddities,
    )


def _hook(name: str) -> str:
    return name if name in HOOKS else OTHER if name else NONE


def _asked(trail: Trail) -> str:
    """The version asked for, without a patch part; what is none of ours stays unnamed."""
    asked = trail.asked_version
    if not asked:
        return NONE
    named = ".".join(asked.split(".")[:2])
    return named if named in VERSIONS else OTHER


def _cause(status: int, refusal: HookError | None) -> str:
    """Why a call was refused, in words of ours; those for the caller may repeat what it sent."""
    if isinstance(refusal, Unauthorized):
        return refusal.cause
    if isinstance(refusal, NotRecorded):
        return str(refusal)
    if refusal:
        return refusal.issue_code
    return "a fault of ours" if status == HTTPStatus.INTERNAL_SERVER_ERROR else ""


def _determinations(trail: Trail) -> Iterator[Determination]:
    for answer in (*trail.decisions.answers, *trail.decisions.advice):
        yield from answer.determinations


def _codes(determination: Determination) -> tuple[str, str, str]:
    needed = sorted(determination.doc_needed)
    doc_needed = NONE if not needed else needed[0].value if len(needed) == 1 else "several"
    pa_needed = determination.pa_needed
    return determination.covered.value, pa_needed.value if pa_needed else NONE, doc_needed


def _reasons(determinations: Iterable[Determination]) -> Iterator[str]:
    for determination in determinations:
        codings = (reason.coding for reason in determination.reasons)
        codes = {coding.code for coding in codings if coding}
        yield from {code if code in REASONS else OTHER for code in codes}


def _query(reply: Reply) -> Query:
    kind = reply.query.partition("?")[0].partition("/")[0]
    found = Lookup.FOUND if reply.resources else Lookup.ABSENT
    return Query(
        resource=kind if kind in RESOURCES else OTHER,
        result=Lookup.FAILED if reply.failure else found,
        cause=reply.failure,
    )


def _prefetch(request: HookRequest | None, *, may_have_failed: bool) -> dict[str, str]:
    hook = HOOKS.get(request.hook) if request else None
    if request is None or hook is None:
        return {}
    states = {key: _presence(request.prefetch, key) for key, _ in hook.prefetch}
    if may_have_failed:
        there = [key for key in states if states[key] == "ok"]
        states.update({key: "error" for key in there if _has_failed(request.prefetch[key])})
    return states


def _presence(prefetch: JsonObject, key: str) -> str:
    """How one key of the prefetch came (CDS Hooks, prefetch), unless as an error."""
    if key not in prefetch:
        return "missing"
    return "null" if prefetch[key] is None else "ok"


def _has_failed(value: Json) -> bool:
    """Whether a value is an error; of a Bundle, whose first entry is one.

    Who could not search puts nothing else into it, and a call must not pay for its metrics by the
    number of its resources.
    """
    entries = value.get("entry") if isinstance(value, dict) else None
    return has_failed({**value, "entry": entries[:1]} if isinstance(entries, list) else value)
