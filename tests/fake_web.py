"""The WSGI application around some pipelines, which anybody may call, and nothing else."""

import time
from collections.abc import Iterable, Mapping, Sequence

from fakes import BASE_URL
from flask import Blueprint, Flask

from cds_service.access.authentication import OpenAuthentication
from cds_service.access.limits import CallLimits, Limit
from cds_service.audit.health import StoreHealth
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.feedback import Feedback
from cds_service.crd.request.caller import Caller
from cds_service.pipeline import Pipeline
from cds_service.web.door import Door
from cds_service.web.gauges import Sources
from cds_service.web.metrics import Metrics
from cds_service.web.observation import Observation
from cds_service.web.routes import create_web, offer_services


def fake_web(pipelines: Mapping[str, Pipeline], blueprints: Iterable[Blueprint] = ()) -> Flask:
    """Discovery and these services, beside the `blueprints`; feedback is dropped."""
    offered = offer_services(pipelines)
    return create_web(
        lambda: offered,
        door=Door(
            authentication=OpenAuthentication(),
            call_limits=CallLimits(clock=time.monotonic),
            limit_of=_no_limit,
            operators=(),
            base_url=BASE_URL,
        ),
        keep_feedback=_drop,
        observation=Observation(metrics=Metrics(Sources(store=StoreHealth))),
        blueprints=blueprints,
        max_body=10_000,
    )


def _no_limit(_caller: Caller) -> Limit:
    return Limit()


def _drop(_trail: Trail, _feedback: Sequence[Feedback]) -> None:
    """Nothing is kept."""
