"""Scopes of SMART Backend Services: which types a client may read, search, write (SMART 2).

`system/Questionnaire.rs` is read and search of Questionnaires, `system/*.r` read of any type. The
spelling of SMART 1, such as `system/*.read`, is understood.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.errors import TokenRefused

_ALL = "cruds"  # create, read, update, delete, search: in this order (SMART, scopes for access)
_OLD = {"read": "rs", "write": "cud", "*": _ALL}
_SCOPE = re.compile(
    r"system/(?P<type>\*|[A-Z][A-Za-z]{1,63})\.(?P<may>read|write|\*|c?r?u?d?s?)", re.ASCII
)
_MOST = 100  # scopes in one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What may be done (letters of `cruds`) to resources of a type, or of any (`*`)."""

    type: str
    may: str

    def __str__(self) -> str:
        return f"system/{self.type}.{self.may}"

    def permits(self, resource_type: str, interaction: str) -> bool:
        """Whether it permits one interaction, by its letter, with resources of this type."""
        return self.type in ("*", resource_type) and interaction in self.may

    def common(self, other: "Scope") -> "Scope | None":
        """What both permit, if there is anything."""
        if "*" not in (self.type, other.type) and self.type != other.type:
            return None
        may = "".join(letter for letter in self.may if letter in other.may)
        narrower = other.type if self.type == "*" else self.type
        return Scope(type=narrower, may=may) if may else None


def parse_scope(text: str) -> Scope | None:
    """A scope as it is spelt; None for one that means nothing here, such as `openid`."""
    found = _SCOPE.fullmatch(text)
    if not found or not found["may"]:
        return None
    return Scope(type=found["type"], may=_OLD.get(found["may"], found["may"]))


def grant_scopes(asked: str, registered: Iterable[str]) -> tuple[Scope, ...]:
    """What a client asks for, in one text with blanks, and is registered for: in that order.

    Raises:
        TokenRefused: that is nothing.
    """
    words = asked.split()
    if not words or len(words) > _MOST:
        raise TokenRefused("invalid_scope", "ask for scopes, such as system/*.rs")
    wanted = [scope for scope in map(parse_scope, words) if scope]
    allowed = [scope for scope in map(parse_scope, sorted(registered)) if scope]
    granted: dict[Scope, None] = {}
    for scope in wanted:
        granted.update((common, None) for common in map(scope.common, allowed) if common)
    if not granted:
        raise TokenRefused("invalid_scope", "this client is registered for none of these scopes")
    return tuple(granted)
