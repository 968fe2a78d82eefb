"""Membership: what one Coverage says of the member, and the payers and plans it may lead to, as plain values.

How a payer and a plan are found is the payer's matter: see `policy.payers` and `policy.plans`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from cds_service.crd.request.chart import Chart
from cds_service.fhir.coding import CodingKey
from cds_service.fhir.dates import ANY_DAY, Days, period_days
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, first, objects, resource_type, text
from cds_service.fhir.truth import Truth


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What one Coverage says of the member; `payer` and `plan` are None where unknown."""

    coverage: JsonObject
    coverage_key: ResourceKey | None
    payer: Payer | None
    plan: Plan | None
    patient: JsonObject | None
    unreachable: bool = False  # the payer's Organization could not be read

    def activity_on(self, days: Days) -> Truth:
        """False only where status or period say so; unknown if some of the days lie outside."""
        status = text(self.coverage.get("status")) or "active"
        period = period_days(first(self.coverage.get("period")))
        if status != "active" or not period.meets(days):
            return Truth.FALSE
        return Truth.TRUE if period.holds(days) or days == ANY_DAY else Truth.UNKNOWN


def read_identifiers(value: object) -> tuple[Identifier, ...]:
    """Identifiers with both system and value; systems less a trailing slash."""
    read = (
        Identifier(text(item.get("system")).rstrip("/"), text(item.get("value")))
        for item in objects(value)
    )
    return tuple(one for one in read if one.system and one.value)


def payor_identifiers(coverage: JsonObject, chart: Chart) -> tuple[Identifier, ...]:
    """The identifiers of `Coverage.payor[0]`: its own, or those of the Organization it points to."""
    payor = first(coverage.get("payor"))
    own = read_identifiers(payor.get("identifier"))
    found = chart.find(payor, coverage) or {}
    organization = found if resource_type(found) == "Organization" else {}
    return (*own, *read_identifiers(organization.get("identifier")))


def candidate_coverages(chart: Chart) -> tuple[JsonObject, ...]:
    """The patient's Coverages, each once; inactive ones only if there is no active one (US Core: one in prefetch)."""
    distinct = tuple({read_key(one) or id(one): one for one in chart.of_type("Coverage")}.values())
    active = tuple(one for one in distinct if (text(one.get("status")) or "active") == "active")
    return active or distinct
