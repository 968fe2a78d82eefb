r"""Separators in search values, and `\` before one that is meant literally (FHIR R4, search)."""

import re

_ESCAPED = re.compile(r"\\([,|$\\])")
_PIECES = {
    separator: re.compile(rf"(?:[^\\{re.escape(separator)}]|\\.|\\$)+", re.DOTALL)
    for separator in ",|$"
}


def split_at(separator: str, value: str) -> list[str]:
    """The pieces of a value between unescaped separators, empty ones left out, still escaped."""
    return _PIECES[separator].findall(value)


def cut_at(separator: str, value: str) -> tuple[str, str, str]:
    """What `str.partition` gives, at the first separator that is not escaped."""
    piece = _PIECES[separator].match(value)
    end = piece.end() if piece else 0
    return value[:end], value[end : end + 1], value[end + 1 :]


def literal(value: str) -> str:
    """A value without its escapes."""
    return _ESCAPED.sub(r"\1", value) if "\\" in value else value
