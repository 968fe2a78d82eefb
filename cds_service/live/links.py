"""Links on the way to a path: where a set of policies is exchanged by one rename.

A release directory behind a link, and a Kubernetes volume behind `..data`, change without a change
to any file: what changes is a link, in the directory that holds it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

_MOST = 40  # links on the way to a path, as Linux follows them


def links_to(path: Path) -> frozenset[Path]:
    """Every symbolic link that is followed on the way to a path, and those they lead through."""
    return frozenset(_links(path.absolute()))


def _links(path: Path) -> Iterator[Path]:
    for _ in range(_MOST):
        link = next((step for step in (*reversed(path.parents), path) if step.is_symlink()), None)
        if link is None:
            return
        yield link
        followed = link.parent / link.readlink() / path.relative_to(link)
        path = Path(os.path.normpath(followed))
