"""The settings as options of a command, made from the table in `settings`."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from cds_service.cli.refused_start import start_errors
from cds_service.settings import Setting, Settings, all_settings, read_settings
from cds_service.settings.sources import CONFIG, CONFIG_VARIABLE

_Command = Callable[..., None]


class _SettingOption(click.Option):
    """An option that shows the kind of a setting in the help, and hands on the text it is given.

    `read_settings` alone reads it, so a value is refused alike as an option and as a variable.
    """

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:  # noqa: ARG002
        return value


def with_settings(command: _Command) -> _Command:
    """The command with an option for each setting, called with the `settings` they give."""
    return with_some_settings(*(setting.name for setting in all_settings()))(command)


def with_some_settings(*names: str) -> Callable[[_Command], _Command]:
    """The same with options for these settings alone; the others come from elsewhere."""

    def decorate(command: _Command) -> _Command:
        @wraps(command)
        def run(given: Mapping[str, str], **arguments: Any) -> None:
            command(settings=_read(given), **arguments)

        return with_given(*names)(run)

    return decorate


def with_given(*names: str) -> Callable[[_Command], _Command]:
    """The command with options for these settings, called with the texts `given` by options."""
    settings = [setting for setting in all_settings() if setting.name in names]

    def decorate(command: _Command) -> _Command:
        @wraps(command)
        def run(**arguments: Any) -> None:
            values = {setting: arguments.pop(setting.name) for setting in settings}
            given = {
                setting.name: _text(setting, value)
                for setting, value in values.items()
                if value not in (None, ())
            }
            if config := arguments.pop(CONFIG):
                given[CONFIG] = config
            command(given=given, **arguments)

        with_options: _Command = run
        for setting in reversed(settings):
            with_options = _option(setting)(with_options)
        return _config_option(with_options)

    return decorate


def as_variables(given: Mapping[str, str]) -> Mapping[str, str]:
    """What was given by options, as the variables that another process reads alike."""
    variables = {setting.name: setting.variable for setting in all_settings()}
    variables[CONFIG] = CONFIG_VARIABLE
    return {variables[name]: text for name, text in given.items()}


def _config_option(command: _Command) -> _Command:
    return click.option(
        "--config",
        CONFIG,
        metavar="FILE",
        help="TOML file of settings, by their names, such as max_body = 65536; options and "
        f"variables come before it  ({CONFIG_VARIABLE}, default: none)",
    )(command)


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
def _read(given: Mapping[str, str]) -> Settings:
    return read_settings(os.environ, given)


def _text(setting: Setting, value: Any) -> str:
    return setting.join(value) if setting.takes_several else str(value)
