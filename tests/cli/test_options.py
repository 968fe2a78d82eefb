"""Settings as options: each row of the table, as text, alike as variable and as option."""

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from crd_command import ROOT, crd

from cds_service.cli.options import with_settings, with_some_settings
from cds_service.settings import Setting, Settings, all_settings


@click.command()
@with_settings
def show(settings: Settings) -> None:
    """Says what it was given."""
    click.echo(repr(settings))


def run(*arguments: str, **environment: str) -> Result:
    """One run of a command with settings, with no variables but these."""
    unset: dict[str, str | None] = {setting.variable: None for setting in all_settings()}
    unset["CRD_CONFIG"] = None
    return CliRunner().invoke(show, arguments, env={**unset, **environment}, catch_exceptions=False)


def given(*arguments: str, **environment: str) -> str:
    """The settings that the command is called with, as shown."""
    return run(*arguments, **environment).output.rstrip()


def test_nothing_given_is_the_defaults() -> None:
    """A switch that is not thrown is no no."""
    assert given() == repr(Settings())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--port", "8443"), Settings(port=8443)),
        (("--database", "sqlite:///here"), Settings(database_url="sqlite:///here")),
        (("--no-builtin-library",), Settings(builtin_library=False)),
        (("--allow-open",), Settings(allow_open=True)),
        (("--library", "a", "--library", "b"), Settings(library=(Path("a"), Path("b")))),
        (("--library", f"a{os.pathsep}b"), Settings(library=(Path("a"), Path("b")))),
        (
            ("--ehr", "http://a.invalid", "--ehr", "http://b.invalid"),
            Settings(ehr=("http://a.invalid", "http://b.invalid")),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_option_sets_its_setting_alone(arguments: tuple[str, ...], expected: Settings) -> None:
    """Text, switches, and options that repeat."""
    assert given(*arguments) == repr(expected)


def test_an_option_overrules_its_variable() -> None:
    """A switch too, and a list as a whole."""
    shown = given(
        "--builtin-library",
        "--library",
        "option",
        CRD_BUILTIN_LIBRARY="no",
        CRD_LIBRARY=f"variable{os.pathsep}another",
    )

    assert shown == repr(Settings(library=(Path("option"),)))


def test_a_variable_sets_what_no_option_does() -> None:
    """The environment of the process is read."""
    assert given("--port", "1", CRD_THREADS="2") == repr(Settings(port=1, threads=2))


def test_a_settings_file_sets_what_neither_option_nor_variable_does(tmp_path: Path) -> None:
    """Named by the option or by its variable; every option is a key in it."""
    file = tmp_path / "crd.toml"
    file.write_text("port = 1\nthreads = 1\nallow_open = true\n")
    expected = repr(Settings(port=2, threads=3, allow_open=True))

    assert given("--config", str(file), "--port", "2", CRD_THREADS="3") == expected
    assert given("--port", "2", CRD_THREADS="3", CRD_CONFIG=str(file)) == expected


def test_a_command_may_have_options_for_some_settings_alone(tmp_path: Path) -> None:
    """The others still come from variables and the settings file."""

    @click.command()
    @with_some_settings("port")
    def show_some(settings: Settings) -> None:
        click.echo(repr(settings))

    shown = CliRunner().invoke(show_some, ["--port", "2"], env={"CRD_THREADS": "3"})
    refused = CliRunner().invoke(show_some, ["--threads", "3"])

    assert shown.output.rstrip() == repr(Settings(port=2, threads=3))
    assert "No such option" in refused.output


def test_a_bad_value_is_refused_alike_as_option_and_as_variable() -> None:
    """In the same words, with the same exit status."""
    by_option, by_variable = run("--port", "http"), run(CRD_PORT="http")

    assert by_option.exit_code == by_variable.exit_code == 1
    assert by_option.output == by_variable.output
    assert by_option.output.startswith("Error: setting --port (CRD_PORT): ")


def test_the_help_lists_every_setting_with_its_variable_and_default() -> None:
    """What can be set is found without a manual."""
    shown = " ".join(crd("serve", "--help").stdout.split())

    for setting in all_settings():
        assert setting.option.split("/")[0] in shown
        assert f"({setting.variable}, default: " in shown


def test_the_help_shows_what_a_setting_takes() -> None:
    """Its kind, and its bounds where it has some."""
    shown = " ".join(crd("serve", "--help").stdout.split())

    assert "--port INTEGER port to listen on" in shown
    assert "[0<=x<=65535]" in shown
    assert "--auth [open|jwt]" in shown
    assert "--library DIRECTORY" in shown


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: setting.name)
def test_the_operators_guide_names_every_option_beside_its_variable(setting: Setting) -> None:
    """A row of its table is found by either."""
    lines = (ROOT / "docker" / "README.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith("|") and f"`{setting.variable}`" in line]

    assert any(f"| `{spelling}` |" in row for spelling in setting.option.split("/"))
