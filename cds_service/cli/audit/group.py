"""The group `crd audit`: a command is a module beside this one and a loader here."""

# ruff: noqa: PLC0415  # each is imported when it is called (see `lazy`)

import click

from cds_service.cli.lazy import LazyGroup


def _backup() -> click.Command:
    """Copy the store into a new DIRECTORY, while calls go on; that it was copied is recorded."""
    from cds_service.cli.audit.backup import backup

    return backup


def _check_proof() -> click.Command:
    """Check the proof in FILE with the log's public key; neither database nor network is needed."""
    from cds_service.cli.audit.check_proof import check_proof

    return check_proof


def _export() -> click.Command:
    """Write records to a file, the oldest first; that they were exported is recorded."""
    from cds_service.cli.audit.export import export

    return export


def _find() -> click.Command:
    """Find records that match all that is named, the latest first."""
    from cds_service.cli.audit.find import find

    return find


def _hold() -> click.Command:
    """Keep records from being purged: of one member, patient, order or answer; or list the
    holds.
    """
    from cds_service.cli.audit.hold import hold

    return hold


def _key() -> click.Command:
    """Print the public key that checkpoints are verified with."""
    from cds_service.cli.audit.key import key

    return key


def _migrate() -> click.Command:
    """Bring the database to the schema of this release, once for all workers and hosts."""
    from cds_service.cli.audit.migrate import migrate

    return migrate


def _prove() -> click.Command:
    """Prove that an answer is in the log as it was given, to anybody who has the public key."""
    from cds_service.cli.audit.prove import prove

    return prove


def _purge() -> click.Command:
    """Delete the records that are older than their class is kept (--retention), held ones aside."""
    from cds_service.cli.audit.purge import purge

    return purge


def _replay() -> click.Command:
    """Answer a recorded call again: with the policies as they were, and as they are."""
    from cds_service.cli.audit.replay import replay

    return replay


def _restore() -> click.Command:
    """Put the backup in DIRECTORY where the settings say, and verify it; no service may run
    there.
    """
    from cds_service.cli.audit.restore import restore

    return restore


def _sequence() -> click.Command:
    """Number the records that wait, sign the tree and publish what is due."""
    from cds_service.cli.audit.sequence import sequence

    return sequence


def _show() -> click.Command:
    """Explain one answer: who asked, what was sent and read, why, and what was answered."""
    from cds_service.cli.audit.show import show

    return show


def _verify() -> click.Command:
    """Find the first record that was altered, is missing or is extra."""
    from cds_service.cli.audit.verify import verify

    return verify


@click.group(
    cls=LazyGroup,
    loaders=[
        _backup,
        _check_proof,
        _export,
        _find,
        _hold,
        _key,
        _migrate,
        _prove,
        _purge,
        _replay,
        _restore,
        _sequence,
        _show,
        _verify,
    ],
)
def audit() -> None:
    """Look after the store of records: what was asked, read, decided and answered."""
