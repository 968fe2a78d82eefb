"""`crd answer`: one request file answered offline."""

from pathlib import Path

import click

from cds_service.app import Service
from cds_service.audit.explanation import explain
from cds_service.audit.log import NoLog
from cds_service.cds_hooks.request import decode_json
from cds_service.cli.options import with_settings
from cds_service.cli.start import start_service
from cds_service.errors import HookError
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import encode, text
from cds_service.pipeline import Pipeline
from cds_service.settings import Settings


@click.command()
@click.argument("request_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--explain", "explained", is_flag=True, help="print why, rule by rule, instead of the response"
)
@with_settings
def answer(request_file: Path, explained: bool, settings: Settings) -> None:
    """Answer one hook request from a file and print the response; nothing is recorded."""
    service = start_service(settings, ehr=None, log=NoLog())
    body = request_file.read_bytes()
    try:
        decisions, response = _pipeline(service, body).evaluate(body)
    except HookError as error:
        click.echo(encode(outcome_of(error)))
        raise SystemExit(1) from error
    click.echo(explain(decisions.answers) if explained else encode(response.to_json()))


def _pipeline(service: Service, body: bytes) -> Pipeline:
    hook = _hook_of(body)
    pipeline = service.pipelines.get(f"{hook}-crd")
    if pipeline is None:
        raise click.ClickException(f"no service answers the hook `{hook}`")
    return pipeline


def _hook_of(body: bytes) -> str:
    request = decode_json(body)
    return text(request.get("hook")) if isinstance(request, dict) else ""
