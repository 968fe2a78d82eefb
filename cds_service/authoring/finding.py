"""A finding of a check: what has to be mended before a library is served."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a library does not meet, or must not do: the file, the case or place in it, and what."""

    file: Path
    where: str
    problem: str
