"""Spans: one a call and one a phase of it, for OpenTelemetry; an extra, off unless told where to.

The variables are OpenTelemetry's own, such as OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import importlib.util
import logging
from collections.abc import Mapping
from typing import Protocol

from cds_service.web.call_facts import CallFacts
from cds_service.web.trace_context import TraceContext

_LOG = logging.getLogger("cds_service.web")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_OFF = "OTEL_SDK_DISABLED"
_LIBRARIES = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class Spans(Protocol):
    """Where spans go."""

    def add(self, facts: CallFacts, context: TraceContext) -> None:
        """Add the spans of a call that has just ended; does not wait and does not fail."""

    def close(self) -> None:
        """Send what waits, if that takes no more than a moment."""


class NoSpans:
    """Where nobody wants them."""

    def add(self, facts: CallFacts, context: TraceContext) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to let go of."""


def open_spans(environ: Mapping[str, str]) -> Spans:
    """Where OpenTelemetry's variables say that spans go; nowhere if they say nothing."""
    is_off = environ.get(_OFF, "").strip().lower() == "true"
    if is_off or not any(environ.get(name) for name in _ENDPOINTS):
        return NoSpans()
    if not all(map(_is_installed, _LIBRARIES)):
        _LOG.warning("no traces are sent: install crd-service[opentelemetry], or unset OTEL_*")
        return NoSpans()
    from cds_service.web.otlp_spans import OtlpSpans  # noqa: PLC0415  # an extra

    return OtlpSpans(service=environ.get("OTEL_SERVICE_NAME", "crd-service"))


def _is_installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # not even what it is part of
        return False
