"""Refusals explained: what was understood of a call that gets an error, and what would mend it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from cds_service.audit.explanation import Row, show_codings, table
from cds_service.cds_hooks.request import HookRequest, decode_json
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.membership import coverage_status, payor_identifiers
from cds_service.crd.request.order import read_coded
from cds_service.crd.request.requested_orders import find_requested
from cds_service.errors import HookError
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject, first, text
from cds_service.policy.payers import Payers

_BLANK = ("", "")
# What to do about an error, by its status.
_REMEDIES: Mapping[int, str] = {
    400: "change the request where it says: the same request will be refused again",
    412: "send what is missing in prefetch, or let it be queried: `fhirServer` with a token, and "
    "the server named by `--ehr` of this service",
    413: "send less: fewer orders, or a smaller body",
    422: "the request is sound JSON and FHIR, but CRD forbids it: change it where it says",
}
_ANY_REMEDY = "see the problem"


def explain_refusal(error: HookError, body: bytes, hook: Hook | None, payers: Payers) -> str:
    """A table of the error and, before it, all that was understood of the call.

    `hook` is the one that the call names, if it is answered here.
    """
    rows = [*_understood(body, hook, payers), _BLANK, *_error_rows(error)]
    return table(rows)


def _error_rows(error: HookError) -> Iterator[Row]:
    yield "refused", f"{error.status}, {error.issue_code}"
    if error.where:
        yield "  at", error.where
    yield "  because", str(error)
    yield "  remedy", _REMEDIES.get(error.status, _ANY_REMEDY)


def _understood(body: bytes, hook: Hook | None, payers: Payers) -> Iterator[Row]:
    try:
        request = decode_json(body)
    except HookError:
        request = None
    if not isinstance(request, dict):
        yield "request", f"{len(body)} bytes that are no JSON object"
        return
    yield "hook", text(request.get("hook")) or "not named"
    yield "version", _version(first(request.get("extension")))
    yield "prefetch", ", ".join(first(request.get("prefetch"))) or "nothing"
    yield "EHR", text(request.get("fhirServer")) or "not named"
    chart = read_chart(_lenient(request))
    yield "patient", f"{chart.call_patient.key}, {'at hand' if chart.patient else 'not at hand'}"
    if chart.of_others:
        yield "not used", f"{chart.of_others} resources of another patient"
    yield from _coverage_rows(chart, payers)
    if hook:
        yield from _order_rows(hook, chart)


def _version(extension: JsonObject) -> str:
    return text(extension.get("davinci-crd.requestedVersion")) or "not named: the default"


def _lenient(request: JsonObject) -> HookRequest:
    """The request as far as it has any shape, checked by nobody."""
    return HookRequest(
        hook=text(request.get("hook")),
        hook_instance=text(request.get("hookInstance")),
        context=first(request.get("context")),
        prefetch=first(request.get("prefetch")),
        extension=first(request.get("extension")),
        fhir_server=text(request.get("fhirServer")),
        fhir_authorization=first(request.get("fhirAuthorization")),
        body=request,
    )


def _coverage_rows(chart: Chart, payers: Payers) -> Iterator[Row]:
    coverages = chart.of_type("Coverage")
    if not coverages:
        yield "coverage", "none at hand"
    for coverage in coverages:
        yield "coverage", f"{read_key(coverage) or 'without id'}, {coverage_status(coverage)}"
        identifiers = payor_identifiers(coverage, chart)
        payer = payers.find(identifiers)
        came = ", ".join(f"{system}|{value}" for system, value in identifiers)
        yield "  identifiers", came or "none of its payer"
        yield "  payer", payer.id if payer else "none that is hosted here"


def _order_rows(hook: Hook, chart: Chart) -> Iterator[Row]:
    """The orders at hand, and how many are only named; nothing where not even that can be read."""
    with suppress(HookError):
        requested = find_requested(hook, chart)
        for order in requested.resources:
            yield "order", str(read_key(order) or "without id")
            yield "  codes", show_codings(read_coded(order).codings) or "none"
        if missing := requested.not_at_hand(chart):
            yield "not at hand", f"{missing} of {len(requested.named)} resources named"
