"""`crd clients check`: the configuration of clients tried out from our side."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from cds_service.access.causes import Cause
from cds_service.access.clients import Client, Clients
from cds_service.access.clients_file import read_clients
from cds_service.access.diagnosis import Diagnosis, Finding
from cds_service.access.prober import Prober
from cds_service.access.signing_keys import SigningKey, parse_key_set
from cds_service.access.token_parts import parse_token
from cds_service.access.token_words import TokenReader
from cds_service.cli.clients.endpoints import clients_path, service_urls
from cds_service.cli.clients.file_lines import change
from cds_service.cli.options import with_some_settings
from cds_service.cli.refused_start import start_errors
from cds_service.errors import RequestFailed, Unauthorized
from cds_service.settings import Settings


@click.command()
@click.argument("name", required=False)
@click.option(
    "--token",
    "token_file",
    type=click.File(),
    help="file with an access token for the FHIR servers (- for standard input): a Patient is read",
)
@click.option("--patient", default="", metavar="ID", help="the Patient to read with that token")
@click.option(
    "--jwt",
    "jwt_file",
    type=click.File(),
    help="file with a token of a client (- for standard input): would it be accepted, and if not, "
    "why; it is not printed",
)
@with_some_settings("clients", "base_url", "ehr", "ca_file")
def check(
    name: str | None,
    token_file: TextIO | None,
    patient: str,
    jwt_file: TextIO | None,
    settings: Settings,
) -> None:
    """Try out the configuration of the client NAME, or of all clients.

    A line a check: keys, their algorithms, clocks, certificates, addresses, FHIR servers. Below one
    that fails stands the line of the clients file to change. Exit status 1 if any fails.
    """
    with start_errors():
        path = clients_path(settings)
        clients = read_clients(path)
    with closing(Prober(ca_file=settings.ca_file)) as prober:
        if jwt_file:
            token = jwt_file.read().strip()
            client = _of_token(token, clients, name)
            reader = TokenReader(
                clients=clients,
                keys=_FetchedKeys(prober=prober),
                urls=service_urls(settings),
                now=_now,
            )
            has_faults = _show(path, client, reader.explain(token, client))
        else:
            diagnosis = Diagnosis(
                prober=prober,
                urls=service_urls(settings),
                servers=settings.ehr,
                now=_now,
                token=token_file.read().strip() if token_file else "",
                patient=patient,
            )
            checked = [
                _show(path, client, diagnosis.findings(client)) for client in _chosen(clients, name)
            ]
            has_faults = any(checked)
    raise SystemExit(1 if has_faults else 0)


def _chosen(clients: Clients, name: str | None) -> tuple[Client, ...]:
    if name is None:
        return clients.all
    client = clients.named(name)
    if client is None:
        known = ", ".join(registered.name for registered in clients.all) or "none"
        raise click.ClickException(f"no client is called `{name}`; registered: {known}")
    return (client,)


def _of_token(token: str, clients: Clients, name: str | None) -> Client:
    """The client that is named or, where none is, the one that the token says it is from."""
    if name is not None:
        return _chosen(clients, name)[0]
    try:
        issuer = parse_token(token).claims.get("iss")
    except Unauthorized as error:
        raise click.ClickException("this is no JSON Web Token") from error
    candidates = clients.of_issuer(issuer) if isinstance(issuer, str) else ()
    if not candidates:
        raise click.ClickException(
            f"its iss is {issuer!r:.120}, which no client has; name the client it should be from"
        )
    return candidates[0]


def _show(path: Path, client: Client, findings: Iterable[Finding]) -> bool:
    """Print the findings of a client as they come; whether any is a fault."""
    has_faults = False
    for finding in findings:
        has_faults |= finding.is_fault
        mark = "FAULT" if finding.is_fault else "ok"
        click.echo(f"{client.name:<20} {finding.check:<12} {mark:<6} {finding.words}")
        if finding.setting:
            click.echo(f"{'':<20} {'':<12} {'':<6} {_change(path, client, finding)}")
    return has_faults


def _change(path: Path, client: Client, finding: Finding) -> str:
    return f"change {change(path, client.name, finding.setting, finding.value)}"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FetchedKeys:
    """The keys of clients, each set fetched when it is first asked for: a person waits."""

    prober: Prober
    _kept: dict[str, dict[str, SigningKey]] = field(default_factory=dict)

    def get(self, client: Client, kid: str) -> SigningKey:
        """The client's key under this id.

        Raises:
            Unauthorized: there is none, or the keys are not to be had.
        """
        if client.name not in self._kept:
            self._kept[client.name] = dict(self._fetch(client))
        try:
            return self._kept[client.name][kid]
        except KeyError as error:
            raise Unauthorized(Cause.UNKNOWN_KEY) from error

    def _fetch(self, client: Client) -> Iterator[tuple[str, SigningKey]]:
        if client.keys:
            yield from client.keys.items()
            return
        try:
            yield from parse_key_set(self.prober.get_keys(client).body).keys.items()
        except (RequestFailed, ValueError) as error:
            raise Unauthorized(Cause.KEYS_UNAVAILABLE) from error
