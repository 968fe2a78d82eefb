"""The canonical base of a library, rewritten through a whole resource and back (R4, references).

Our artifacts live under a reserved name that nobody can own. Whoever publishes them puts a base of
their own in its place; who takes them in again puts ours back, and has what was exported.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from cds_service.errors import ExchangeError
from cds_service.fhir.resource import JsonObject

# What a base may be made of, so that where one begins and ends in a text is never in doubt.
_BASE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*")
_IN_AN_ADDRESS = r"[A-Za-z0-9_~%:@+-]"
_TRAILING_DOTS = re.compile(r".*\.(/|$)")


def checked_base(base: str) -> str:
    """A canonical base as given, if it can be one: absolute, http or https, nothing after the path.

    Raises:
        ExchangeError: it cannot; the message says how one is written.
    """
    if not _BASE.fullmatch(base) or _TRAILING_DOTS.match(base):
        raise ExchangeError(
            f"canonical base {base!r}: give an absolute address such as "
            "https://payer.example.org/fhir: http or https, without a slash at its end, without "
            "query, fragment, user name or blanks, its path of letters, digits and . _ ~ -"
        )
    return base


def rebase(resource: JsonObject, old: str, new: str) -> JsonObject:
    """The resource with `new` wherever one of its strings names the base `old`.

    That is wherever an address is the base or lies under it: canonicals with their `|version`,
    systems, extension urls, addresses inside expressions and narratives. An address that merely
    begins with the same letters is left alone. Exactly undone by `rebase(…, new, old)` where the
    resource does not name `new` (`names_base`).
    """
    if old == new:
        return resource
    rebased: JsonObject = _rewritten(resource, old, new, _pattern(old))
    return rebased


def names_base(resource: JsonObject, base: str) -> bool:
    """Whether any string of the resource is an address under this base, or the base itself."""
    pattern = _pattern(base)
    return any(base in words and pattern.search(words) for words in strings(resource))


def rebase_all(resources: Iterable[JsonObject], old: str, new: str) -> tuple[JsonObject, ...]:
    """All of them under the new base, so that it can be undone.

    Raises:
        ExchangeError: one of them names the new base already, or a part of the old base is the new
            one: what is old and what is new could not be told apart again.
    """
    kept = tuple(resources)
    for resource in () if old == new else kept:
        if names_base(resource, new):
            raise ExchangeError(
                f"canonical base {new}: {resource.get('resourceType')}/{resource.get('id')} has "
                "addresses under it already, so an import could not tell which of them to put "
                "back; choose a base that the library does not use"
            )
    return tuple(rebase(resource, old, new) for resource in kept)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, however deep; names of members are not among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def _pattern(base: str) -> re.Pattern[str]:
    """Where this base stands as a whole: a dot after it ends a sentence or goes on as a name."""
    before, after = rf"(?<![/.]|{_IN_AN_ADDRESS})", rf"(?!\.*{_IN_AN_ADDRESS})"
    return re.compile(f"{before}{re.escape(base)}{after}")


def _rewritten(value: Any, old: str, new: str, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(lambda _: new, value) if old in value else value
    if isinstance(value, dict):
        return {name: _rewritten(member, old, new, pattern) for name, member in value.items()}
    if isinstance(value, list):
        return [_rewritten(member, old, new, pattern) for member in value]
    return value
