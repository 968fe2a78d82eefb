"""Narratives in files: a file keeps all that its author wrote, to the byte."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_values import json_objects, pairs
from small_library import organization, policy, rule, write_library

from cds_service.authoring.narrative.files import find_stale_narratives, with_narrative
from cds_service.errors import ArtifactError
from cds_service.policy.library.artifacts import read_library

NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">ü</div>'}


def write_narratives(directory: Path) -> list[str]:
    """The names of the files that got a narrative."""
    due = list(find_stale_narratives([directory]))
    for narrative in due:
        narrative.path.write_bytes(narrative.body)
    return [narrative.path.name for narrative in due]


def test_a_narrative_stands_after_the_id_in_the_layout_of_the_file() -> None:
    """Two blanks a level here, as in the library; the rest keeps its place and its digits."""
    body = '{\n  "resourceType": "X",\n  "id": "x",\n  "n": 1.50,\n  "l": [1,  2]\n}\n'

    assert with_narrative(body, NARRATIVE) == (
        '{\n  "resourceType": "X",\n  "id": "x",\n'
        '  "text": {\n    "status": "generated",\n'
        '    "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">ü</div>"\n  },\n'
        '  "n": 1.50,\n  "l": [1,  2]\n}\n'
    )


@pytest.mark.parametrize(
    ("body", "start"),
    [
        ('{"resourceType":"X","id":"x","n":1}', '{"resourceType":"X","id":"x","text":{"status":"'),
        ('{ "resourceType": "X" }', '{ "resourceType": "X", "text": {"status": "'),
        ('{\r\n\t"resourceType": "X"\r\n}', '{\r\n\t"resourceType": "X",\r\n\t"text": {\r\n\t\t"'),
        ('{"id":"x","language":"en","a":{"id":1}}', '{"id":"x","language":"en","text":{"'),
    ],
)
def test_other_layouts_are_kept_too(body: str, start: str) -> None:
    """One line or many, blanks or tabs."""
    assert with_narrative(body, NARRATIVE).startswith(start)


@given(
    before=json_objects,
    after=json_objects,
    stale=st.booleans(),
    indent=st.sampled_from([None, 0, 1, 2, "\t"]),
)
def test_all_else_survives(
    before: dict[str, Any], after: dict[str, Any], stale: bool, indent: int | str | None
) -> None:
    """Whatever members there are, every one keeps its place; the narrative is read back whole."""
    own = ("resourceType", "id", "meta", "implicitRules", "language", "text")
    first = {name: value for name, value in before.items() if name not in own}
    last = {name: value for name, value in after.items() if name not in own and name not in first}
    old = {"text": {"status": "generated"}} if stale else {}
    resource = {**first, "resourceType": "X", **old, **last}
    body = json.dumps(resource, indent=indent, ensure_ascii=False)
    written = with_narrative(body, NARRATIVE)

    assert pairs(written) == pairs(
        json.dumps({**first, "resourceType": "X", "text": NARRATIVE, **last})
    )
    assert with_narrative(written, NARRATIVE) == written


def test_every_file_gets_its_narrative_once(tmp_path: Path) -> None:
    """What is written is valid, and found to be what is due."""
    write_library(tmp_path, organization(), policy(rule()))

    assert len(write_narratives(tmp_path)) == 2
    assert write_narratives(tmp_path) == []
    assert all(
        artifact.resource["text"]["status"] == "generated"
        for artifact in read_library([tmp_path]).by_key.values()
    )


def test_a_changed_artifact_makes_its_narrative_stale(tmp_path: Path) -> None:
    """The one file, and no other."""
    write_library(tmp_path, organization(), policy(rule()))
    write_narratives(tmp_path)
    text = json.loads((tmp_path / "Organization-acme.json").read_text())["text"]
    write_library(tmp_path, {**organization(name="Acme of old"), "text": text})

    assert write_narratives(tmp_path) == ["Organization-acme.json"]


def test_a_file_that_is_no_artifact_is_named(tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / "Organization-x.json").write_text("{")

    with pytest.raises(ArtifactError, match="not JSON"):
        list(find_stale_narratives([tmp_path]))
