"""The page of errors: each is drawn in its tree, with the HTTP status its caller gets."""

import re

from cds_service import errors
from cds_service.errors import CrdError, HookError


def every_error() -> list[type[CrdError]]:
    """`CrdError` and all that derive from it."""
    found, waiting = [], [CrdError]
    while waiting:
        error = waiting.pop()
        found.append(error)
        waiting.extend(error.__subclasses__())
    return found


def test_the_tree_draws_every_error_under_its_parent_with_its_status() -> None:
    """A reader of the one page sees them all."""
    drawn: dict[str, tuple[str, str]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        matched = re.match(r"([│ ├└─]*)([A-Z]\w+(?:Error|\w*))(?: +(\d{3}))?", line)
        if matched and matched.group(2) in vars(errors):
            depth = len(matched.group(1)) // 4
            path = [*path[:depth], matched.group(2)]
            drawn[matched.group(2)] = (path[-2] if depth else "", matched.group(3) or "")

    assert drawn == {
        error.__name__: (
            "" if error is CrdError else error.__mro__[1].__name__,
            str(error.status) if issubclass(error, HookError) and error is not HookError else "",
        )
        for error in every_error()
    }
