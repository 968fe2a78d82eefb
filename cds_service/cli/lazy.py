"""Groups whose commands are imported when they are called: what one needs, no other waits for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import click

Loader = Callable[[], click.Command]


class LazyGroup(click.Group):
    """A group by the loaders of its commands.

    A loader is named as its command is, and imports it; its docstring repeats the first sentence of
    the command's help, so that the group can be listed without its commands.
    """

    def __init__(self, *arguments: Any, loaders: Sequence[Loader], **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.loaders = {command_name(loader): loader for loader in loaders}
        # click only reads them, but for a group that is added to.
        self.commands = _Commands(self.loaders)  # type: ignore[assignment]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help of the group."""
        with formatter.section("Commands"):
            rows = [(name, summary(self.loaders[name])) for name in sorted(self.loaders)]
            formatter.write_dl(rows)


def command_name(loader: Loader) -> str:
    """What the command of a loader is called: `_check_proof` loads `check-proof`."""
    return loader.__name__.strip("_").replace("_", "-")


def summary(loader: Loader) -> str:
    """The line of help of a loader's command."""
    return " ".join(cleandoc(loader.__doc__ or "").split())


class _Commands(Mapping[str, click.Command]):
    """The commands of a group by name, each imported when it is asked for."""

    def __init__(self, loaders: Mapping[str, Loader]) -> None:
        self._loaders = loaders

    def __getitem__(self, name: str) -> click.Command:
        return self._loaders[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)
