"""The dirty requests of `tests/dirt`, read from JSON: each with the outcome it must have.

A file is an area, a case one request: a `request`, a `base` (a sound request of `bases.json`)
with `changes`, or a raw `body`; `replace` then edits the text, since a JSON file cannot hold
malformed JSON. A change names a place by JSON path and does one thing there: `set`, `drop` or
`append`. `times` repeats a text, `encoding` is the body's.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.fhir.resource import decode, encode

Json = Any
JsonObject = dict[str, Any]
Steps = tuple[str | int, ...]

FOLDER = Path(__file__).parent / "dirt"
BASES: Mapping[str, JsonObject] = decode((FOLDER / "bases.json").read_bytes())
TOLERATED: Mapping[str, list[str]] = decode((FOLDER / "tolerated.json").read_bytes())
_NO_AREAS = {"bases", "tolerated"}
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']+)'\]|\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """One dirty request with its expected outcome.

    `where` is None if the place of the error does not matter, `reasons` if the reasons do not.
    """

    area: str
    name: str
    shows: str
    hook: str
    body: bytes
    ehr_is_down: bool
    status: int
    decisions: list[list[Json]]
    cards: int
    reasons: list[str] | None
    where: str | None

    @property
    def request(self) -> Json:
        """The body as JSON, or None if it is not JSON."""
        try:
            return decode(self.body)
        except ValueError:
            return None


def read_dirt() -> tuple[Dirt, ...]:
    """Every case of every area."""
    areas = sorted(path for path in FOLDER.glob("*.json") if path.stem not in _NO_AREAS)
    return tuple(_dirt(path.stem, case) for path in areas for case in decode(path.read_bytes()))


def _dirt(area: str, case: JsonObject) -> Dirt:
    expected = case["expect"]
    return Dirt(
        area=area,
        name=case["name"],
        shows=case.get("shows", ""),
        hook=case["hook"],
        body=_body(case),
        ehr_is_down=case.get("ehr") == "down",
        status=expected["status"],
        decisions=expected.get("decisions", []),
        cards=expected.get("cards", 0),
        reasons=expected.get("reasons"),
        where=expected.get("where"),
    )


def _body(case: JsonObject) -> bytes:
    text = _repeated(case["body"], case) if "body" in case else encode(_request(case)).decode()
    for replacement in case.get("replace", ()):
        text = text.replace(replacement["text"], _repeated(replacement["by"], replacement))
    return str(text).encode(case.get("encoding", "utf-8"))


def _request(case: JsonObject) -> Json:
    if "request" in case:
        return case["request"]
    request = copy.deepcopy(BASES[case["base"]])
    for change in case["changes"]:
        request = changed(request, change)
    return request


def _repeated(value: Json, case: JsonObject) -> Json:
    return value * case["times"] if "times" in case else value


def changed(value: Json, change: JsonObject) -> Json:
    """The value after one change; it is edited in place."""
    path = parse_path(change["at"])
    if "append" in change:
        _at(value, path).append(_repeated(change["append"], change))
    elif change.get("drop"):
        del _at(value, path[:-1])[path[-1]]
    elif path:
        _at(value, path[:-1])[path[-1]] = _repeated(change["set"], change)
    else:
        return change["set"]
    return value


def parse_path(path: str) -> Steps:
    """The steps of a JSON path such as `$.context['a.b'][0]`."""
    steps = _STEP.findall(path)
    if "$" + "".join(found.group() for found in _STEP.finditer(path)) != path:
        raise ValueError(f"no JSON path: {path}")
    return tuple(int(number) if number else name or quoted for name, quoted, number in steps)


def _at(value: Json, path: Steps) -> Json:
    for step in path:
        value = value[step]
    return value
