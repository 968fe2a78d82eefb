"""Narratives put into the files of artifacts: all else in a file stays as its author wrote it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_service.authoring.narrative.generator import generate_narrative
from cds_service.fhir.resource import JsonObject
from cds_service.policy.library.artifacts import read_library

# What R4 has before `text` in a resource (resource.html, domainresource.html).
_BEFORE = ("resourceType", "id", "meta", "implicitRules", "language")
_BLANK = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleNarrative:
    """A file whose narrative is missing, or is not the one generated; `body` has that one."""

    path: Path
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A member of the outermost object: its name, where it starts, and where its value ends."""

    name: str
    start: int
    end: int


def find_stale_narratives(directories: Sequence[Path]) -> Iterator[StaleNarrative]:
    """The files under these directories that need a narrative, or another one.

    Raises:
        ArtifactError: a file is no artifact.
    """
    for directory in directories:
        artifacts = read_library([directory]).by_key.values()
        for artifact in sorted(artifacts, key=lambda artifact: artifact.path):
            narrative = generate_narrative(artifact.resource)
            if narrative and narrative != artifact.resource.get("text"):
                yield StaleNarrative(path=artifact.path, body=_body(artifact.path, narrative))


def _body(path: Path, narrative: JsonObject) -> bytes:
    return with_narrative(path.read_bytes().decode(), narrative).encode()


def with_narrative(body: str, narrative: JsonObject) -> str:
    """The JSON of a resource with this `text`, in the layout the rest of it has."""
    members = list(_members(body))
    opening = body[body.index("{") + 1 : members[0].start]  # the blanks before a member
    written = f'"text":{_space(opening)}{_json(narrative, opening)}'
    for member in members:
        if member.name == "text":
            return f"{body[: member.start]}{written}{body[member.end :]}"
    last = [member for member in members if member.name in _BEFORE][-1]
    return f"{body[: last.end]},{opening}{written}{body[last.end :]}"


def _json(narrative: JsonObject, opening: str) -> str:
    """The narrative over as many lines as the members beside it take."""
    if "\n" not in opening:
        separators = None if _space(opening) else (",", ":")
        return json.dumps(narrative, ensure_ascii=False, separators=separators)
    newline, indent = opening[: opening.rindex("\n") + 1], opening[opening.rindex("\n") + 1 :]
    lines = json.dumps(narrative, ensure_ascii=False, indent=indent).split("\n")
    return f"{newline}{indent}".join(lines)


def _space(opening: str) -> str:
    return " " if opening else ""


def _members(body: str) -> Iterator[_Member]:
    """The members of the object that `body` is, known to be JSON."""
    decoder = json.JSONDecoder()
    at = _after_blank(body, body.index("{") + 1)
    while body[at] != "}":
        start = at
        name, end = decoder.raw_decode(body, start)
        colon = body.index(":", end)
        _, end = decoder.raw_decode(body, _after_blank(body, colon + 1))
        yield _Member(name=name, start=start, end=end)
        at = _after_blank(body, end)
        if body[at] == ",":
            at = _after_blank(body, at + 1)


def _after_blank(body: str, at: int) -> int:
    blank = _BLANK.match(body, at)
    return blank.end() if blank else at
