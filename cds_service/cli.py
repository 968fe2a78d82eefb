"""The `crd` command: serve, answer one request file, check policies."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import click

from cds_service.app import Service, build_service, library_directories
from cds_service.audit.explanation import explain
from cds_service.audit.log import NoLog
from cds_service.authoring.cases import differences, read_cases, run_case
from cds_service.cds_hooks.request import decode_json
from cds_service.ehr.client import Ehr, RequestsEhr
from cds_service.errors import CrdError, HookError, StartError
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import encode, text
from cds_service.settings import Settings, read_settings
from cds_service.web.server import bind, serve_until_stopped

_OPTION_NAMES = {"database_url": "database"}
_LISTS = {"library": os.pathsep, "ehr": " "}
_FLAGS = ("builtin_library", "allow_open")
_SHOW_PROGRESS_FROM = 500  # files


@click.group()
@click.version_option(package_name="crd-service")
def main() -> None:
    """Coverage requirements discovery over CDS Hooks, with payer policies as FHIR."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each setting: the table in `settings` is the only list of them."""
    for one in reversed(fields(Settings)):
        dashed = _OPTION_NAMES.get(one.name, one.name).replace("_", "-")
        flag = f"--{dashed}/--no-{dashed}" if one.name in _FLAGS else f"--{dashed}"
        described = (
            f"{one.metadata['help']}  (CRD_{one.name.upper()}, default: {_shown(one.default)})"
        )
        command = click.option(
            flag, one.name, multiple=one.name in _LISTS, default=None, help=described
        )(command)
    return command


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default or "none")


@main.command()
@_with_settings
def serve(**options: object) -> None:
    """Answer CDS Hooks calls and show the policies, until stopped."""
    asked = _settings(options)
    bound = _bound(asked)
    settings = replace(asked, port=bound.getsockname()[1])
    ehr = RequestsEhr(settings.ehr, at_once=max(1, settings.threads // 2))
    service = _started(settings, ehr=ehr)
    welcome = partial(_welcome, service, settings)
    try:
        serve_until_stopped(service.web(settings), bound, threads=settings.threads, ready=welcome)
    finally:
        ehr.close()
        service.log.close()


@main.command()
@click.argument("request_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--explain", "explained", is_flag=True, help="print why, rule by rule, instead of the response"
)
@_with_settings
def answer(request_file: Path, explained: bool, **options: object) -> None:
    """Answer one hook request from a file and print the response; nothing is recorded."""
    service = _started(_settings(options), log=NoLog())
    body = request_file.read_bytes()
    try:
        decisions, response = service.pipelines[f"{_hook_of(body)}-crd"].evaluate(body)
    except KeyError as error:
        raise click.ClickException(f"no service answers the hook {error}") from error
    except HookError as error:
        click.echo(encode(outcome_of(error)))
        raise SystemExit(1) from error
    click.echo(explain(decisions.answers) if explained else encode(response.to_json()))


@main.command()
@click.argument(
    "directories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
def check(directories: tuple[Path, ...]) -> None:
    """Compile the built-in policies with those in DIRECTORIES, and run every policy's cases; exit 1 on a finding."""
    settings = Settings(library=directories)
    index = _started(settings, log=NoLog()).index
    findings = run = 0
    for directory in library_directories(settings):
        for case in read_cases(directory):
            run += 1
            for difference in differences(case, run_case(case, index)):
                findings += 1
                click.echo(f"{case.file}: {case.name}: {difference}")
    click.echo(
        f"{len(index.policies)} policies, {len(index.rules)} rules, {run} cases, {findings} findings",
        err=True,
    )
    raise SystemExit(1 if findings else 0)


def _settings(options: Mapping[str, object]) -> Settings:
    given = {
        name: _as_text(name, value)
        for name, value in options.items()
        if value is not None and value != ()
    }
    try:
        return read_settings(os.environ, given)
    except StartError as error:
        raise click.ClickException(str(error)) from error


def _bound(settings: Settings) -> socket.socket:
    try:
        return bind(settings.host, settings.port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from error


def _as_text(name: str, value: object) -> str:
    return _LISTS[name].join(value) if isinstance(value, tuple) else str(value)


def _started(settings: Settings, *, ehr: Ehr | None = None, log: NoLog | None = None) -> Service:
    try:
        return build_service(settings, ehr=ehr, log=log, progress=_show_progress)
    except CrdError as error:
        raise click.ClickException(str(error)) from error


def _show_progress(done: int, of: int) -> None:
    if of >= _SHOW_PROGRESS_FROM and (done % _SHOW_PROGRESS_FROM == 0 or done == of):
        click.echo(f"read {done} of {of} library files", err=True)


def _hook_of(body: bytes) -> str:
    request = decode_json(body)
    return text(request.get("hook")) if isinstance(request, dict) else ""


def _welcome(service: Service, settings: Settings) -> None:
    url = settings.local_url
    click.echo(f"CRD service on {url}  (answers kept in {settings.database})")
    for policy in service.index.policies:
        click.echo(
            f"  {policy.citation.audience}: {policy.citation.number}, {policy.citation.policy_title}"
        )
    click.echo(f"Look first at {url}/policies and {url}/cds-services; stop with Ctrl-C.")
