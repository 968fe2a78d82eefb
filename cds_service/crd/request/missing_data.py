"""Missing data: what a call still lacks, as FHIR queries for its EHR.

Never more than the answer uses (CRD found-28).
"""

from collections.abc import Iterator

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.limits import check_requested
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.membership import candidate_coverages
from cds_service.crd.request.order_kinds import code_references
from cds_service.crd.request.requested_orders import Requested, find_requested
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, text


def missing_data(hook: Hook, chart: Chart) -> list[str]:
    """The queries to make now, each once; later ones may follow from what these bring.

    Raises:
        InvalidRequest: two different orders have one type and id.
        TooLarge: the call names more than a person would, so nothing is asked.
    """
    requested = find_requested(hook, chart)
    check_requested(requested, chart)
    queries = dict.fromkeys(
        (*_orders(requested, chart), *_codes(requested, chart), *_member(chart))
    )
    return [query for query in queries if query not in chart.lookups.by_query]


def _orders(requested: Requested, chart: Chart) -> Iterator[str]:
    """Orders the context only names, and the orders behind appointments."""
    for reference in requested.named:
        yield from _missing(reference, {}, chart)
    for reference, appointment in requested.based_on:
        yield from _missing(reference, appointment, chart)


def _codes(requested: Requested, chart: Chart) -> Iterator[str]:
    """Medications and Devices that hold an order's code."""
    for order in requested.orders_at_hand(chart):
        for reference in code_references(order):
            yield from _missing(reference, order, chart)


def _member(chart: Chart) -> Iterator[str]:
    """The patient, the Coverage, and the payer behind it."""
    patient = chart.call_patient.key
    if chart.patient is None and patient.id and _may_be_asked("Patient", chart):
        yield str(patient)
    coverages = candidate_coverages(chart)
    if not coverages and patient.id and _may_be_asked("Coverage", chart):
        # The guide's standard search (CRD found-29).
        yield f"Coverage?patient={patient.id}&status=active"
    for coverage in coverages:
        payor = first(coverage.get("payor"))
        if "identifier" not in payor:
            yield from _missing(payor, coverage, chart)


def _missing(reference: JsonObject, within: JsonObject, chart: Chart) -> Iterator[str]:
    key = parse_reference(text(reference.get("reference")))
    if key and chart.find(reference, within) is None and _may_be_asked(key.type, chart):
        yield str(key)


def _may_be_asked(kind: str, chart: Chart) -> bool:
    """Whether nobody has looked and found nothing: CDS Hooks says not to ask again.

    A client that could not read it leaves us free to try.
    """
    return chart.lookups.state_of_type(kind) is not Lookup.ABSENT
