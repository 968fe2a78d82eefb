"""`crd config`: the settings in force, and where each came from."""

import os
from collections.abc import Mapping
from typing import Any

import click

from cds_service.cli.options import with_given
from cds_service.cli.refused_start import start_errors
from cds_service.cli.toml_text import to_toml
from cds_service.settings import all_settings, read_settings
from cds_service.settings.secrets import hide_secrets
from cds_service.settings.sources import Given, find_given

_WIDEST = 60  # columns of a value before what comes behind it moves


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@with_given(*(setting.name for setting in all_settings()))
def show(given: Mapping[str, str]) -> None:
    """Print the settings in force, with where each was given.

    It is a settings file as --config takes it; passwords are not shown.
    """
    with start_errors():
        found = find_given(os.environ, given)
        read_settings(os.environ, given)
    lines = [f"{setting.name} = {_shown(found[setting.name].value)}" for setting in all_settings()]
    width = min(max(map(len, lines)), _WIDEST)
    for line, setting in zip(lines, all_settings(), strict=True):
        click.echo(f"{line:<{width}}  # {_source(found[setting.name])}")


def _source(given: Given) -> str:
    return f"from {given.source}" if given.source else "default"


def _shown(value: Any) -> str:
    return hide_secrets(to_toml(value))
