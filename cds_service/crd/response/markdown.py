"""Words on cards: no HTML, nothing hidden, and no markdown that came with a text."""

import re

from cds_service.cds_hooks.plain_text import plain

# What could start markup inside a line of GitHub-flavoured markdown, the only place texts are put.
_DEFUSED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in "\\`*_[]~|"},
)
_BLOCK = re.compile(r"^(\d*)(?=[#+=.)-])")
_ADDRESS = re.compile(r"(?i):(?=//)|(?<=www)\.")
# GitHub's parser looks for e-mail addresses after it has resolved escapes, and not in code alone.
_AT = re.compile(r"(?<!@)@++(?! |$)")


def prose(text: str) -> str:
    """A policy's words as markdown that shows them as they stand, markup defused."""
    return _BLOCK.sub(r"\1\\", plain(text).translate(_DEFUSED))


def escape(text: str) -> str:
    """A request's words likewise, and without the links that markdown makes of bare addresses."""
    return _AT.sub(r"`\g<0>`", _ADDRESS.sub(r"\\\g<0>", prose(text)))
