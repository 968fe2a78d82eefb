"""Where the time goes: the parts of `Pipeline.consider` and `answer`, called one by one and timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import TypeVar

from cds_service.app import build_service
from cds_service.audit.record import AuditRecord, without_token, write_decisions
from cds_service.cds_hooks.request import decode_json
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.chart import read_chart
from cds_service.crd.request.configuration import read_configuration
from cds_service.crd.request.order import day_of_service
from cds_service.crd.request.requested_orders import read_requested_orders
from cds_service.crd.request.version import agree_version
from cds_service.crd.response.annotation import annotate, system_action, with_policy_links
from cds_service.crd.response.card_text import Subject
from cds_service.crd.response.cards import most_urgent
from cds_service.crd.response.coverage_information import Stamp
from cds_service.crd.response.versions import write_response
from cds_service.fhir.resource import encode
from cds_service.pipeline import Pipeline
from cds_service.policy.payers import resolve_memberships
from cds_service.policy.run.adjudication import determine
from cds_service.settings import Settings

T = TypeVar("T")

WHOLE = "Pipeline.answer, whole"
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
    """Every phase over the built-in library, and the whole; the log is a real one in `directory`."""
    service = build_service(Settings(data_dir=str(directory)), ehr=None)
    pipeline = service.pipelines["order-sign-crd"]
    try:
        for _ in range(_WARM_UP):
            _walk(pipeline, bodies[0], Stopwatch())
        watch = Stopwatch()
        for number in range(times):
            body = bodies[number % len(bodies)]
            walked = _walk(pipeline, body, watch)
            whole = watch.time(WHOLE, partial(pipeline.answer, body))
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
    json, checked = (next(one for one in phases if one.name == name) for name in (_JSON, _CHECKED))
    schema = Phase(
        name="parse: schema", median=checked.median - json.median, mean=checked.mean - json.mean
    )
    return [schema if one is checked else one for one in phases]


def _walk(pipeline: Pipeline, body: bytes, watch: Stopwatch) -> bytes:
    """What `Pipeline.answer` does for one order of one member that a policy answers."""
    watch.time(_JSON, lambda: decode_json(body))
    request = watch.time(_CHECKED, lambda: pipeline.parser.parse(body))
    version, configuration = watch.time(
        "version, configuration",
        lambda: (agree_version(request.extension), read_configuration(request.extension)),
    )
    chart = watch.time("chart", lambda: read_chart(request))
    payers = pipeline.index.payers
    (member,) = watch.time(
        "membership", lambda: resolve_memberships(chart, payers, must_have_one=True)
    )
    (order,) = watch.time("orders", lambda: read_requested_orders(pipeline.hook, chart, version))

    def determined() -> OrderAnswer:
        days = day_of_service(order, pipeline.now().date())
        answer = determine(order, member, days, index=pipeline.index, hook=pipeline.hook)
        linked = tuple(
            with_policy_links(determination, pipeline.cards.policy_url)
            for determination in answer.determinations
        )
        return replace(answer, determinations=linked, assertion_id=pipeline.new_id())

    answer = watch.time("determine", determined)
    coverage, determination = member.coverage_key, answer.from_policy
    if coverage is None or determination is None:
        raise DifferentAnswer
    stamp = Stamp(coverage=coverage, day=pipeline.now().date(), assertion_id=answer.assertion_id)
    annotated = watch.time(
        "annotate", lambda: annotate(order.resource, answer.determinations, stamp, version)
    )
    subject = Subject(order=order, brand=answer.brand, determination=determination)
    cards = watch.time(
        "cards",
        lambda: most_urgent(pipeline.cards.cards(subject, configuration), configuration.max_cards),
    )
    response = watch.time(
        "response, encoded",
        lambda: encode(
            write_response(
                cards, [system_action(order, annotated)], version, primary=pipeline.hook.primary
            ).to_json()
        ),
    )
    record = watch.time(
        "audit record, encoded",
        lambda: AuditRecord(
            id=pipeline.new_id(),
            at=pipeline.now(),
            hook=request.hook,
            hook_instance=request.hook_instance,
            version=version.name,
            decisions=write_decisions((answer,)),
            request=encode(without_token(request.body)),
            response=response,
        ),
    )
    watch.time("audit write, synced", lambda: pipeline.log.write(record))
    return response
