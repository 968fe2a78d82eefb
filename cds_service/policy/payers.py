"""Payers: which payer a Coverage leads to, and the memberships a call is about.

Payers are matched by identifier, never by name (CRD hook-13; HRex Coverage).
"""

from collections.abc import Iterable, Mapping, Sequence

from cds_service.crd.request.attempts import coverage_attempts
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.membership import (
    Identifier,
    Membership,
    Payer,
    candidate_coverages,
    find_organization,
    payor_identifiers,
    read_identifiers,
)
from cds_service.crd.request.payor import describe_payor
from cds_service.errors import DataUnavailable, InvalidRequest, PayerNotHandled
from cds_service.fhir.reference import fits_reference, read_key
from cds_service.fhir.resource import JsonObject, first, text
from cds_service.policy.plans import find_plan

# Coverages written onto every order of an older client; nobody has more.
_MOST_COVERAGES = 8


class Payers:
    """The payers hosted here, found by any of their identifiers."""

    def __init__(self, payers: Iterable[Payer]) -> None:
        self.all = tuple(payers)
        self._by_identifier: Mapping[Identifier, Payer] = {
            identifier: payer for payer in self.all for identifier in payer.identifiers
        }
        self._by_id = {payer.id: payer for payer in self.all}

    @property
    def identifiers(self) -> Mapping[Identifier, Payer]:
        """Each identifier of a payer hosted here, with its payer."""
        return self._by_identifier

    def find(self, identifiers: Iterable[Identifier]) -> Payer | None:
        """The payer any of these identifiers belongs to."""
        known = (self._by_identifier.get(identifier) for identifier in identifiers)
        return next((payer for payer in known if payer), None)

    def get(self, payer_id: str) -> Payer:
        """The payer with the id of its Organization in the library."""
        return self._by_id[payer_id]


def resolve_memberships(
    chart: Chart, payers: Payers, *, must_have_one: bool
) -> tuple[Membership, ...]:
    """The memberships a call is about; none if no Coverage came.

    A client that must have one gets exactly one, of a payer hosted here, or an error (CRD hook-13).
    An older one gets every Coverage of a hosted payer, or else the first.

    Raises:
        PayerNotHandled: no Coverage, several, or one whose payer is not hosted here.
        DataUnavailable: no Coverage was sent, none was looked for, and there is nowhere to ask.
        InvalidRequest: a Coverage has an id that no reference can carry.
    """
    coverages = candidate_coverages(chart)
    if must_have_one:
        membership = resolve_membership(_only(coverages, chart), chart, payers)
        _check_known(membership, chart, payers)
        memberships: tuple[Membership, ...] = (membership,)
    else:
        memberships = _hosted(coverages, chart, payers)
    _check_ids(memberships)
    return memberships


def _only(coverages: Sequence[JsonObject], chart: Chart) -> JsonObject:
    looked_for = chart.lookups.state_of_type("Coverage") is Lookup.ABSENT
    if not coverages and not (looked_for or chart.of_others):
        raise DataUnavailable(
            "the patient's Coverage was not sent and could not be queried: "
            f"{coverage_attempts(chart)}",
            "$.prefetch",
        )
    if len(coverages) != 1:
        raise PayerNotHandled(_not_one(coverages, chart), "$.prefetch")
    return coverages[0]


def _not_one(coverages: Sequence[JsonObject], chart: Chart) -> str:
    """How many came, or how they were looked for."""
    needed = "exactly one Coverage is needed to tell the payer"
    if coverages:
        many = f"several Coverages came, {len(coverages)} in all"
        return f"{needed}; {many}: send the one that is in force"
    if chart.of_others:
        return f"{needed}; no Coverage of this patient came, only resources of another"
    return f"{needed}; no Coverage came: {coverage_attempts(chart)}"


def _check_known(membership: Membership, chart: Chart, payers: Payers) -> None:
    if membership.payer is None and not membership.unreachable:
        raise PayerNotHandled(
            describe_payor(membership.coverage, chart, payers.identifiers), "$.prefetch"
        )
    if membership.coverage_key is None:
        raise PayerNotHandled(
            "the Coverage has no `id`, so nothing can be said of it: send it with its id",
            "$.prefetch",
        )


def _hosted(
    coverages: Sequence[JsonObject], chart: Chart, payers: Payers
) -> tuple[Membership, ...]:
    """The memberships of payers hosted here, not too many of them; if there is none, the first."""
    if len(coverages) > _MOST_COVERAGES:
        coverages = _first_hosted(coverages, chart, payers) or coverages[:1]
    found = tuple(resolve_membership(coverage, chart, payers) for coverage in coverages)
    return tuple(membership for membership in found if membership.payer) or found[:1]


def _first_hosted(
    coverages: Sequence[JsonObject], chart: Chart, payers: Payers
) -> list[JsonObject]:
    """As many Coverages of payers hosted here as are written; what all share is read once."""
    hosted: list[JsonObject] = []
    by_organization: dict[int, Payer | None] = {}  # by the identity of its JSON object
    for coverage in coverages:
        payor = first(coverage.get("payor"))
        organization = find_organization(payor, coverage, chart)
        if organization and id(organization) not in by_organization:
            identifiers = read_identifiers(organization.get("identifier"))
            by_organization[id(organization)] = payers.find(identifiers)
        own = read_identifiers(payor.get("identifier"))
        if payers.find(own) or by_organization.get(id(organization)):
            hosted.append(coverage)
        if len(hosted) == _MOST_COVERAGES:
            break
    return hosted


def _check_ids(memberships: Iterable[Membership]) -> None:
    """What is said of a Coverage names it by a reference, so its id has to fit into one."""
    for membership in memberships:
        key = membership.coverage_key
        if key and not (fits_reference(key.id) and key.id.isprintable() and " " not in key.id):
            raise InvalidRequest(
                "the Coverage's id holds a character that no reference can (FHIR R4, id)",
                "$.prefetch",
            )


def resolve_membership(coverage: JsonObject, chart: Chart, payers: Payers) -> Membership:
    """What one Coverage says of the member."""
    payer = payers.find(payor_identifiers(coverage, chart))
    payor = first(coverage.get("payor"))
    return Membership(
        coverage=coverage,
        coverage_key=read_key(coverage),
        payer=payer,
        plan=find_plan(coverage, chart.patient, payer.plans) if payer else None,
        patient=chart.patient,
        # A payor in words alone was never to be read.
        unreachable=payer is None
        and bool(text(payor.get("reference")))
        and chart.state(payor, coverage) is Lookup.FAILED,
    )
