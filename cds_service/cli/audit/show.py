"""`crd audit show`: the dossier of one answer."""

import click

from cds_service.audit.text_tables import dossier_text
from cds_service.cli.audit.opening import opened_desk, with_store
from cds_service.errors import AuditError
from cds_service.fhir.resource import encode
from cds_service.settings import Settings


@click.command()
@click.argument("identity", metavar="ASSERTION-ID")
@click.option("--json", "as_json", is_flag=True, help="print the whole record as JSON")
@with_store
def show(identity: str, as_json: bool, settings: Settings) -> None:
    """Explain one answer: who asked, what was sent and read, why, and what was answered.

    ASSERTION-ID is the coverage-assertion-id of an answer, or the id of any record. That it was
    read is recorded.
    """
    with opened_desk(settings) as desk:
        dossier = desk.dossier("audit show", identity)
        if dossier is None:
            raise AuditError("no record has this assertion id or id")
        click.echo(encode(dossier.to_json()) if as_json else dossier_text(dossier))
