"""Files of `docker/` as the tests read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from operating import ROOT

DOCKER = ROOT / "docker"


def read_documents(path: Path) -> list[Any]:
    """The YAML documents of a file."""
    parts = path.read_text("utf-8").split("\n---\n")
    return [msgspec.yaml.decode(part) for part in parts]


def read_yaml(path: Path) -> Any:
    """The one YAML document of a file."""
    (document,) = read_documents(path)
    return document


def values_of(document: Any, key: str) -> Iterator[Any]:
    """What stands under a key, wherever it is."""
    if isinstance(document, dict):
        if key in document:
            yield document[key]
        for inner in document.values():
            yield from values_of(inner, key)
    elif isinstance(document, list):
        for inner in document:
            yield from values_of(inner, key)
