"""Membership: what one Coverage says of the member, with payer and plan as plain values.

How a payer and a plan are found is the payer's matter: see `policy.payers` and `policy.plans`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cds_service.crd.request.chart import Chart
from cds_service.errors import InvalidRequest
from cds_service.fhir.coding import CodingKey
from cds_service.fhir.dates import ANY_DAY, Days, period_days
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, first, objects, resource_type, text


class Identifier(NamedTuple):
    """A system and a value; both must match."""

    system: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A payer's product: an InsurancePlan of the library."""

    id: str
    name: str
    identifiers: frozenset[str]
    types: frozenset[CodingKey]
    states: frozenset[str]
    resource: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays: an Organization of the library, its brand, and its plans."""

    id: str
    brand: str
    identifiers: frozenset[Identifier]
    plans: tuple[Plan, ...]


class Activity(StrEnum):
    """Whether a coverage is active on a day; two kinds of doubt ask for different things."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DATE_UNKNOWN = "date-unknown"
    STATUS_UNKNOWN = "status-unknown"


_ACTIVE = "active"
_INACTIVE = frozenset(
    {"cancelled", "draft", "entered-in-error"}
)  # FHIR R4, FinancialResourceStatus

_DECIDING = ("status", "period", "type", "class", "payor")  # what a membership is read from


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What one Coverage says of the member; `payer` and `plan` are None where unknown."""

    coverage: JsonObject
    coverage_key: ResourceKey | None
    payer: Payer | None
    plan: Plan | None
    patient: JsonObject | None
    unreachable: bool = False  # the payer's Organization could not be read

    def activity_on(self, days: Days) -> Activity:
        """Inactive only where status or period say so.

        The date is unknown where some of the days lie outside the period, the status where its word
        is.
        """
        status = coverage_status(self.coverage)
        period = period_days(first(self.coverage.get("period")))
        if status in _INACTIVE or not period.meets(days):
            return Activity.INACTIVE
        if status != _ACTIVE:
            return Activity.STATUS_UNKNOWN
        certain = period.holds(days) or days == ANY_DAY
        return Activity.ACTIVE if certain else Activity.DATE_UNKNOWN


def has_ended_status(status: str) -> bool:
    """Whether a Coverage of this status is in force on no day."""
    return status in _INACTIVE


def coverage_status(coverage: JsonObject) -> str:
    """The status in lower case; a Coverage that states none is taken to be active."""
    stated = coverage.get("status")
    is_unreadable = bool(stated) and not isinstance(stated, str)
    return text(stated).lower() or ("unreadable" if is_unreadable else _ACTIVE)


def read_identifiers(value: object) -> tuple[Identifier, ...]:
    """Identifiers with both system and value; systems less a trailing slash."""
    read = [
        Identifier(text(item.get("system")).rstrip("/"), text(item.get("value")))
        for item in objects(value)
    ]
    return tuple([identifier for identifier in read if identifier.system and identifier.value])


def payor_identifiers(coverage: JsonObject, chart: Chart) -> tuple[Identifier, ...]:
    """The identifiers of `Coverage.payor[0]`: its own and those of the Organization there."""
    payor = first(coverage.get("payor"))
    organization = find_organization(payor, coverage, chart)
    return (
        *read_identifiers(payor.get("identifier")),
        *read_identifiers(organization.get("identifier")),
    )


def find_organization(payor: JsonObject, coverage: JsonObject, chart: Chart) -> JsonObject:
    """The Organization that a Coverage's `payor` points to; empty if none is at hand."""
    found = chart.find(payor, coverage) or {}
    return found if resource_type(found) == "Organization" else {}


def candidate_coverages(chart: Chart) -> tuple[JsonObject, ...]:
    """The patient's Coverages, each once.

    Inactive ones only if there is no other (US Core: one in prefetch).

    Raises:
        InvalidRequest: two that differ have one id, so what is said of it could be of either.
    """
    by_identity: dict[object, JsonObject] = {}
    for coverage in chart.of_type("Coverage"):
        key = read_key(coverage)
        known = by_identity.setdefault(key or id(coverage), coverage)
        is_known = known is coverage
        if not is_known and any(known.get(name) != coverage.get(name) for name in _DECIDING):
            raise InvalidRequest("two different Coverages have one id", "$.prefetch")
    coverages = tuple(by_identity.values())
    perhaps_active = tuple(
        [coverage for coverage in coverages if coverage_status(coverage) not in _INACTIVE]
    )
    return perhaps_active or coverages
