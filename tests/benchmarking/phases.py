"""Where the time goes: the parts of `Pipeline.respond`, called one by one and timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import TypeVar

from cds_service.app import build_service
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.request import decode_json
from cds_service.crd.request.call import read_call
from cds_service.crd.request.chart import read_chart
from cds_service.crd.request.version import agree_version
from cds_service.crd.response.hook_response import respond
from cds_service.fhir.resource import encode
from cds_service.pipeline import Pipeline
from cds_service.policy.payers import resolve_memberships
from cds_service.policy.run.adjudication import decide
from cds_service.settings import Settings

T = TypeVar("T")

WHOLE = "Pipeline.respond, whole"
_WARM_UP = 100  # calls
_JSON = "parse: JSON"
_CHECKED = "parse: JSON and schema"


class DifferentAnswer(Exception):
    """The phases do not come to the pipeline's own answer: this file is behind `pipeline.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase; times are seconds a call."""

    name: str
    median: float
    mean: float


@dataclass(slots=True)
class Stopwatch:
    """Times by name, in the order they were first taken."""

    times: dict[str, list[float]] = field(default_factory=dict)

    def time(self, name: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        done = work()
        self.times.setdefault(name, []).append(time.perf_counter() - began)
        return done


def measure_phases(directory: Path, bodies: Sequence[bytes], times: int) -> list[Phase]:
    """Every phase over the built-in library, and the whole, with a real log in `directory`."""
    service = build_service(Settings(data_dir=str(directory)), ehr=None)
    pipeline = service.pipelines["order-sign-crd"]
    try:
        for _ in range(_WARM_UP):
            _walk(pipeline, bodies[0], Stopwatch())
        watch = Stopwatch()
        for number in range(times):
            body = bodies[number % len(bodies)]
            walked = _walk(pipeline, body, watch)
            whole = watch.time(WHOLE, partial(pipeline.respond, body))
            if len(walked) != len(whole):
                raise DifferentAnswer
    finally:
        service.log.close()
    return _phases(watch)


def _phases(watch: Stopwatch) -> list[Phase]:
    phases = [
        Phase(name=name, median=median(taken), mean=mean(taken))
        for name, taken in watch.times.items()
    ]
    by_name = {phase.name: phase for phase in phases}
    json, checked = by_name[_JSON], by_name[_CHECKED]
    schema = Phase(
        name="parse: schema", median=checked.median - json.median, mean=checked.mean - json.mean
    )
    return [schema if phase is checked else phase for phase in phases]


def _walk(pipeline: Pipeline, body: bytes, watch: Stopwatch) -> bytes:
    """What `Pipeline.respond` does for one order of one member that a policy addresses."""
    watch.time(_JSON, lambda: decode_json(body))
    request = watch.time(_CHECKED, lambda: pipeline.parser.parse(body))
    at = pipeline.now()
    version = agree_version(request.extension)
    chart = watch.time("chart", lambda: read_chart(request))
    payers = pipeline.index.payers
    members = watch.time(
        "membership", lambda: resolve_memberships(chart, payers, must_have_one=True)
    )
    call = watch.time(
        "orders, configuration",
        lambda: read_call(request, chart, members, hook=pipeline.hook, version=version, at=at),
    )
    decisions = watch.time(
        "decide",
        lambda: decide(call, pipeline.index, has_time=lambda: True, new_id=pipeline.new_id),
    )
    response = watch.time("respond", lambda: respond(call, decisions, pipeline.cards))
    written = watch.time("response, encoded", lambda: encode(response.to_json()))
    trail = Trail(
        hook=pipeline.hook.name,
        body=body,
        at=at,
        request=request,
        version=version,
        decisions=decisions,
        response=response,
    )
    record = watch.time(
        "audit record, encoded",
        lambda: pipeline.recorder.answer(pipeline.new_id(), trail, 200, written),
    )
    watch.time("audit write, synced", lambda: pipeline.log.write(record))
    return written
