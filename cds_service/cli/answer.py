"""`crd answer`: one request file answered offline."""

from functools import partial
from pathlib import Path

import click

from cds_service.app.service import Service
from cds_service.audit.explanation import explain
from cds_service.authoring.refusals import explain_refusal
from cds_service.cds_hooks.request import decode_json
from cds_service.cli.options import with_settings
from cds_service.cli.start import start_service
from cds_service.crd.decision.near_miss import NearMiss
from cds_service.crd.decision.order_answer import Decisions, OrderAnswer
from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import HookError
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import encode, text
from cds_service.pipeline import Pipeline
from cds_service.policy.library.unpublished import find_unpublished
from cds_service.policy.run.near_misses import find_near_misses
from cds_service.settings import Settings

_ADVICE = (
    "No Coverage came, so nothing was determined. What each payer's policies tell its members:"
)


@click.command()
@click.argument("request_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--explain",
    "explained",
    is_flag=True,
    help="print why, rule by rule, instead of the response; also why a request is refused",
)
@with_settings
def answer(request_file: Path, explained: bool, settings: Settings) -> None:
    """Answer one hook request from a file and print the response; nothing is recorded."""
    service = start_service(settings)
    body = request_file.read_bytes()
    try:
        pipeline = _pipeline(service, body)
        trail = pipeline.evaluate(body)
    except HookError as error:
        click.echo(_refusal(error, body, service) if explained else encode(outcome_of(error)))
        raise SystemExit(1) from error
    if explained:
        click.echo(_explanation(trail.decisions, service, pipeline.hook.name))
    else:
        click.echo(encode(trail.response.to_json()))


def _refusal(error: HookError, body: bytes, service: Service) -> str:
    try:
        hook = HOOKS.get(_hook_of(body))
    except HookError:
        hook = None
    return explain_refusal(error, body, hook, service.index.payers)


def _explanation(decisions: Decisions, service: Service, hook: str) -> str:
    near_misses = partial(_near_misses, service=service, hook=hook)
    if decisions.advice and not decisions.answers:
        return f"{_ADVICE}\n\n{explain(decisions.advice, near_misses)}"
    return explain(decisions.answers, near_misses)


def _near_misses(answer: OrderAnswer, *, service: Service, hook: str) -> tuple[NearMiss, ...]:
    near = find_near_misses(answer, service.index, hook)
    unpublished = find_unpublished(answer.order, service.library) if answer.is_unaddressed else ()
    return (*near, *unpublished)


def _pipeline(service: Service, body: bytes) -> Pipeline:
    hook = _hook_of(body)
    pipeline = service.pipelines.get(f"{hook}-crd")
    if pipeline is None:
        raise click.ClickException(f"no service answers the hook `{hook}`")
    return pipeline


def _hook_of(body: bytes) -> str:
    request = decode_json(body)
    return text(request.get("hook")) if isinstance(request, dict) else ""
