"""The author's guide as its tests read it: fenced blocks with a label, and generated tables.

A label is an HTML comment on the line before the block: a file's path, or what the block is. A
table stands between `<!-- table: name -->` and `<!-- end -->`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.fhir.resource import decode
from cds_service.policy.library.artifacts import Library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

GUIDE = Path(__file__).parents[1] / "fhir_library" / "README.md"
SERVED_AT = "http://127.0.0.1:8000"
LIBRARY = "my-policies"  # where the guide's author works
POLICY = f"{LIBRARY}/hbo/PlanDefinition-acorn-hbo-2026.json"

_BLOCK = re.compile(
    r"^(?:<!-- (?P<label>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S
)
_TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end -->)", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its label (empty without one), its language, and what is in it."""

    label: str
    kind: str
    text: str

    @property
    def name(self) -> str:
        """What of the label stands before a colon: which sort of snippet it is."""
        return self.label.partition(":")[0]

    @property
    def about(self) -> str:
        """What of the label stands after the colon."""
        return self.label.partition(":")[2].strip()

    @property
    def json(self) -> Any:
        """The JSON in it."""
        return decode(self.text.encode())


def read_blocks(guide: str) -> list[Block]:
    """All fenced blocks of the guide."""
    return [
        Block(label=found["label"] or "", kind=found["kind"], text=found["text"])
        for found in _BLOCK.finditer(guide)
    ]


def snippets(blocks: list[Block], name: str) -> list[Block]:
    """The snippets of one sort."""
    return [block for block in blocks if block.name == name]


def shown_files(blocks: list[Block], under: str = "") -> Mapping[str, str]:
    """The files that the guide shows, by their paths, those under a folder."""
    return {
        block.label: block.text
        for block in blocks
        if block.label.endswith(".json") and block.label.startswith(under)
    }


def write_files(directory: Path, files: Mapping[str, str]) -> Path:
    """The files written below a directory, as its reader would."""
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return directory


def guide_library(directory: Path, blocks: list[Block]) -> Library:
    """The library of the guide's first policy alone, written below a directory."""
    files = shown_files(blocks, LIBRARY)
    return read_library([write_files(directory, files) / LIBRARY])


def guide_index(directory: Path, blocks: list[Block]) -> PolicyIndex:
    """The index over the guide's first policy, as the service would have it."""
    return compile_library(guide_library(directory, blocks), base_url=SERVED_AT)


def shown_tables(guide: str) -> Mapping[str, str]:
    """The generated tables as they stand in the guide, by their names."""
    return {found["name"]: found["text"] for found in _TABLE.finditer(guide)}


def with_tables(guide: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The guide with each table as it is generated now."""

    def generated(found: re.Match[str]) -> str:
        return f"{found[1]}{tables[found['name']]()}\n{found[4]}"

    return _TABLE.sub(generated, guide)
