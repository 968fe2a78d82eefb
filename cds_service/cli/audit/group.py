"""The group `crd audit`: a command is a module beside this one and a name in the list."""

import click

from cds_service.cli.audit.check_proof import check_proof
from cds_service.cli.audit.export import export
from cds_service.cli.audit.find import find
from cds_service.cli.audit.hold import hold
from cds_service.cli.audit.key import key
from cds_service.cli.audit.migrate import migrate
from cds_service.cli.audit.prove import prove
from cds_service.cli.audit.purge import purge
from cds_service.cli.audit.replay import replay
from cds_service.cli.audit.sequence import sequence
from cds_service.cli.audit.show import show
from cds_service.cli.audit.verify import verify


@click.group(
    commands=[
        check_proof,
        export,
        find,
        hold,
        key,
        migrate,
        prove,
        purge,
        replay,
        sequence,
        show,
        verify,
    ]
)
def audit() -> None:
    """Look after the store of records: what was asked, read, decided and answered."""
