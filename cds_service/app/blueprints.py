"""The blueprints: all that a site shows beside the services, and who may see which of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flask import Blueprint

from cds_service.access.assertions import AssertionVerifier
from cds_service.access.authentication import JwtAuthentication
from cds_service.access.backend_services import TOKEN_PATH, TokenService
from cds_service.access.clients import Clients
from cds_service.access.token_key import open_token_key
from cds_service.app.memory import Memory
from cds_service.app.reloads import Reloads
from cds_service.app.revision import Revision
from cds_service.audit.desk import Desk
from cds_service.audit.dossier import Dossier
from cds_service.audit.identity import new_id
from cds_service.crd.request.caller import TokenUse
from cds_service.errors import NotRecorded
from cds_service.live.current import Current
from cds_service.pages.coverage.routes import create_coverage_pages
from cds_service.pages.dossier_routes import create_dossier_pages
from cds_service.pages.routes import create_pages
from cds_service.rest.operations.routes import create_operations
from cds_service.rest.routes import create_rest
from cds_service.settings import Settings
from cds_service.settings.checks import is_loopback
from cds_service.web.admin import create_admin
from cds_service.web.door import Door
from cds_service.web.health import Readiness, create_health
from cds_service.web.metrics import create_metrics_page
from cds_service.web.observation import Observation
from cds_service.web.openapi.document import Access
from cds_service.web.openapi.routes import create_openapi
from cds_service.web.tokens import create_token_endpoint
from cds_service.web.well_known import create_well_known


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the blueprints of one site are made from; no `jwt`: anyone may call.

    Whatever is dated goes by the time of the door, which is refused while it is not certain.
    """

    current: Current[Revision]
    settings: Settings
    memory: Memory | None
    door: Door
    jwt: JwtAuthentication | None
    everyone: Clients
    readiness: Readiness
    observation: Observation
    reloads: Reloads | None

    def today(self) -> date:
        """The day that it is now in UTC, by which calls are dated too.

        Raises:
            ClockWrong: no day is certain here.
        """
        return self.door.time_of_call().date()


def make_blueprints(parts: Parts) -> Iterator[Blueprint]:
    """Pages, probes and endpoints.

    Raises:
        SettingError: a key cannot be used.
    """
    current = parts.current
    yield create_pages(lambda: current().shown.pages, parts.today)
    yield create_coverage_pages(lambda: current().shown.coverage_list, parts.today)
    yield from _library_api(parts)
    yield create_health(parts.readiness)
    yield _metrics_page(parts)
    if parts.reloads:
        yield create_admin(parts.door.operator, parts.reloads.reload)
    yield from _dossier_pages(parts)
    yield from _token_endpoint(parts)


def _library_api(parts: Parts) -> Iterator[Blueprint]:
    """The policies for programs, and where they find what this service offers; free to read."""
    current, base_url = parts.current, parts.settings.links_base
    access = Access(clients=parts.jwt is not None, metrics=_keeps_metrics(parts))
    operations = create_operations(lambda: current().shown.operations, parts.today)
    operations.before_request(parts.door.check_clock)
    yield operations
    yield create_rest(lambda: current().shown.rest, base_url)
    yield create_well_known(lambda: current().payers, base_url)
    yield create_openapi(base_url, access)


def _metrics_page(parts: Parts) -> Blueprint:
    """For operators; where nobody is registered, for this machine's own."""
    page = create_metrics_page(parts.observation.metrics)
    if _keeps_metrics(parts):
        page.before_request(parts.door.check_operator)
    return page


def _keeps_metrics(parts: Parts) -> bool:
    """Whether metrics are for operators alone."""
    is_open = parts.jwt is None and not parts.door.operators
    return not (is_open and is_loopback(parts.settings.host))


def _dossier_pages(parts: Parts) -> Iterator[Blueprint]:
    """What was answered, for operators."""
    memory = parts.memory
    if memory is None:
        return

    def find_dossier(operator: str, identity: str) -> Dossier | None:
        desk = Desk(
            engine=memory.log.engine,
            recorder=parts.current().service.recorder,
            who=f"operator {operator}",
            write=memory.log.write,
            now=parts.door.time_of_call,
            new_id=new_id,
        )
        return desk.dossier("GET /assertions", identity)

    yield create_dossier_pages(find_dossier, parts.door.operator)


def _token_endpoint(parts: Parts) -> Iterator[Blueprint]:
    """Access tokens for clients that call as programs (SMART Backend Services)."""
    jwt, settings = parts.jwt, parts.settings
    if jwt is None:
        return

    now = parts.door.time_of_call

    def remember(client: str, use: TokenUse) -> None:
        """In this process, and by its record in all others."""
        service, at = parts.current().service, now()
        jwt.replays.remember(use)
        try:
            service.log.write(service.recorder.token(new_id(), at, client, use))
        except NotRecorded:
            jwt.replays.forget(use)  # nothing is given for it, so it may come again
            raise

    url = f"{settings.links_base}{TOKEN_PATH}"
    assertions = AssertionVerifier(clients=parts.everyone, keys=jwt.keys, token_url=url, now=now)
    tokens = TokenService(
        base_url=settings.links_base,
        clients=parts.everyone,
        key=open_token_key(settings.token_key, settings.data_path),
        assertions=assertions,
        remember=remember,
        now=now,
    )
    yield create_token_endpoint(tokens)
