"""The settings file: TOML, its keys the names of the settings, its values as TOML has them.

Every fault in it names the file, the line and the key. It holds no secrets: a key or a password
stands in a file of its own, which it names.
"""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cds_service.errors import SettingError, StartError
from cds_service.settings.kinds import read
from cds_service.settings.row import Setting
from cds_service.settings.secrets import hide_secrets
from cds_service.settings.table import all_settings


def read_file(path: Path) -> Mapping[str, Any]:
    """The values that the settings file at `path` gives, by the name of the setting.

    Raises:
        StartError: it cannot be read, or is no TOML.
        SettingError: a key is no setting, or has no usable value.
    """
    try:
        text = path.expanduser().read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, RuntimeError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        raise StartError(f"--config (CRD_CONFIG): {path}: {problem}") from error
    except ValueError as error:
        raise StartError(f"--config (CRD_CONFIG): {path}: not TOML: {error}") from error
    by_name = {setting.name: setting for setting in all_settings()}
    values = {}
    for name, value in table.items():
        place = _place(path, text, name)
        if name not in by_name:
            raise StartError(f"{place}: no setting is called `{name}`{_meant(name)}")
        values[name] = _read(by_name[name], value, place)
    return values


def _read(setting: Setting, value: Any, place: str) -> Any:
    if setting.name == "database_url":
        _check_without_password(str(value), place)
    if not setting.takes_several:
        return read(setting.name, setting.kind, _text(setting, value, place), place)
    values = value if isinstance(value, list) else [value]
    return setting.read_each([_text(setting, part, place) for part in values], place)


def _text(setting: Setting, value: Any, place: str) -> str:
    """The value as an option would have it, so that it is read alike."""
    wanted, is_right = _wanted(setting.default, value)
    if not is_right:
        raise SettingError(setting.name, f"{wanted} is due here", place)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _wanted(default: object, value: Any) -> tuple[str, bool]:
    """What TOML should have for a setting with this default, and whether `value` is that."""
    if isinstance(default, bool):
        return "true or false, without quotes,", isinstance(value, bool)
    if isinstance(default, int | float):
        return "a number", isinstance(value, int | float | str) and not isinstance(value, bool)
    return "text in quotes", isinstance(value, str)


def _check_without_password(url: str, place: str) -> None:
    if hide_secrets(url) != url:
        raise SettingError(
            "database_url",
            "a password has no place in this file; put it in a file of its own, with the line "
            "HOST:PORT:DATABASE:USER:PASSWORD and mode 0600, and end the URL with ?passfile=FILE",
            place,
        )


def _meant(name: str) -> str:
    names = {setting.name for setting in all_settings()}
    by_option = {setting.option[2:].split("/")[0]: setting.name for setting in all_settings()}
    close = by_option.get(name) or next(iter(get_close_matches(name, names, n=1)), "")
    return f"; did you mean `{close}`?" if close else ""


def _place(path: Path, text: str, name: str) -> str:
    """File and line of a key, as editors open it."""
    key = re.compile(rf"\s*\[*[\"']?{re.escape(name)}[\"']?\s*[=.\]]")
    for number, line in enumerate(text.splitlines(), start=1):
        if key.match(line):
            return f"{path}:{number}"
    return str(path)
