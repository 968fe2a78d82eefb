"""The `crd` command as a whole: a command is a module beside this one and a name in the list."""

import logging
import sys

import click

from cds_service.cli.answer import answer
from cds_service.cli.check import check
from cds_service.cli.narrate import narrate
from cds_service.cli.serve import serve


@click.group(commands=[answer, check, narrate, serve])
@click.version_option(package_name="crd-service")
def main() -> None:
    """Coverage requirements discovery over CDS Hooks, with payer policies as FHIR."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
