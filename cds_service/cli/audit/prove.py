"""`crd audit prove`: the proof of one answer, for a reviewer who has no database."""

import os
from pathlib import Path

import click

from cds_service.audit.desk import writable
from cds_service.audit.proof import prove as make_proof
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.audit.trust import known_keys, with_public_keys
from cds_service.cli.options import with_some_settings
from cds_service.errors import AuditError
from cds_service.settings import Settings


@click.command()
@click.argument("identity", metavar="ASSERTION-ID")
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="the file that the proof is written to, for its owner alone: it holds the whole record",
)
@with_public_keys
@with_some_settings("data_dir", "database_url", "audit_key", "checkpoint_key")
def prove(identity: str, output: Path, public_keys: tuple[str, ...], settings: Settings) -> None:
    """Prove that an answer is in the log as it was given, to anybody who has the public key.

    ASSERTION-ID is the coverage-assertion-id of an answer, or the id of any record. The file holds
    the record, its place, and the signed checkpoint; it tells how to check it, with `crd audit
    check-proof` or by hand. That it was read is recorded.
    """
    with opened_desk(settings) as desk:
        verifiers = known_keys(settings, public_keys)
        sought = writable(identity)
        reader = desk.read("audit prove", {"subject": sought})
        stored = reader.by_assertion(sought) or reader.by_id(sought)
        if stored is None:
            raise AuditError("no record has this assertion id or id")
        _write(output, make_proof(desk.engine, stored, verifiers))
    click.echo(f"{output}: proof of record {stored.id}; check it with `crd audit check-proof`")


def _write(output: Path, proof: bytes) -> None:
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(proof)
    except OSError as error:
        raise AuditError(f"cannot write {output}: {error.strerror}") from error
