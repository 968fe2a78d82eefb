"""Tables and dossiers as text: columns as wide as what stands in them, one line a row."""

from collections.abc import Iterable, Sequence

from cds_service.audit.dossier import Dossier, Section
from cds_service.audit.dossier_sections import sections_of
from cds_service.cds_hooks.plain_text import plain

_GAP = "  "


def text_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under headings; without headings, rows alone.

    Each cell is on one line, without characters that would hide or turn text.
    """
    cells = [list(map(plain, row)) for row in ([headings] if headings else []) + [*rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_GAP.join(map(str.ljust, row, widths)).rstrip() for row in cells)


def dossier_text(dossier: Dossier) -> str:
    """The dossier for a terminal: a title a section, its rows below it, a blank line between."""
    return "\n\n".join(map(_section_text, sections_of(dossier)))


def _section_text(section: Section) -> str:
    title = plain(section.title)
    return f"{title}\n{'-' * len(title)}\n{text_table(section.headings, section.rows)}"
