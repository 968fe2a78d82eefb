"""`crd config show`: the settings in force, and where each was given."""

import tomllib
from pathlib import Path

from click.testing import CliRunner, Result

from cds_service.cli.config import config
from cds_service.settings import Settings, all_settings, read_settings


def run(*arguments: str, **environment: str) -> Result:
    """One run of the command, with no variables but these."""
    names = [setting.variable for setting in all_settings()] + ["CRD_CONFIG"]
    unset: dict[str, str | None] = dict.fromkeys(names)
    return CliRunner().invoke(
        config, ["show", *arguments], env={**unset, **environment}, catch_exceptions=False
    )


def shown(result: Result, name: str) -> str:
    """The line of one setting."""
    (line,) = [line for line in result.output.splitlines() if line.startswith(f"{name} = ")]
    return " ".join(line.split())


def test_each_setting_is_shown_with_where_it_was_given(tmp_path: Path) -> None:
    """Option, variable, file, default."""
    file = tmp_path / "crd.toml"
    file.write_text('threads = 4\nehr = ["https://ehr.example.invalid/fhir"]\n')

    result = run("--config", str(file), "--port", "1", CRD_MAX_BODY="2048", CRD_THREADS="8")

    assert shown(result, "port") == "port = 1 # from --port"
    assert shown(result, "max_body") == "max_body = 2048 # from CRD_MAX_BODY"
    assert shown(result, "threads") == "threads = 8 # from CRD_THREADS"
    assert shown(result, "ehr") == f'ehr = ["https://ehr.example.invalid/fhir"] # from {file}'
    assert shown(result, "host") == 'host = "127.0.0.1" # default'


def test_what_is_shown_is_a_settings_file(tmp_path: Path) -> None:
    """Every setting stands in it, and it is read to the same settings."""
    result = run("--library", 'a"b', "--library", "c\\d", "--no-builtin-library", "--rate", "5")
    (tmp_path / "crd.toml").write_text(result.output)

    names = [setting.name for setting in all_settings()]
    assert list(tomllib.loads(result.output)) == names
    assert read_settings({}, {"config": str(tmp_path / "crd.toml")}) == Settings(
        library=(Path('a"b'), Path("c\\d")), builtin_library=False, rate=5
    )


def test_a_password_is_not_shown() -> None:
    """However it stands in the database's URL."""
    for url in (
        "postgresql://crd:marker-1@db/crd",
        "postgresql://crd:mar/ker-1@x@db/crd",
        "postgresql://crd@db/crd?password=marker-1&sslmode=require",
        "postgresql://crd@db/crd?sslmode=require&sslpassword=marker-1",
    ):
        result = run("--database", url, "--audit-key", "key", "--checkpoint-key", "key")

        assert "ker-1" not in result.output
        assert "***" in shown(result, "database_url")


def test_a_secret_in_another_address_is_not_shown() -> None:
    """Checkpoints may go to an address that lets nobody else write there."""
    for url in (
        "https://log:marker-1@log.example/x",
        "https://log.example/x?Access_Token=marker-1",
    ):
        result = run("--checkpoints", url)

        assert "marker-1" not in result.output
        assert "***" in shown(result, "checkpoints")


def test_settings_that_stop_the_start_are_named_here_too() -> None:
    """Alone or together."""
    for arguments, problem in (
        (("--port", "http"), "setting --port (CRD_PORT): "),
        (("--auth", "jwt"), "setting --clients (CRD_CLIENTS): "),
    ):
        result = run(*arguments)

        assert result.exit_code == 1
        assert result.output.startswith(f"Error: {problem}")
