"""The unit of systemd as the tests read it."""

from collections.abc import Mapping
from pathlib import Path

from operations.manifests import DOCKER

UNIT = DOCKER / "systemd" / "crd.service"
ENVIRONMENT = DOCKER / "systemd" / "crd.env"


def read_unit(path: Path = UNIT) -> Mapping[str, list[str]]:
    """The values of each key of a unit, in their order, whatever section they stand in."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line.strip() and line[0] not in "#;[":
            key, _, value = line.partition("=")
            found.setdefault(key.strip(), []).append(value.strip())
    return found


def only(unit: Mapping[str, list[str]], key: str) -> str:
    """The one value of a key."""
    (value,) = unit[key]
    return value


def environment_of(unit: Mapping[str, list[str]], file: Path) -> dict[str, str]:
    """The variables that a unit sets, with those of its environment file, which come after."""
    lines = [*unit["Environment"], *file.read_text("utf-8").splitlines()]
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}
