"""The `crd` command as a whole: a command is a module beside this one and a loader here."""

# ruff: noqa: PLC0415  # each is imported when it is called (see `lazy`)

import sys

import click

from cds_service.cli.lazy import LazyGroup
from cds_service.version import VERSION
from cds_service.web.logs import configure_logs


def _answer() -> click.Command:
    """Answer one hook request from a file and print the response; nothing is recorded."""
    from cds_service.cli.answer import answer

    return answer


def _audit() -> click.Command:
    """Look after the store of records: what was asked, read, decided and answered."""
    from cds_service.cli.audit.group import audit

    return audit


def _check() -> click.Command:
    """Compile the built-in policies with those in DIRECTORIES, and run every policy's cases."""
    from cds_service.cli.check import check

    return check


def _clients() -> click.Command:
    """Try out and register the clients that may call (see --clients)."""
    from cds_service.cli.clients.group import clients

    return clients


def _config() -> click.Command:
    """Look at the settings."""
    from cds_service.cli.config import config

    return config


def _export() -> click.Command:
    """Write the policies as FHIR R4: for another server, a registry, or a review."""
    from cds_service.cli.export import export

    return export


def _import() -> click.Command:
    """Take the policies in SOURCE into a library directory, all of them or none."""
    from cds_service.cli.import_ import import_

    return import_


def _list() -> click.Command:
    """List which services the policies call not covered, covered or conditional."""
    from cds_service.cli.list_ import list_

    return list_


def _metrics() -> click.Command:
    """Show the guide's measures over the recorded calls; that they were read is recorded."""
    from cds_service.cli.metrics import metrics

    return metrics


def _narrate() -> click.Command:
    """Write the narrative of every artifact in DIRECTORIES (default: the built-in library)."""
    from cds_service.cli.narrate import narrate

    return narrate


def _policy() -> click.Command:
    """Put policies in service on all processes at once, go back, and see what went live where."""
    from cds_service.cli.policy.group import policy

    return policy


def _serve() -> click.Command:
    """Answer CDS Hooks calls and show the policies, until stopped."""
    from cds_service.cli.serve import serve

    return serve


@click.group(
    cls=LazyGroup,
    loaders=[
        _answer,
        _audit,
        _check,
        _clients,
        _config,
        _export,
        _import,
        _list,
        _metrics,
        _narrate,
        _policy,
        _serve,
    ],
)
@click.version_option(VERSION)
def main() -> None:
    """Coverage requirements discovery over CDS Hooks, with payer policies as FHIR."""
    configure_logs("text", "info", sys.stderr)
