"""The site: everything a service shows over HTTP, and who may see which of it."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Flask

from cds_service.access.assertions import AssertionVerifier
from cds_service.access.authentication import (
    JwtAuthentication,
    OpenAuthentication,
    open_authentication,
)
from cds_service.access.backend_services import TOKEN_PATH, TokenService
from cds_service.access.causes import Cause
from cds_service.access.clients import Clients
from cds_service.access.token_key import open_token_key
from cds_service.app.doorway import open_door, read_everyone
from cds_service.app.memory import Memory
from cds_service.app.service import Service, utc_now, utc_today
from cds_service.audit.desk import Desk
from cds_service.audit.dossier import Dossier
from cds_service.audit.identity import new_id
from cds_service.audit.recipients import find_recipients
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.feedback import Feedback
from cds_service.crd.request.caller import TokenUse
from cds_service.errors import Forbidden, NotRecorded
from cds_service.pages.dossier_routes import create_dossier_pages
from cds_service.pages.routes import create_pages
from cds_service.settings import Settings
from cds_service.settings.checks import is_loopback
from cds_service.web.door import Door
from cds_service.web.gauges import Sources
from cds_service.web.health import Readiness, create_health
from cds_service.web.metrics import Metrics, create_metrics_page
from cds_service.web.observation import Observation
from cds_service.web.routes import KeepFeedback, create_web
from cds_service.web.spans import open_spans
from cds_service.web.tokens import create_token_endpoint

_LOG = logging.getLogger("cds_service.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The WSGI application, and what tells whether it may be sent calls."""

    app: Flask
    readiness: Readiness
    metrics: Metrics
    _closing: tuple[Callable[[], None], ...]

    def count_refusal(self, status: int) -> None:
        """Count a request that was refused before the application saw it."""
        self.metrics.count_request("", "", status, 0.0)

    def close(self) -> None:
        """Let go of what the site holds beside its service."""
        for close in self._closing:
            close()


def open_site(
    service: Service,
    settings: Settings,
    memory: Memory | None = None,
    circuits: Callable[[], Mapping[str, float]] = dict,
) -> Site:
    """The site of a service; without a `memory` nobody can look into it.

    `circuits` counts EHRs by the state of their circuit breaker.

    Raises:
        SettingError: the clients file or a key cannot be used.
    """
    everyone = read_everyone(settings, service)
    jwt = _open_jwt(settings, everyone)
    door = open_door(settings, everyone, jwt or OpenAuthentication())
    readiness = Readiness(policies=len(service.index.policies), store=service.log.health)
    observation = _open_observation(service, everyone, jwt, circuits)
    is_free = jwt is None and is_loopback(settings.host) and not door.operators
    app = create_web(
        service.pipelines,
        door=door,
        keep_feedback=_feedback_keeper(service, memory if jwt else None),
        observation=observation,
        blueprints=[
            create_pages(service.library, service.index, utc_today),
            create_health(readiness),
            _metrics_page(observation.metrics, door, is_free=is_free),
            *_dossier_pages(service, memory, door),
            *_token_endpoint(service, settings, everyone, jwt),
        ],
        max_body=settings.max_body,
    )
    return Site(
        app=app,
        readiness=readiness,
        metrics=observation.metrics,
        _closing=(door.authentication.close, observation.spans.close),
    )


def _open_jwt(settings: Settings, everyone: Clients) -> JwtAuthentication | None:
    """What tells clients by their tokens, unless anyone may call."""
    if settings.auth == "open":
        return None
    return open_authentication(everyone, ca_file=settings.ca_file)


def _feedback_keeper(service: Service, memory: Memory | None) -> KeepFeedback:
    """Keeps feedback; with a memory, only that of the clients that were given the cards."""
    if memory is None:
        return service.keep_feedback

    def keep(trail: Trail, feedback: Sequence[Feedback]) -> None:
        recipients = find_recipients(memory.log.engine, [reaction.card for reaction in feedback])
        for number, reaction in enumerate(feedback):
            if recipients.get(reaction.card, trail.caller.name) != trail.caller.name:
                raise Forbidden("another client was given this card", f"$.feedback[{number}].card")
        service.keep_feedback(trail, feedback)

    return keep


def _open_observation(
    service: Service,
    everyone: Clients,
    jwt: JwtAuthentication | None,
    circuits: Callable[[], Mapping[str, float]],
) -> Observation:
    sources = Sources(
        store=service.log.health,
        circuits=circuits,
        key_ages=partial(_known_ages, jwt) if jwt else dict,
        revision=service.recorder.library,
        active_since=time.time(),
    )
    metrics = Metrics(
        sources,
        clients=[client.name for client in everyone.all],
        causes=[cause.value for cause in Cause],
    )
    return Observation(metrics=metrics, spans=open_spans(os.environ))


def _known_ages(jwt: JwtAuthentication) -> Mapping[str, float]:
    """The seconds since the keys of each client came, of those whose keys ever did."""
    return {name: age for name, age in jwt.key_ages().items() if age is not None}


def _metrics_page(metrics: Metrics, door: Door, *, is_free: bool) -> Blueprint:
    """For operators; where nobody is registered, for this machine's own."""
    page = create_metrics_page(metrics)
    if not is_free:
        page.before_request(door.check_operator)
    return page


def _dossier_pages(service: Service, memory: Memory | None, door: Door) -> Iterator[Blueprint]:
    """What was answered, for operators."""
    if memory is None:
        return

    def find_dossier(operator: str, identity: str) -> Dossier | None:
        desk = Desk(
            engine=memory.log.engine,
            recorder=service.recorder,
            who=f"operator {operator}",
            write=memory.log.write,
            now=utc_now,
            new_id=new_id,
        )
        return desk.dossier("GET /assertions", identity)

    yield create_dossier_pages(find_dossier, door.operator)


def _token_endpoint(
    service: Service, settings: Settings, everyone: Clients, jwt: JwtAuthentication | None
) -> Iterator[Blueprint]:
    """Access tokens for clients that call as programs (SMART Backend Services)."""
    if jwt is None:
        return

    def remember(client: str, use: TokenUse) -> None:
        """In this process, and by its record in all others."""
        jwt.replays.remember(use)
        try:
            service.log.write(service.recorder.token(new_id(), utc_now(), client, use))
        except NotRecorded:
            jwt.replays.forget(use)  # nothing is given for it, so it may come again
            raise

    url = f"{settings.links_base}{TOKEN_PATH}"
    tokens = TokenService(
        base_url=settings.links_base,
        clients=everyone,
        key=open_token_key(settings.token_key, settings.data_path),
        assertions=AssertionVerifier(clients=everyone, keys=jwt.keys, token_url=url, now=utc_now),
        remember=remember,
        now=utc_now,
    )
    yield create_token_endpoint(tokens)
