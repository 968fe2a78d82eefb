"""Wiring: the only place that joins the parts."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

from flask import Flask

from cds_service.audit.log import AuditLog, open_log
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.codes import CANONICAL_BASE
from cds_service.crd.request.hooks import HOOKS, Hook
from cds_service.crd.response.card_text import CardText, render_texts
from cds_service.crd.response.cards import CardMaker
from cds_service.ehr.client import Ehr
from cds_service.errors import HookError, SettingError
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject, encode, follow, text
from cds_service.members.authorizations import open_authorizations
from cds_service.pages.routes import create_pages
from cds_service.pipeline import Pipeline
from cds_service.policy.library.artifacts import (
    Library,
    Progress,
    builtin_library,
    no_progress,
    read_library,
)
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex
from cds_service.settings import Settings
from cds_service.web.routes import create_web

_OVERRIDE_REASONS = f"{CANONICAL_BASE}/CodeSystem/card-override-reason"

_WARMED = 16  # rules whose codes are in the first call


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything joined: the policies, a pipeline a hook, and the log they write to."""

    library: Library
    index: PolicyIndex
    pipelines: Mapping[str, Pipeline]
    log: AuditLog

    def web(self, settings: Settings) -> Flask:
        """The WSGI application."""
        pages = create_pages(self.library, self.index, utc_today)
        return create_web(self.pipelines, self.log, pages=pages, max_body=settings.max_body)


def build_service(
    settings: Settings,
    *,
    ehr: Ehr | None,
    log: AuditLog | None = None,
    progress: Progress = no_progress,
) -> Service:
    """The service these settings describe.

    `ehr` is how it queries, None for not at all; `log` takes the place of the one in the settings.

    Raises:
        StartError: a setting or a library file is unusable.
    """
    directories = library_directories(settings)
    with _undisturbed():
        library = read_library(directories, progress)
        index = compile_library(library, base_url=settings.links_base)
    on_file = open_authorizations(settings.authorizations, [payer.id for payer in index.payers.all])
    kept = log or open_log(settings.database)
    reasons, titles = _override_reasons(library), _form_titles(library)
    cards = make_cards(index, reasons, _new_id, form_titles=titles)
    pipelines = {
        hook.service_id: Pipeline(
            hook=hook,
            parser=HookRequestParser(hook.name),
            index=index,
            cards=cards,
            log=kept,
            authorizations=on_file,
            ehr=ehr,
            ehr_seconds=settings.ehr_seconds,
            now=_now,
            new_id=_new_id,
        )
        for hook in HOOKS.values()
    }
    return Service(library=library, index=index, pipelines=pipelines, log=kept)


def make_cards(
    index: PolicyIndex,
    override_reasons: tuple[Coding, ...],
    new_id: Callable[[], str],
    *,
    form_titles: Mapping[str, str] = MappingProxyType({}),
) -> CardMaker:
    """What makes the cards of the policies in this index, their texts rendered once.

    `form_titles` are those of the library's Questionnaires by their canonicals.
    """
    rendered = render_texts(rule.determination for rule in index.rules)
    return CardMaker(CardText(rendered, form_titles), override_reasons, new_id)


def warm_up(pipelines: Iterable[Pipeline]) -> None:
    """Evaluate a call of each hook, so that no clinician's is the first; nothing is recorded.

    Without a Coverage, it is about some codes of every payer: all that a call can do is done once.
    """
    for pipeline in pipelines:
        codings = [coding for rule in pipeline.index.rules[:_WARMED] for coding in rule.codings[:1]]
        with suppress(HookError):
            replace(pipeline, ehr=None).evaluate(encode(_first_call(pipeline.hook, codings)))


def _first_call(hook: Hook, codings: Iterable[Coding]) -> JsonObject:
    """A request that any hook reads something of."""
    code = {"coding": [coding.to_json() for coding in codings], "text": "a first order"}
    order = {"resourceType": "ServiceRequest", "id": "1", "code": code}
    return {
        "hook": hook.name,
        "hookInstance": _new_id(),
        "fhirServer": "http://127.0.0.1/fhir",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "1",
            "encounterId": "1",
            "draftOrders": order,
            "selections": ["ServiceRequest/1"],
            "dispatchedOrders": ["ServiceRequest/1"],
            "appointments": {"resourceType": "Appointment", "id": "1"},
        },
        "prefetch": {"patient": None, "coverage": None, "serviceRequests": order},
    }


def library_directories(settings: Settings) -> tuple[Path, ...]:
    """The built-in library, then the operator's own.

    Raises:
        SettingError: one of the operator's is not there.
    """
    for directory in settings.library:
        if not directory.is_dir():
            raise SettingError("library", f"no such directory: {directory}")
    builtin = (builtin_library(),) if settings.builtin_library else ()
    return (*builtin, *settings.library)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No search for garbage while a library is read, nor in it afterwards: it is large."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def _override_reasons(library: Library) -> tuple[Coding, ...]:
    """The reasons a clinician may give, from the library's CodeSystem."""
    reasons: list[Coding] = []
    for artifact in library.of_type("CodeSystem"):
        if artifact.resource.get("url") == _OVERRIDE_REASONS:
            for concept in follow(artifact.resource, ("concept",)):
                code, display = text(concept.get("code")), text(concept.get("display"))
                reasons.append(Coding(_OVERRIDE_REASONS, code, display))
    return tuple(reasons)


def _form_titles(library: Library) -> dict[str, str]:
    """The titles of the library's Questionnaires, by canonical with and without the version."""
    titles: dict[str, str] = {}
    for artifact in library.of_type("Questionnaire"):
        url, version, title = (
            text(artifact.resource.get(name)) for name in ("url", "version", "title")
        )
        titles.update({url: title, f"{url}|{version}": title} if title else {})
    return titles


def utc_today() -> date:
    """The day that it is now in UTC, by which calls are dated too."""
    return _now().date()


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid4())
