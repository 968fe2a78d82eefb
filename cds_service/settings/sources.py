"""Where settings come from: an option, else a variable, else the settings file, else the default.

The file is named by the option `--config`, or by the variable `CRD_CONFIG`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.settings.checks import check_settings
from cds_service.settings.file import read_file
from cds_service.settings.table import Settings, all_settings

CONFIG = "config"  # the name under which options hold the settings file
CONFIG_VARIABLE = "CRD_CONFIG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The value of a setting, and where it was given, as an operator types it; empty: default."""

    value: Any
    source: str = ""


def read_settings(environ: Mapping[str, str], options: Mapping[str, str]) -> Settings:
    """The settings from command line options given as strings, variables, file, and defaults.

    Raises:
        SettingError: a value cannot be used, alone or beside the others; names the setting.
    """
    given = find_given(environ, options)
    settings = Settings(**{name: found.value for name, found in given.items()})
    check_settings(settings)
    return settings


def find_given(environ: Mapping[str, str], options: Mapping[str, str]) -> Mapping[str, Given]:
    """What is in force for every setting by its name, and where it was given.

    Raises:
        SettingError: a value in the file, or one in force, cannot be used.
    """
    file = options.get(CONFIG) or environ.get(CONFIG_VARIABLE)
    in_file = read_file(Path(file)) if file else {}
    given = {}
    for setting in all_settings():
        if setting.name in options:
            value, source = setting.read(options[setting.name]), setting.option.split("/")[0]
        elif setting.variable in environ:
            value, source = setting.read(environ[setting.variable]), setting.variable
        elif setting.name in in_file:
            value, source = in_file[setting.name], str(file)
        else:
            value, source = setting.default, ""
        given[setting.name] = Given(value=value, source=source)
    return given
