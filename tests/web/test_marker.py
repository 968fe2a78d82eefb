"""A marker in every field of a request is found in no log line, metric or span (F9).

Nor is it in the body of an error that no caller can mend, nor in a header of any answer.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from every_hook import HOOK_NAMES, call
from fake_ehr import FakeEhr, respond
from fakes import FakeLog
from flask.testing import FlaskClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from web.log_lines import written_logs
from web.seen_calls import made_metrics

from cds_service.app.service import Service, build_service
from cds_service.app.site import open_site
from cds_service.audit.record import AuditRecord
from cds_service.ehr.client import RequestsEhr
from cds_service.fhir.resource import encode
from cds_service.settings import Settings
from cds_service.web.observation import Observation, watch
from cds_service.web.otlp_spans import OtlpSpans

MARKER = "Zq7Mustermann"
MOST_BODY = 100_000
JsonObject = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(slots=True)
class FailingLog(FakeLog):
    """A log with a fault of ours in it, whose exception repeats what was to be kept."""

    failing: bool = False

    def write(self, *records: AuditRecord) -> None:
        if self.failing:
            raise RuntimeError(MARKER) from KeyError(MARKER)
        FakeLog.write(self, *records)


@dataclass(slots=True)
class KeptSpans(SpanExporter):
    """Remembers the spans it is to send."""

    spans: list[ReadableSpan] = field(default_factory=list)

    def export(self, spans: Any) -> SpanExportResult:
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


@dataclass(slots=True, kw_only=True)
class Watched:
    """A service that is watched, and what was seen of it."""

    client: FlaskClient
    log: FailingLog
    spans: OtlpSpans
    kept: KeptSpans
    statuses: set[int] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)

    def send(self, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> int:
        """The status of an answer; a marker where none may be is a leak."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        response = self.client.open(path, method=method, data=body, headers=named)
        status, text = response.status_code, response.text
        response.close()
        self.statuses.add(status)
        if has_marker(str(response.headers)):
            self.leaks.append(f"{method} {path}: a header")
        if status in (401, 404, 405, 413, 429, 500, 503) and has_marker(text):
            self.leaks.append(f"{method} {path}: the body of a {status}")
        return status

    def call(self, request: JsonObject, hook: str) -> int:
        """The status of an answer to a call."""
        return self.send(f"/cds-services/{hook}-crd", encode(request))

    def shown(self, lines: str) -> Mapping[str, str]:
        """All that was shown of what came, by where."""
        self.spans.close()
        spans = "".join(span.to_json() for span in self.kept.spans)
        return {"log": lines, "metrics": self.client.get("/metrics").text, "spans": spans}


def has_marker(text: str) -> bool:
    """Whether a text shows the marker, in whatever case."""
    return MARKER.lower() in text.lower()


@cache
def hosted(ehr: RequestsEhr | None) -> tuple[Service, FailingLog]:
    """A service over the built-in policies, built once for each EHR, and its log."""
    log = FailingLog()
    return build_service(Settings(), ehr=ehr, log=log), log


def make_watched(ehr: RequestsEhr | None = None) -> Watched:
    """A site that nobody has called yet, as it is served, and watched for spans beside."""
    (service, log), kept = hosted(ehr), KeptSpans()
    log.failing = False
    app = open_site(service, Settings(max_body=MOST_BODY)).app
    spans = OtlpSpans(service="crd", exporter=kept)
    watch(app, Observation(metrics=made_metrics(), spans=spans))
    return Watched(client=app.test_client(), log=log, spans=spans, kept=kept)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The place of every member and every text in a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))


def planted(request: JsonObject, path: Path, plant: Callable[[Any, Any], None]) -> JsonObject:
    """The request with something planted at one place."""
    changed = copy.deepcopy(request)
    holder: Any = changed
    for step in path[:-1]:
        holder = holder[step]
    plant(holder, path[-1])
    return changed


def instead(holder: Any, name: Any) -> None:
    """The marker alone."""
    holder[name] = MARKER


def behind(holder: Any, name: Any) -> None:
    """The marker behind what is there."""
    holder[name] = f"{holder[name]}{MARKER}" if isinstance(holder[name], str) else [MARKER]


def as_name(holder: Any, name: Any) -> None:
    """The marker as the name of a member."""
    holder[MARKER] = holder.pop(name)


PLANTS = (instead, behind, as_name)


def marked_calls(hook: str) -> Iterator[JsonObject]:
    """A call of a hook with the marker in each place in turn, in each way."""
    request = call(hook, fhirServer="http://127.0.0.1:9/fhir", **authorization())
    for path in places(request):
        for plant in PLANTS:
            yield planted(request, path, plant)


def authorization() -> JsonObject:
    """A token for the EHR, as a client gives it."""
    return {
        "fhirAuthorization": {
            "access_token": MARKER,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "crd",
        }
    }


@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_marker_in_any_field_of_a_call_is_shown_nowhere(hook: str, log_format: str) -> None:
    """In each text, behind each text, as the name of each member."""
    watched = make_watched()
    with written_logs(log_format) as stream:
        for request in list(marked_calls(hook))[log_format == "text" :: 2]:
            watched.call(request, hook)
    shown = watched.shown(stream.getvalue())

    assert watched.leaks == []
    assert [where for where, text in shown.items() if has_marker(text)] == []
    assert {200, 400} <= watched.statuses
    assert all(shown.values())
    assert "crd_hook_requests_total{" in shown["metrics"]


HEADERS = (
    "Authorization Accept Content_Type Cookie Origin Referer User_Agent X_Forwarded_For "
    "X_Request_Id traceparent tracestate baggage"
).split()
WAYS_IN: Mapping[str, tuple[str, str, dict[str, str]]] = {
    "a path": ("GET", f"/{MARKER}", {}),
    "a service": ("POST", f"/cds-services/{MARKER}", {}),
    "a policy": ("GET", f"/policies/{MARKER}", {}),
    "an assertion": ("GET", f"/assertions/{MARKER}", {}),
    "a query": ("POST", f"/cds-services/order-sign-crd?patient={MARKER}", {}),
    "a method": (MARKER.upper(), "/cds-services", {}),
    "headers": (
        "POST",
        "/cds-services/order-sign-crd",
        dict.fromkeys(HEADERS, MARKER),
    ),
}


@pytest.mark.parametrize("name", WAYS_IN)
def test_a_marker_beside_the_body_is_shown_nowhere(name: str) -> None:
    """In path, query, method and headers."""
    method, path, headers = WAYS_IN[name]
    watched = make_watched()
    with written_logs() as stream:
        watched.send(path, encode(call("order-sign")), method, **headers)
    shown = watched.shown(stream.getvalue())

    assert watched.leaks == []
    assert [where for where, text in shown.items() if has_marker(text)] == []


BODIES: Mapping[str, bytes] = {
    "no JSON": f'{{"{MARKER}'.encode(),
    "another value": f'"{MARKER}"'.encode(),
    "too large": MARKER.encode() * MOST_BODY,
    "too deep": b"[" * 5000 + MARKER.encode(),
    "feedback": f'{{"feedback":[{{"card":"{MARKER}","outcome":"{MARKER}"}}]}}'.encode(),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["order-sign-crd", "order-sign-crd/feedback"])
def test_a_marker_in_a_body_that_is_no_call_is_shown_nowhere(name: str, path: str) -> None:
    """It cannot be read, or is something else."""
    watched = make_watched()
    with written_logs() as stream:
        watched.send(f"/cds-services/{path}", BODIES[name])
    shown = watched.shown(stream.getvalue())

    assert watched.leaks == []
    assert [where for where, text in shown.items() if has_marker(text)] == []
    assert watched.statuses <= {400, 413}


def test_a_marker_in_a_fault_of_ours_is_shown_nowhere() -> None:
    """An exception that repeats it is its type and places."""
    watched = make_watched()
    watched.log.failing = True
    with written_logs() as stream:
        watched.call(call("order-sign"), "order-sign")
    shown = watched.shown(stream.getvalue())

    assert watched.statuses == {500}
    assert "RuntimeError at " in shown["log"]
    assert watched.leaks == []
    assert [where for where, text in shown.items() if has_marker(text)] == []


@pytest.mark.parametrize("media_type", ["text/html", "application/fhir+json"])
def test_a_marker_that_an_ehr_sends_is_shown_nowhere(media_type: str) -> None:
    """Its answer is of no use, and the line of the call says why in our words."""
    gibberish = respond(MARKER.encode(), Content_Type=media_type, X_Request_Id=MARKER)
    ehr = RequestsEhr()
    with FakeEhr(gibberish) as server, written_logs() as stream:
        watched = make_watched(ehr)
        request = call("order-sign", member=(), fhirServer=server.base, **authorization())
        watched.call(request, "order-sign")
        ehr.close()
    shown = watched.shown(stream.getvalue())

    assert re.search(r'"failed":[1-9]\d*,"causes":\{"the response is not', shown["log"])
    assert watched.leaks == []
    assert [where for where, text in shown.items() if has_marker(text)] == []


def test_a_marker_that_is_shown_would_be_found() -> None:
    """The tests above can fail."""
    assert has_marker(f"patient={MARKER.upper()}")
    assert has_marker(encode(next(marked_calls("order-sign"))).decode())
