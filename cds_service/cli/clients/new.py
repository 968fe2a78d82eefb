"""`crd clients new`: a client or an operator registered in the clients file."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cds_service.access.clients import DEFAULT_ALGORITHMS, DEFAULT_LIFETIME
from cds_service.access.clients_file import parse_clients
from cds_service.access.operators import make_token
from cds_service.cli.clients.endpoints import clients_path, service_urls, token_url
from cds_service.cli.options import with_some_settings
from cds_service.cli.refused_start import start_errors
from cds_service.cli.toml_text import to_toml
from cds_service.fhir.resource import decode
from cds_service.settings import Settings

_OWNER_ONLY = 0o600
_BARE = re.compile(r"[\w-]+", re.ASCII)  # a key that TOML has without quotes


@click.command()
@click.argument("name")
@click.option("--operator", is_flag=True, help="register an operator: NAME gets a token")
@click.option("--iss", help="the iss of the client's tokens")
@click.option("--jku", help="where the client's keys are")
@click.option(
    "--keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="file with the client's public keys, a JWK Set, where it has no address for them",
)
@click.option("--algorithm", "algorithms", multiple=True, help="that it may sign with; repeatable")
@click.option("--audience", "audiences", multiple=True, help="in place of ours; repeatable")
@click.option("--payer", "payers", multiple=True, help="it may ask about; repeatable; none: all")
@click.option("--fhir-server", "fhir_servers", multiple=True, help="it may name; repeatable")
@click.option("--tenant", "tenants", multiple=True, help="of its tokens; repeatable")
@click.option("--scope", "scopes", multiple=True, help="it may have; repeatable")
@click.option("--default-version", help="CRD version of requests that name none")
@click.option("--lifetime", type=int, help="longest life of its tokens, in seconds")
@click.option("--skew", type=int, help="most its clock may differ from ours, in seconds")
@click.option("--rate", type=int, help="most calls a second")
@click.option("--concurrent", type=int, help="most calls at a time")
@click.option("--test", is_flag=True, help="it may be on this machine and without TLS")
@click.option("--private-network", is_flag=True, help="its keys may be in a private network")
@with_some_settings("clients", "base_url")
def new(name: str, operator: bool, keys: Path | None, settings: Settings, **given: Any) -> None:
    """Register the client NAME, or with --operator the operator NAME, in the clients file.

    The file is made if need be, readable by its owner alone; what stands in it stays as it is.
    """
    with start_errors():
        path = clients_path(settings)
    entry = {setting: value for setting, value in given.items() if value not in (None, (), False)}
    if operator:
        if entry or keys:
            raise click.UsageError("an operator has a name and a token, and nothing else")
        token, digest = make_token()
        _write(path, "operators", name, {"token_sha256": digest})
        _tell_operator(path, name, token)
        return
    if "iss" not in entry or not (entry.keys() & {"jku"} or keys):
        raise click.UsageError("a client has --iss, and --jku or --keys")
    if keys:
        entry["keys"] = _public_keys(keys)
    _write(path, "clients", name, entry)
    _tell_engineer(settings, name, entry)


def _public_keys(file: Path) -> Sequence[Mapping[str, Any]]:
    try:
        found = decode(file.read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{file}: no JSON: {error}") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise click.ClickException(f"{file}: no JWK Set: a `keys` with a list is missing")
    return [_plain(key) for key in keys]


def _plain(key: Mapping[str, Any]) -> Mapping[str, str]:
    """A key without what is no text, such as certificates: nothing of that is used."""
    return {member: text for member, text in key.items() if isinstance(text, str)}


def _write(path: Path, kind: str, name: str, entry: Mapping[str, Any]) -> None:
    """Add a table to the file, if the whole is then a clients file; nothing else changes."""
    try:
        before = path.read_bytes() if path.exists() else b""
        registered = tomllib.loads(before.decode()).get(kind, {})
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise click.ClickException(f"{path}: no TOML: {error}") from error
    if name in registered:
        raise click.ClickException(f"{path}: {kind}.{name} is there already")
    lines = [f"[{kind}.{name if _BARE.fullmatch(name) else to_toml(name)}]"]
    lines += [f"{setting} = {to_toml(value)}" for setting, value in entry.items()]
    start = b"" if not before else b"\n" if before.endswith(b"\n") else b"\n\n"
    added = start + "\n".join([*lines, ""]).encode()
    try:
        parse_clients(tomllib.loads((before + added).decode()))
    except ValueError as error:
        raise click.ClickException(f"not written: {error}") from error
    _append(path, added)


def _append(path: Path, added: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
        with os.fdopen(handle, "ab") as file:
            file.write(added)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def _tell_operator(path: Path, name: str, token: str) -> None:
    click.echo(f"The operator {name} is in {path}, which holds only a hash of this token:")
    click.echo(token)
    click.echo("It is shown this once. A program sends it as `Authorization: Bearer TOKEN`;")
    click.echo(f"in a browser the name is {name} and the token is the password.")


def _tell_engineer(settings: Settings, name: str, entry: Mapping[str, Any]) -> None:
    """What the engineer of the client has to know."""
    algorithms = ", ".join(entry.get("algorithms", DEFAULT_ALGORITHMS))
    click.echo(f"The client {name} is registered; a running service takes it up at its next start.")
    click.echo(
        "Tell its engineer that every call has `Authorization: Bearer TOKEN`, where TOKEN is"
    )
    click.echo(f"  a JSON Web Token of type JWT, signed with {algorithms}, its key named by kid;")
    click.echo(f"  iss: {entry['iss']}")
    click.echo("  aud: the very address that is called:")
    for url in entry.get("audiences", service_urls(settings)):
        click.echo(f"    {url}")
    click.echo(f"  iat and exp: at most {entry.get('lifetime', DEFAULT_LIFETIME)} seconds apart;")
    click.echo("  jti: another one for every call.")
    if "scopes" in entry:
        click.echo(
            f"Access tokens (SMART Backend Services) are at {token_url(settings)}: the id of"
        )
        click.echo(f"the client is {name}, its scopes are {' '.join(entry['scopes'])}.")
    click.echo(f"Then try it out: crd clients check {name}")
