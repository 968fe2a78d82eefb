"""The settings as options of a command, made from the table in `settings`."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from cds_service.cli.start import start_errors
from cds_service.settings import Setting, Settings, all_settings, read_settings

_Command = Callable[..., None]


class _SettingOption(click.Option):
    """An option that shows the kind of a setting in the help, and hands on the text it is given.

    `read_settings` alone reads it, so a value is refused alike as an option and as a variable.
    """

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:  # noqa: ARG002
        return value


def with_settings(command: _Command) -> _Command:
    """The command with an option for each setting, called with the `settings` they give."""

    @wraps(command)
    def run(**arguments: Any) -> None:
        given = {setting.name: arguments.pop(setting.name) for setting in all_settings()}
        command(settings=_read(given), **arguments)

    with_options: _Command = run
    for setting in reversed(all_settings()):
        with_options = _option(setting)(with_options)
    return with_options


def _option(setting: Setting) -> Callable[[_Command], _Command]:
    is_flag = isinstance(setting.default, bool)
    return click.option(
        setting.option,
        setting.name,
        cls=_SettingOption,
        type=None if is_flag else setting.kind,
        multiple=setting.takes_several,
        default=None,
        help=f"{setting.help}  ({setting.variable}, default: {_shown(setting.default)})",
    )


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default or "none")


@start_errors()
def _read(given: Mapping[str, Any]) -> Settings:
    texts = {
        setting.name: _text(setting, given[setting.name])
        for setting in all_settings()
        if given[setting.name] not in (None, ())
    }
    return read_settings(os.environ, texts)


def _text(setting: Setting, value: Any) -> str:
    return setting.join(value) if setting.takes_several else str(value)
