"""Commands are imported when they are called, and listed without being imported."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from cds_service.cli.lazy import LazyGroup, command_name, summary
from cds_service.cli.main import main


def lazy_groups(group: click.Group = main) -> Iterator[LazyGroup]:
    """Every group whose commands are loaded."""
    if isinstance(group, LazyGroup):
        yield group
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from lazy_groups(command)


def test_a_summary_is_the_first_sentence_of_its_commands_help() -> None:
    """And a loader is named as its command is."""
    for group in lazy_groups():
        for name, loader in group.loaders.items():
            command = loader()

            assert summary(loader) == command.get_short_help_str(limit=1000)
            assert command_name(loader) == name == command.name


def test_the_help_lists_every_command() -> None:
    """With its whole first sentence."""
    shown = " ".join(main.get_help(click.Context(main)).split())

    assert all(f"{name} {summary(load)}" in shown for name, load in main.loaders.items())


def test_a_name_of_no_command_is_none() -> None:
    """click words what the user gets."""
    assert main.get_command(click.Context(main), "no-such-command") is None


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["audit", "--help"]])
def test_what_lists_commands_waits_for_none(arguments: list[str]) -> None:
    """Neither a database nor a web server is imported to tell what there is."""
    program = (
        "import sys; sys.argv[1:] = {arguments!r}\n"
        "from cds_service.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = ('sqlalchemy', 'flask', 'requests', 'cryptography', 'pydantic', 'structlog')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "[]"


# What a command may be called without: a library that only others need, by the module it is in.
_UNNEEDED = {
    "cds_service.cli.check": ("flask", "sqlalchemy", "cryptography"),
    "cds_service.cli.alone": (
        "alembic",
        "antlr4",
        "cds_service.authoring.check",
        "fhirpathpy",
        "fhir.resources",
        "jsonschema",
        "requests",
    ),
    "cds_service.cli.narrate": ("flask", "sqlalchemy", "requests", "cryptography"),
}


@pytest.mark.parametrize("module", _UNNEEDED)
def test_a_command_imports_nothing_that_only_others_need(module: str) -> None:
    """Each of these takes from a twentieth to a fifth of a second."""
    slow = _UNNEEDED[module]
    program = f"import sys, {module}\nprint([name for name in {slow!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
