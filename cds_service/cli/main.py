"""The `crd` command as a whole: a command is a module beside this one and a name in the list."""

import sys

import click

from cds_service.cli.answer import answer
from cds_service.cli.audit.group import audit
from cds_service.cli.check import check
from cds_service.cli.clients.group import clients
from cds_service.cli.config import config
from cds_service.cli.export import export
from cds_service.cli.import_ import import_
from cds_service.cli.list_ import list_
from cds_service.cli.metrics import metrics
from cds_service.cli.narrate import narrate
from cds_service.cli.policy.group import policy
from cds_service.cli.serve import serve
from cds_service.web.logs import configure_logs


@click.group(
    commands=[
        answer,
        audit,
        check,
        clients,
        config,
        export,
        import_,
        list_,
        metrics,
        narrate,
        policy,
        serve,
    ]
)
@click.version_option(package_name="crd-service")
def main() -> None:
    """Coverage requirements discovery over CDS Hooks, with payer policies as FHIR."""
    configure_logs("text", "info", sys.stderr)
