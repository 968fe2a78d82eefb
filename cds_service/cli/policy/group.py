"""The group `crd policy`: a command is a module beside this one and a name in the list."""

import click

from cds_service.cli.policy.activate import activate
from cds_service.cli.policy.approve import approve
from cds_service.cli.policy.cancel import cancel
from cds_service.cli.policy.follow import follow
from cds_service.cli.policy.history import history
from cds_service.cli.policy.keys import keys
from cds_service.cli.policy.rollback import rollback
from cds_service.cli.policy.shadow import shadow
from cds_service.cli.policy.show import show


@click.group(commands=[activate, approve, cancel, follow, history, keys, rollback, shadow, show])
def policy() -> None:
    """Put policies in service on all processes at once, go back, and see what went live where.

    A service follows its directories. `activate` tells every process on the store which set to
    serve, and from which instant; `follow` returns to the directories.
    """
