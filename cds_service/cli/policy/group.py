"""The group `crd policy`: a command is a module beside this one and a loader here."""

# ruff: noqa: PLC0415  # each is imported when it is called (see `lazy`)

import click

from cds_service.cli.lazy import LazyGroup


def _activate() -> click.Command:
    """Put a set in service on every process of the store, all at one instant."""
    from cds_service.cli.policy.activate import activate

    return activate


def _approve() -> click.Command:
    """Approve a kept set: shows how it differs from the one in service, asks, and signs its
    digest.
    """
    from cds_service.cli.policy.approve import approve

    return approve


def _cancel() -> click.Command:
    """Cancel an activation that has not begun, by its NUMBER in `crd policy history`."""
    from cds_service.cli.policy.cancel import cancel

    return cancel


def _follow() -> click.Command:
    """Have each process serve the directories that it was started with, and follow them again."""
    from cds_service.cli.policy.follow import follow

    return follow


def _history() -> click.Command:
    """Show the activations, and what went live where, the latest first."""
    from cds_service.cli.policy.history import history

    return history


def _keys() -> click.Command:
    """Look after the keys that sets of policies are approved with."""
    from cds_service.cli.policy.keys import keys

    return keys


def _rollback() -> click.Command:
    """Go back to the set that was in service before the present one, on every process at once."""
    from cds_service.cli.policy.rollback import rollback

    return rollback


def _shadow() -> click.Command:
    """Have a set answer silently beside the one in service, or show how it would differ."""
    from cds_service.cli.policy.shadow import shadow

    return shadow


def _show() -> click.Command:
    """List the policies of a set, who has approved it, and how it differs from the one in
    service.
    """
    from cds_service.cli.policy.show import show

    return show


@click.group(
    cls=LazyGroup,
    loaders=[
        _activate,
        _approve,
        _cancel,
        _follow,
        _history,
        _keys,
        _rollback,
        _shadow,
        _show,
    ],
)
def policy() -> None:
    """Put policies in service on all processes at once, go back, and see what went live where.

    A service follows its directories. `activate` tells every process on the store which set to
    serve, and from which instant; `follow` returns to the directories.
    """
