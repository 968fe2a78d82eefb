"""One row of the table of settings: how it is typed, what it takes, and how a text is read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cds_service.settings.kinds import Kind, read

_Default = TypeVar("_Default")


def row_of(
    default: _Default, option: str, kind: Kind, help_text: str, *, separator: str | None = None
) -> _Default:
    """A row of the table; `separator` stands between several values, None for any blanks."""
    row = {"option": option, "kind": kind, "help": help_text, "separator": separator}
    return field(default=default, metadata=row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table, by which options are made and values read."""

    name: str
    default: object
    option: str
    kind: Kind
    help: str
    separator: str | None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"CRD_{self.name.upper()}"

    @property
    def takes_several(self) -> bool:
        """Whether it has any number of values: its option repeats, its variable is a list."""
        return isinstance(self.default, tuple)

    def join(self, texts: Iterable[str]) -> str:
        """Several values in one text, as the variable has them."""
        return (self.separator or " ").join(texts)

    def read(self, text: str) -> Any:
        """The value, or the tuple of values, in a text.

        Raises:
            SettingError: it cannot be used.
        """
        if not self.takes_several:
            return read(self.name, self.kind, text)
        return self.read_each(part for part in text.split(self.separator) if part)

    def read_each(self, texts: Iterable[str], file: str = "") -> tuple[Any, ...]:
        """The values in several texts, which may stand in a `file`.

        Raises:
            SettingError: one cannot be used.
        """
        return tuple(read(self.name, self.kind, text, file) for text in texts)
