"""Payers: which payer a Coverage leads to, and the memberships a call is about (CRD hook-13; HRex Coverage).

Payers are matched by identifier, never by name.
"""

from collections.abc import Iterable, Mapping

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.membership import (
    Identifier,
    Membership,
    Payer,
    candidate_coverages,
    payor_identifiers,
)
from cds_service.errors import DataUnavailable, PayerNotHandled
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject, first, text
from cds_service.policy.plans import find_plan

_MOST_COVERAGES = (
    8  # answered for an older client; nobody has more, and each is written onto every order
)
_ORGANIZATION_KEYS = ("payers", "payer", "organizations", "organization")


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


def resolve_memberships(
    chart: Chart, payers: Payers, *, must_have_one: bool
) -> tuple[Membership, ...]:
    """The memberships a call is about; none if no Coverage came.

    A client that must have one gets exactly one, of a payer hosted here, or an error (CRD hook-13). An older one gets
    every Coverage of a hosted payer, or else the first.

    Raises:
        PayerNotHandled: no Coverage, several, or one whose payer is not hosted here.
        DataUnavailable: no Coverage was sent, none was looked for, and there is nowhere to ask.
    """
    found = tuple(
        resolve_membership(coverage, chart, payers) for coverage in candidate_coverages(chart)
    )
    if must_have_one:
        _check_one(found, chart)
        return found
    return tuple(one for one in found if one.payer)[:_MOST_COVERAGES] or found[:1]


def _check_one(found: tuple[Membership, ...], chart: Chart) -> None:
    looked_for = chart.foreign or any(_is_coverage_search(name) for name in chart.looked_for)
    if not found and not looked_for:
        raise DataUnavailable(
            "the patient's Coverage was not sent and could not be queried", "$.prefetch"
        )
    if len(found) != 1:
        count = "several Coverages" if found else "no Coverage"
        raise PayerNotHandled(
            f"exactly one Coverage is needed to tell the payer; {count} came", "$.prefetch"
        )
    if found[0].payer is None and not found[0].unreachable:
        raise PayerNotHandled(
            "the identifier of the Coverage's payer is missing or not hosted here", "$.prefetch"
        )
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
