"""`crd audit check-proof`: a proof checked without the database."""

from pathlib import Path

import click

from cds_service.audit.proof import ProvedRecord
from cds_service.audit.proof import check_proof as check
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.trust import read_public_keys, unusable_errors, with_public_keys
from cds_service.errors import AuditError, TamperError
from cds_service.fhir.resource import encode


@click.command("check-proof")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="print the record that is proved as JSON")
@with_public_keys
def check_proof(file: Path, as_json: bool, public_keys: tuple[str, ...]) -> None:
    """Check the proof in FILE with the log's public key; neither database nor network is needed.

    The key must come from elsewhere than the file: from the log's operator, or whoever keeps its
    checkpoints. Exit status 0 if the record is proved, 1 if not, 2 if it cannot be checked.
    """
    with unusable_errors():
        if not public_keys:
            raise AuditError("name the log's public key with --public-key")
        verifiers = read_public_keys(public_keys)
        try:
            proved = check(file.read_bytes(), verifiers)
        except TamperError as error:
            click.echo(f"NOT PROVED: {error}")
            raise SystemExit(1) from error
    click.echo(encode(proved.content) if as_json else text_table((), _rows(proved)))


def _rows(proved: ProvedRecord) -> list[tuple[str, str]]:
    checkpoint = proved.checkpoint
    return [
        ("proved", "this record is in the log as it stands in the file"),
        ("record", proved.key),
        ("at", proved.at),
        ("number", str(proved.number)),
        ("log", checkpoint.origin),
        ("checkpoint", f"of size {checkpoint.size}, root {checkpoint.root.hex()}"),
    ]
