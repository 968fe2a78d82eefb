"""The service: the policies read and compiled, and a pipeline for each hook."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from cds_service.app.clock import utc_now
from cds_service.app.garbage import set_aside, unsearched
from cds_service.app.libraries import library_directories
from cds_service.audit.identity import new_id
from cds_service.audit.log import AuditLog, DatabaseLog, open_log
from cds_service.audit.record import Recorder
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.feedback import Feedback
from cds_service.cds_hooks.json_limits import JsonLimits
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.codes import CANONICAL_BASE
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.response.card_text import CardText, render_texts
from cds_service.crd.response.cards import CardMaker
from cds_service.ehr.client import Ehr
from cds_service.errors import NotRecorded, SettingError
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import follow, text
from cds_service.members.authorizations import open_authorizations
from cds_service.pipeline import Pipeline
from cds_service.policy.library.artifacts import (
    Library,
    Progress,
    no_progress,
    read_library,
)
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.snapshot import digest, pack
from cds_service.policy.run.index import PolicyIndex
from cds_service.settings import Settings
from cds_service.version import VERSION

_OVERRIDE_REASONS = f"{CANONICAL_BASE}/CodeSystem/card-override-reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything joined: the policies, a pipeline a hook, and the log they write to."""

    library: Library
    index: PolicyIndex
    pipelines: Mapping[str, Pipeline]
    log: AuditLog
    recorder: Recorder

    def keep_feedback(self, trail: Trail, feedback: Sequence[Feedback]) -> None:
        """Keep what a client tells of cards; raises NotRecorded."""
        self.log.write_feedback(self.recorder.feedback(trail.at, trail, feedback))
        trail.leaves_record = bool(feedback)

    def joined(self, *, log: AuditLog, ehr: Ehr | None, audit_key: bytes) -> "Service":
        """The same policies, joined to another world.

        A process that is forked from the one that read them shares all that is large with it.
        """
        recorder = replace(self.recorder, audit_key=audit_key)
        pipelines = {
            name: replace(pipeline, log=log, ehr=ehr, recorder=recorder)
            for name, pipeline in self.pipelines.items()
        }
        return replace(self, pipelines=pipelines, log=log, recorder=recorder)


def build_service(
    settings: Settings,
    *,
    ehr: Ehr | None,
    log: AuditLog | None = None,
    audit_key: bytes = b"",
    progress: Progress = no_progress,
) -> Service:
    """The service these settings describe.

    `ehr` is how it queries, None for not at all; `log` takes the place of the one in the settings,
    and `audit_key` is what patients are found by in it.

    Raises:
        StartError: a setting or a library file is unusable.
    """
    directories = library_directories(settings)
    with set_aside():
        with unsearched():
            library = read_library(directories, progress)
        return assemble_service(library, settings, ehr=ehr, log=log, audit_key=audit_key)


def assemble_service(
    library: Library,
    settings: Settings,
    *,
    ehr: Ehr | None,
    log: AuditLog | None = None,
    audit_key: bytes = b"",
) -> Service:
    """The service of these policies, as the settings describe it for the rest.

    Raises:
        StartError: a setting or an artifact is unusable.
    """
    index = compile_library(library, base_url=settings.links_base)
    on_file = open_authorizations(settings.authorizations, [payer.id for payer in index.payers.all])
    kept = log or open_log(settings.database)
    recorder = _recorder(library, settings, audit_key)
    reasons, titles = _override_reasons(library), _form_titles(library)
    cards = make_cards(index, reasons, new_id, form_titles=titles)
    limits = JsonLimits(max_depth=settings.max_depth, max_entries=settings.max_entries)
    pipelines = {
        hook.service_id: Pipeline(
            hook=hook,
            parser=HookRequestParser(hook.name, limits),
            index=index,
            cards=cards,
            log=kept,
            recorder=recorder,
            authorizations=on_file,
            ehr=ehr,
            ehr_seconds=settings.ehr_seconds,
            now=utc_now,
            new_id=new_id,
        )
        for hook in HOOKS.values()
    }
    return Service(library=library, index=index, pipelines=pipelines, log=kept, recorder=recorder)


def _recorder(library: Library, settings: Settings, audit_key: bytes) -> Recorder:
    return Recorder(
        program=VERSION,
        library=digest(library),
        base_url=settings.links_base,
        audit_key=audit_key,
    )


def keep_library(service: Service, log: DatabaseLog) -> None:
    """Keep the policies of a service beside its answers, so that these can be given again.

    Raises:
        SettingError: the database is away.
    """
    try:
        log.save_library(service.recorder.library, partial(pack, service.library))
    except NotRecorded as error:
        raise SettingError("database_url", str(error)) from error


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
