"""Values as TOML has them, for files that people go on editing."""

import json
from collections.abc import Mapping
from typing import Any


def to_toml(value: Any) -> str:
    """A value on one line: text, numbers, switches, lists, and tables in braces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(to_toml, value))}]"
    if isinstance(value, Mapping):
        members = (f"{name} = {to_toml(inner)}" for name, inner in value.items())
        return f"{{ {', '.join(members)} }}"
    # TOML's escapes are those of JSON, which leaves this one character alone.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
