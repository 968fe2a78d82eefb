"""Needs: what a call still lacks, as FHIR queries for its EHR; never more than the answer uses (CRD found-28)."""

from collections.abc import Iterator

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.membership import candidate_coverages
from cds_service.crd.request.order import code_references, is_order
from cds_service.crd.request.requested_orders import based_on
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, text

# Under which prefetch key a client would have sent a type, so that "looked for, nothing there" is not asked again.
_PREFETCH_KEYS = {
    "Organization": "payers",
    "Patient": "patient",
    "Encounter": "encounter",
    "Coverage": "coverage",
}


def queries(hook: Hook, chart: Chart) -> list[str]:
    """The queries to make now; later ones may follow from what these bring."""
    wanted = dict.fromkeys((*_orders(hook, chart), *_codes(hook, chart), *_member(chart)))
    return [query for query in wanted if query not in (*chart.looked_for, *chart.failed)]


def _orders(hook: Hook, chart: Chart) -> Iterator[str]:
    """Orders the context only names, and the orders behind appointments."""
    for reference in hook.references(chart.context):
        yield from _missing({"reference": reference}, {}, chart)
    for resource in hook.resources(chart.context):
        for order in based_on(resource):
            yield from _missing(order, resource, chart)


def _codes(hook: Hook, chart: Chart) -> Iterator[str]:
    """Medications and Devices that hold an order's code."""
    named = (
        chart.find({"reference": reference}, {}) for reference in hook.references(chart.context)
    )
    behind = (
        chart.find(order, one) for one in hook.resources(chart.context) for order in based_on(one)
    )
    for order in (*hook.resources(chart.context), *filter(None, named), *filter(None, behind)):
        for reference in code_references(order) if is_order(order) else ():
            yield from _missing(reference, order, chart)


def _member(chart: Chart) -> Iterator[str]:
    """The patient, the Coverage, and the payer behind it."""
    coverages = candidate_coverages(chart)
    if chart.patient is None and chart.patient_id and not _was_sought("Patient", chart):
        yield f"Patient/{chart.patient_id}"
    if not coverages and not _was_sought("Coverage", chart):
        yield coverage_query(chart)
    for coverage in coverages:
        payor = first(coverage.get("payor"))
        if "identifier" not in payor:
            yield from _missing(payor, coverage, chart)


def coverage_query(chart: Chart) -> str:
    """The guide's standard search for the patient's Coverage."""
    return f"Coverage?patient={chart.patient_id}&status=active"


def was_sought_in_vain(reference: str, chart: Chart) -> bool:
    """Whether what a reference names was looked for, by us or by the client, and is not there."""
    key = parse_reference(reference)
    return key is not None and (str(key) in chart.looked_for or _was_sought(key.type, chart))


def _missing(reference: JsonObject, within: JsonObject, chart: Chart) -> Iterator[str]:
    key = parse_reference(text(reference.get("reference")))
    if key and chart.find(reference, within) is None and not _was_sought(key.type, chart):
        yield str(key)


def _was_sought(kind: str, chart: Chart) -> bool:
    """Whether the client itself looked, and there was nothing: CDS Hooks says not to ask again."""
    key = _PREFETCH_KEYS.get(kind, f"{kind[0].lower()}{kind[1:]}s")
    return key in chart.looked_for
