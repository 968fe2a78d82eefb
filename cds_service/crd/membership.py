"""Membership: which payer and plan a Coverage belongs to (CRD hook-13; HRex Coverage).

Payers are matched by identifier, never by name. A plan that cannot be told is unknown, and unknown is not "no".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cds_service.crd.chart import Chart
from cds_service.crd.determination import Truth
from cds_service.errors import DataUnavailable, PayerNotHandled
from cds_service.fhir.coding import CodingKey, read_codings
from cds_service.fhir.dates import ANY_DAY, Days, period_days
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, first, follow, objects, resource_type, text

_POSTAL_CODE = 2  # letters in a state code; a name we do not know is no certain state
_MOST_COVERAGES = 8  # answered for an older client; nobody has more, and each is written onto every order
_ORGANIZATION_KEYS = ("payers", "payer", "organizations", "organization")
PLAN_CLASS = CodingKey("terminology.hl7.org/codesystem/coverage-class", "PLAN")


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


class Payers:
    """The payers hosted here, found by any of their identifiers."""

    def __init__(self, payers: Iterable[Payer]) -> None:
        self.all = tuple(payers)
        self._by_identifier: Mapping[Identifier, Payer] = {
            identifier: payer for payer in self.all for identifier in payer.identifiers
        }

    def find(self, identifiers: Iterable[Identifier]) -> Payer | None:
        """The payer any of these identifiers belongs to."""
        known = (self._by_identifier.get(identifier) for identifier in identifiers)
        return next((payer for payer in known if payer), None)


def read_identifiers(value: object) -> tuple[Identifier, ...]:
    """Identifiers with both system and value; systems less a trailing slash."""
    read = (Identifier(text(item.get("system")).rstrip("/"), text(item.get("value"))) for item in objects(value))
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


def resolve_memberships(chart: Chart, payers: Payers, *, must_have_one: bool) -> tuple[Membership, ...]:
    """The memberships a call is about; none if no Coverage came.

    A client that must have one gets exactly one, of a payer hosted here, or an error (CRD hook-13). An older one gets
    every Coverage of a hosted payer, or else the first.

    Raises:
        PayerNotHandled: no Coverage, several, or one whose payer is not hosted here.
        DataUnavailable: no Coverage was sent, none was looked for, and there is nowhere to ask.
    """
    found = tuple(resolve_membership(coverage, chart, payers) for coverage in candidate_coverages(chart))
    if must_have_one:
        _check_one(found, chart)
        return found
    return tuple(one for one in found if one.payer)[:_MOST_COVERAGES] or found[:1]


def _check_one(found: tuple[Membership, ...], chart: Chart) -> None:
    looked_for = chart.foreign or any(_is_coverage_search(name) for name in chart.looked_for)
    if not found and not looked_for:
        raise DataUnavailable("the patient's Coverage was not sent and could not be queried", "$.prefetch")
    if len(found) != 1:
        count = "several Coverages" if found else "no Coverage"
        raise PayerNotHandled(f"exactly one Coverage is needed to tell the payer; {count} came", "$.prefetch")
    if found[0].payer is None and not found[0].unreachable:
        raise PayerNotHandled("the identifier of the Coverage's payer is missing or not hosted here", "$.prefetch")
    if found[0].coverage_key is None:
        raise PayerNotHandled("the Coverage has no id, so nothing can be said of it", "$.prefetch")


def _is_coverage_search(name: str) -> bool:
    """Whether a prefetch key or query that brought nothing was a search for Coverage."""
    return "coverage" in name.lower()


def resolve_membership(coverage: JsonObject, chart: Chart, payers: Payers) -> Membership:
    """What one Coverage says of the member."""
    payer = payers.find(payor_identifiers(coverage, chart))
    return Membership(
        coverage=coverage,
        coverage_key=read_key(coverage),
        payer=payer,
        plan=find_plan(coverage, chart.patient, payer.plans) if payer else None,
        patient=chart.patient,
        unreachable=payer is None and _is_unreachable(coverage, chart),
    )


def _is_unreachable(coverage: JsonObject, chart: Chart) -> bool:
    """Whether the payer's Organization was asked for, by us or by the client, and could not be had."""
    payor = first(coverage.get("payor"))
    if not text(payor.get("reference")) or chart.find(payor, coverage):
        return False
    return chart.could_not_read(payor) or any(name in chart.failed for name in _ORGANIZATION_KEYS)


def find_plan(coverage: JsonObject, patient: JsonObject | None, plans: Sequence[Plan]) -> Plan | None:
    """The plan named by the class `plan`, else the only one that fits `Coverage.type` and the member's state."""
    named = {text(one.get("value")) for one in objects(coverage.get("class")) if _is_plan_class(one)}
    by_name = [plan for plan in plans if plan.identifiers & named]
    if by_name:
        return _only(by_name)
    types = frozenset(coding.key for coding in read_codings(coverage.get("type")))
    return _only(_narrowest([plan for plan in plans if _shares_type(plan, types)], _states(patient)))


def _is_plan_class(value: JsonObject) -> bool:
    return any(coding.key == PLAN_CLASS for coding in read_codings(value.get("type")))


def _shares_type(plan: Plan, types: frozenset[CodingKey]) -> bool:
    """Whether a type is shared, and no code system that both use contradicts it."""
    shared = plan.types & types
    both = {one.system for one in plan.types} & {one.system for one in types}
    return bool(shared) and both == {one.system for one in shared}


def _states(patient: JsonObject | None) -> frozenset[str]:
    current = [one for one in follow(patient or {}, ("address",)) if one.get("use") != "old"]
    states = (text(address.get("state")).upper().removeprefix("US-") for address in current)
    return frozenset(state for state in states if state)


def _narrowest(fitting: list[Plan], states: frozenset[str]) -> list[Plan]:
    """Plans for the member's state before plans for any; none if an area matters and the state is not certain."""
    areas = frozenset(state for plan in fitting for state in plan.states)
    if not areas:
        return fitting
    if not _is_certain(states, fitting):
        return []
    return [plan for plan in fitting if plan.states & states] or [plan for plan in fitting if not plan.states]


def _is_certain(states: frozenset[str], fitting: list[Plan]) -> bool:
    if any(states <= plan.states for plan in fitting):  # one state, in one spelling or several
        return bool(states)
    return len(states) == 1 and all(len(state) == _POSTAL_CODE for state in states)


def _only(plans: list[Plan]) -> Plan | None:
    return plans[0] if len(plans) == 1 else None
