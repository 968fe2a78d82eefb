"""Plain text for summaries and labels: one line, no markup, nothing that hides or turns text."""

import re

_TAG = re.compile(r"<(?=[\w/!?])")


def plain(text: str) -> str:
    """`text` on one line, without control, bidirectional or invisible characters."""
    if not text.isprintable():  # which none of them is, nor a separator other than the blank
        kept = (character for character in text if character.isprintable() or character.isspace())
        text = "".join(kept)
    return " ".join(text.split())


def label(text: str) -> str:
    """`text` plain, for a place that shows no markup: what looks like a tag is none."""
    return _TAG.sub("‹", plain(text))


def shorten(text: str, limit: int) -> str:
    """`text` as a label of at most `limit` characters, cut at a word."""
    return cut(label(text), limit)


def cut(line: str, limit: int) -> str:
    """A line of at most `limit` characters, cut at a word."""
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
