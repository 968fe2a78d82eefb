"""What is pinned for the image: the lock files as their tests read them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "docker" / "requirements.lock"
BUILD_LOCK = ROOT / "docker" / "requirements-build.lock"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A package of a lock file: its one version, where it is installed, the hashes of its files."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version that is installed.

        Raises:
            ValueError: it is not pinned to one.
        """
        (specifier,) = self.requirement.specifier
        if specifier.operator != "==" or "*" in specifier.version:
            raise ValueError(f"`{self.requirement}` is not one version")
        return specifier.version

    @property
    def is_for_this_system(self) -> bool:
        """Whether it is installed here; the image's system is taken for the same."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate()


def pins(lock: Path) -> Mapping[str, Pin]:
    """The packages of a lock file by their canonical names."""
    return {canonical(pin.requirement.name): pin for pin in _read(lock.read_text("utf-8"))}


def _read(text: str) -> Iterator[Pin]:
    whole_lines = re.sub(r"\\\n", " ", text).splitlines()
    for line in whole_lines:
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(_HASH.sub("", line).strip())
            yield Pin(requirement=requirement, hashes=tuple(_HASH.findall(line)))


def canonical(name: str) -> str:
    """The name of a package as all of its spellings are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
