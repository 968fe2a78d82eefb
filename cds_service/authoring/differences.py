"""Differences between two JSON values, by path, with what stands there before and after."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from cds_service.fhir.resource import Json, canonical

NOTHING = "nothing"  # what stands where a value is not
_SHORT = 120  # characters of a value that is shown
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_MADE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs at one JSON path; both values as short JSON, or `nothing`."""

    path: str
    before: str
    after: str


def differences_of(before: Json, after: Json, path: str = "$") -> Iterator[Difference]:
    """Each place where two values differ, as deep as both have the same shape.

    Elements of lists are aligned, so that one more among them is one difference.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            inner = f"{path}.{name}" if _NAME.fullmatch(name) else f"{path}['{name}']"
            yield from _of_members(before, after, name, inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif canonical(before) != canonical(after):
        yield Difference(path=path, before=_shown(before), after=_shown(after))


def _of_members(
    before: dict[str, Json], after: dict[str, Json], name: str, path: str
) -> Iterator[Difference]:
    if name not in after:
        yield Difference(path=path, before=_shown(before[name]), after=NOTHING)
    elif name not in before:
        yield Difference(path=path, before=NOTHING, after=_shown(after[name]))
    else:
        yield from differences_of(before[name], after[name], path)


def _of_lists(before: Sequence[Json], after: Sequence[Json], path: str) -> Iterator[Difference]:
    old, new = list(map(canonical, before)), list(map(canonical, after))
    for same, start, end, new_start, new_end in SequenceMatcher(
        a=old, b=new, autojunk=False
    ).get_opcodes():
        if same != "equal":
            yield from _of_stretch(before[start:end], after[new_start:new_end], path, start)


def _of_stretch(
    before: Sequence[Json], after: Sequence[Json], path: str, start: int
) -> Iterator[Difference]:
    """Of elements that stand between equal ones: in pairs, then those that one side has more."""
    paired = min(len(before), len(after))
    for place in range(max(len(before), len(after))):
        inner = f"{path}[{start + place}]"
        if place < paired:
            yield from differences_of(before[place], after[place], inner)
        elif place < len(before):
            yield Difference(path=inner, before=_shown(before[place]), after=NOTHING)
        else:
            yield Difference(path=inner, before=NOTHING, after=_shown(after[place]))


def _shown(value: Json) -> str:
    shown = canonical(value).decode()
    return shown if len(shown) <= _SHORT else f"{shown[: _SHORT - 1]}…"


def ids_in(sent: bytes) -> frozenset[str]:
    """The ids in the form of UUIDs that JSON holds."""
    return frozenset(_MADE_ID.findall(sent.decode()))


def without_made_ids(value: Json, sent: frozenset[str]) -> Json:
    """The value with an ellipsis for each id in the form of a UUID that was not sent to us.

    Those are of our making, and new in every response.
    """
    if isinstance(value, dict):
        return {name: without_made_ids(inner, sent) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_made_ids(inner, sent) for inner in value]
    if isinstance(value, str):
        return _MADE_ID.sub(lambda found: found[0] if found[0] in sent else "…", value)
    return value
