"""Words on cards: no HTML, nothing that hides or turns text, and no markdown a request or a policy slips in."""

import re

# What could start markup inside a line of GitHub-flavoured markdown, the only place texts are put.
_DEFUSED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in "\\`*_[]~|"},
)
_TAG = re.compile(r"<(?=[\w/!?])")
_BLOCK = re.compile(r"^(\d*)(?=[#+=.)-])")
_AUTOLINK = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)|(@)")


def plain(text: str) -> str:
    """`text` on one line, without control, bidirectional or invisible characters."""
    if not text.isprintable():  # str.isprintable: all of them, and separators other than the blank, are not
        text = "".join(one if one.isprintable() or one.isspace() else "" for one in text)
    return " ".join(text.split())


def label(text: str) -> str:
    """`text` plain, for a place that shows no markup: what looks like a tag is none."""
    return _TAG.sub("‹", plain(text))


def shorten(text: str, limit: int) -> str:
    """`text` as a label of at most `limit` characters, cut at a word."""
    line = label(text)
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def prose(text: str) -> str:
    """A policy's own words as markdown that shows them as they stand: tags, emphasis and blocks defused."""
    return _BLOCK.sub(r"\1\\\\", plain(text).translate(_DEFUSED))


def escape(text: str) -> str:
    """A request's words likewise, and without the links that markdown makes of bare addresses."""
    return _AUTOLINK.sub(lambda found: f"\\{found.group()}", prose(text))
