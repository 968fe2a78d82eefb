"""Tables, for a terminal and in Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A heading, what to know before reading, columns, and lines of as many cells."""

    heading: str
    notes: Sequence[str] = ()
    columns: Sequence[str] = ()
    lines: Sequence[Sequence[str]] = ()

    def to_text(self) -> str:
        """Columns as wide as they need to be; the first to the left, the others to the right."""
        return "\n".join((self.heading, *self.notes, *self._aligned()))

    def to_markdown(self) -> str:
        """The same in Markdown."""
        parts = [f"### {self.heading}", *self.notes]
        if self.columns:
            rule = ["---", *["---:"] * (len(self.columns) - 1)]
            parts.append("\n".join(map(_piped, (self.columns, rule, *self.lines))))
        return "\n\n".join(parts)

    def _aligned(self) -> Iterator[str]:
        if not self.columns:
            return
        every = [self.columns, *self.lines]
        widths = [max(map(len, column)) for column in zip(*every, strict=True)]
        for line in every:
            first, *others = zip(line, widths, strict=True)
            cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
            yield f"  {'  '.join(cells)}".rstrip()


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def sparkline(values: Sequence[float]) -> str:
    """The values as bars from the least to the greatest."""
    low, high = min(values), max(values)
    steps = ((value - low) / (high - low) if high > low else 0 for value in values)
    return "".join(_BARS[round(step * (len(_BARS) - 1))] for step in steps)
