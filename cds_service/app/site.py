"""The site: everything a service shows over HTTP, and who may see which of it."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flask import Flask

from cds_service.access.authentication import (
    JwtAuthentication,
    OpenAuthentication,
    open_authentication,
)
from cds_service.access.causes import Cause
from cds_service.access.clients import Clients
from cds_service.app.blueprints import Parts, make_blueprints
from cds_service.app.clock import utc_now
from cds_service.app.doorway import open_door, read_everyone
from cds_service.app.memory import Memory
from cds_service.app.reloads import Reloads, Workplace, host_clock, open_reloads
from cds_service.app.revision import Revision, read_revision
from cds_service.app.service import Service
from cds_service.app.shadows import Shadows, open_shadows
from cds_service.audit.recipients import find_recipients
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import Forbidden
from cds_service.live.attempt import Attempt, Standing
from cds_service.live.current import Current
from cds_service.live.host_clock import HostClock
from cds_service.settings import Settings
from cds_service.web.gauges import Sources
from cds_service.web.health import Readiness
from cds_service.web.metrics import Metrics
from cds_service.web.observation import Observation
from cds_service.web.routes import KeepFeedback, create_web
from cds_service.web.spans import open_spans

_LOG = logging.getLogger("cds_service.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The WSGI application, what is in service there, and whether it may be sent calls."""

    app: Flask
    current: Current[Revision]
    readiness: Readiness
    metrics: Metrics
    reloads: Reloads | None
    shadows: Shadows | None
    _closing: tuple[Callable[[], None], ...]

    def count_refusal(self, status: int) -> None:
        """Count a request that was refused before the application saw it."""
        self.metrics.count_request("", "", status, 0.0)

    def start(self) -> None:
        """Let other sets of policies go live from now on, and siblings see the gauges."""
        self.metrics.start()
        if self.reloads:
            self.reloads.start()
        if self.shadows:
            self.shadows.start()

    def read_again(self) -> None:
        """Have the library directories read again; a signal handler may ask."""
        if self.reloads:
            self.reloads.ask()

    def stopping(self) -> None:
        """From now on it may not be sent calls, and what is in service stays."""
        self.readiness.stopping()
        if self.reloads:
            self.reloads.reloader.stop()

    def close(self) -> None:
        """Let go of what the site holds beside its service."""
        for close in self._closing:
            close()


def open_site(
    service: Service,
    settings: Settings,
    memory: Memory | None = None,
    circuits: Callable[[], Mapping[str, float]] = dict,
    workplace: Workplace | None = None,
) -> Site:
    """The site of a service, until another is swapped in; without a `memory` none can look into it.

    `circuits` counts EHRs by the state of their circuit breaker; the `workplace` is where other
    sets of policies are made ready, none without.

    Raises:
        SettingError: the clients file or a key cannot be used.
    """
    revision = read_revision(service, utc_now())
    return open_site_of(revision, settings, memory, circuits, workplace)


def open_site_of(
    revision: Revision,
    settings: Settings,
    memory: Memory | None,
    circuits: Callable[[], Mapping[str, float]],
    workplace: Workplace | None,
) -> Site:
    """The same for a revision that was read before, as by the process that this was forked from."""
    parts = _join(revision, settings, memory, circuits, workplace)
    current, observation = parts.current, parts.observation
    app = create_web(
        lambda: current().offered,
        door=parts.door,
        keep_feedback=_feedback_keeper(current, memory if parts.jwt else None),
        observation=observation,
        blueprints=make_blueprints(parts),
        max_body=settings.max_body,
    )
    shadows = _open_shadows(parts)
    return Site(
        app=app,
        current=current,
        readiness=parts.readiness,
        metrics=observation.metrics,
        reloads=parts.reloads,
        shadows=shadows,
        _closing=(
            *(part.close for part in (parts.reloads, shadows) if part),
            parts.door.authentication.close,
            observation.metrics.close,
            parts.door.call_limits.close,
            observation.spans.close,
        ),
    )


def _join(
    revision: Revision,
    settings: Settings,
    memory: Memory | None,
    circuits: Callable[[], Mapping[str, float]],
    workplace: Workplace | None,
) -> Parts:
    service = revision.service
    everyone = read_everyone(settings, service)
    clock = host_clock(workplace)
    jwt = _open_jwt(settings, everyone, clock)
    current = Current(revision)

    def note(attempt: Attempt, _standing: Standing) -> None:
        observation.metrics.count_reload(attempt.ending)

    reloads = open_reloads(workplace, current, everyone, note) if workplace else None
    behind = partial(_why_behind, reloads)
    observation = _open_observation(current, everyone, jwt, circuits, behind, clock)
    return Parts(
        current=current,
        settings=settings,
        memory=memory,
        door=open_door(settings, everyone, jwt or OpenAuthentication(), memory, clock),
        jwt=jwt,
        everyone=everyone,
        readiness=Readiness(
            policies=lambda: len(current().service.index.policies),
            store=service.log.health,
            behind=behind,
            clock=clock.why,
        ),
        observation=observation,
        reloads=reloads,
    )


def _open_shadows(parts: Parts) -> Shadows | None:
    """What answers silently beside this site; nothing without a memory."""
    if parts.memory is None:
        return None
    count = parts.observation.metrics.count_shadow
    return open_shadows(parts.memory, parts.settings, parts.current, count)


def _why_behind(reloads: Reloads | None) -> str:
    """Why the policies in service are not those that were asked for; empty if they are."""
    return reloads.cause if reloads else ""


def _open_jwt(settings: Settings, everyone: Clients, clock: HostClock) -> JwtAuthentication | None:
    """What tells clients by their tokens, unless anyone may call."""
    if settings.auth == "open":
        return None
    # A clock that is set while a call is under way judges no token either.
    return open_authentication(everyone, ca_file=settings.ca_file, now=clock.time_of_call)


def _feedback_keeper(current: Current[Revision], memory: Memory | None) -> KeepFeedback:
    """Keeps feedback; with a memory, only that of the clients that were given the cards."""

    def keep(trail: Trail, feedback: Sequence[Feedback]) -> None:
        if memory is not None:
            _check_recipient(memory, trail, feedback)
        current().service.keep_feedback(trail, feedback)

    return keep


def _check_recipient(memory: Memory, trail: Trail, feedback: Sequence[Feedback]) -> None:
    """Refuse feedback on a card that another client was given."""
    recipients = find_recipients(memory.log.engine, [reaction.card for reaction in feedback])
    for number, reaction in enumerate(feedback):
        if recipients.get(reaction.card, trail.caller.name) != trail.caller.name:
            raise Forbidden("another client was given this card", f"$.feedback[{number}].card")


def _open_observation(
    current: Current[Revision],
    everyone: Clients,
    jwt: JwtAuthentication | None,
    circuits: Callable[[], Mapping[str, float]],
    behind: Callable[[], str],
    clock: HostClock,
) -> Observation:
    sources = Sources(
        store=current().service.log.health,
        circuits=circuits,
        key_ages=partial(_known_ages, jwt) if jwt else dict,
        revision=partial(_revision, current),
        is_behind=lambda: bool(behind()),
        clock_offset=clock.offset,
    )
    metrics = Metrics(
        sources,
        clients=[client.name for client in everyone.all],
        causes=[cause.value for cause in Cause],
    )
    return Observation(metrics=metrics, spans=open_spans(os.environ))


def _revision(current: Current[Revision]) -> tuple[str, float]:
    """The name of the set in service, and since when it is, in Unix time."""
    revision = current()
    return revision.digest, revision.since.timestamp()


def _known_ages(jwt: JwtAuthentication) -> Mapping[str, float]:
    """The seconds since the keys of each client came, of those whose keys ever did."""
    return {name: age for name, age in jwt.key_ages().items() if age is not None}
