"""Where in a clients file a setting of a client stands, so that an editor opens it there.

TOML is read elsewhere; here lines are only found. Where a file is written in another way than a
table a client, the file alone is named.
"""

import re
from pathlib import Path

from cds_service.cli.toml_text import to_toml


def change(path: Path, client: str, setting: str, value: object) -> str:
    """What to change, in one line: the place, and the text that should stand there."""
    wanted = f"{setting} = {to_toml(value)}"
    lines = path.read_text("utf-8").splitlines()
    head = _line(lines, 0, rf"\[\s*clients\s*\.\s*[\"']?{re.escape(client)}[\"']?\s*\]")
    if head is None:
        return f"{path}: in the table of {client}: {wanted}"
    end = _line(lines, head + 1, r"\[[^\[]") or len(lines)
    at = _line(lines[:end], head + 1, rf"[\"']?{re.escape(setting)}[\"']?\s*=")
    if at is None:
        return f"{path}:{head + 1}: add below: {wanted}"
    return f"{path}:{at + 1}: {wanted}"


def _line(lines: list[str], start: int, pattern: str) -> int | None:
    """The number, from 0, of the first line from `start` that begins like the pattern."""
    wanted = re.compile(rf"\s*{pattern}")
    return next(
        (number for number in range(start, len(lines)) if wanted.match(lines[number])), None
    )
