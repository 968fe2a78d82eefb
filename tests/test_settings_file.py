"""The settings file: what comes before it, and what is wrong with it named by file, line, key."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import SettingError, StartError
from cds_service.settings import Settings, all_settings, read_settings
from cds_service.settings.file import read_file
from cds_service.settings.sources import find_given

WHOLE = """
host = "127.0.0.2"
port = 8443
library = ["one", "two"]
builtin_library = false
ehr = ["https://ehr.example.invalid/fhir"]
ehr_seconds = 2.5
database_url = "postgresql://crd@db.example.invalid/crd?passfile=/etc/crd/pgpass"
retention = "answer=10y"
"""


def written(directory: Path, text: str) -> Path:
    """A settings file with this text."""
    file = directory / "crd.toml"
    file.write_text(text, "utf-8")
    return file


def refusal_of(directory: Path, text: str) -> str:
    """What is wrong with a settings file of this text."""
    with pytest.raises(StartError) as caught:
        read_settings({}, {"config": str(written(directory, text))})
    return str(caught.value)


def test_the_file_gives_what_stands_in_it_and_nothing_else(tmp_path: Path) -> None:
    """Text, numbers, switches and lists, as TOML has them."""
    found = read_settings({}, {"config": str(written(tmp_path, WHOLE))})

    assert found == Settings(
        host="127.0.0.2",
        port=8443,
        library=(Path("one"), Path("two")),
        builtin_library=False,
        ehr=("https://ehr.example.invalid/fhir",),
        ehr_seconds=2.5,
        database_url="postgresql://crd@db.example.invalid/crd?passfile=/etc/crd/pgpass",
        retention=("answer=10y",),
    )


def test_an_option_comes_before_a_variable_and_both_before_the_file(tmp_path: Path) -> None:
    """Each is named as the source of what it gives."""
    file = written(tmp_path, "port = 1\nthreads = 1\nmax_body = 2048\n")
    environ = {"CRD_CONFIG": str(file), "CRD_PORT": "2", "CRD_THREADS": "2"}

    found = find_given(environ, {"port": "3"})

    assert (found["port"].value, found["port"].source) == (3, "--port")
    assert (found["threads"].value, found["threads"].source) == (2, "CRD_THREADS")
    assert (found["max_body"].value, found["max_body"].source) == (2048, str(file))
    assert (found["host"].value, found["host"].source) == ("127.0.0.1", "")


def test_the_option_for_the_file_comes_before_its_variable(tmp_path: Path) -> None:
    """The file that the variable names is not even looked for."""
    file = written(tmp_path, "port = 1\n")

    found = read_settings({"CRD_CONFIG": "/nowhere.toml"}, {"config": str(file)})

    assert found.port == 1


@pytest.mark.parametrize(
    ("line", "key", "problem"),
    [
        ("port = 70000", "port", "70000 is not in the range"),
        ("port = true", "port", "a number is due here"),
        ("host = 5", "host", "text in quotes is due here"),
        ('builtin_library = "no"', "builtin_library", "true or false, without quotes,"),
        ("library = [1]", "library", "text in quotes is due here"),
        ('ehr = ["https://ehr.example.invalid", "nowhere"]', "ehr", "`nowhere` is not an http"),
        ('auth = "none"', "auth", "'none' is not one of"),
        ("retention = { answer = 1 }", "retention", "text in quotes is due here"),
    ],
)
def test_a_bad_value_names_file_line_and_key_and_how_it_is_typed(
    tmp_path: Path, line: str, key: str, problem: str
) -> None:
    """An operator opens the file at that line; who sets it elsewhere knows the option."""
    text = f"# a comment\n\n{line}\n"
    with pytest.raises(SettingError) as caught:
        read_settings({}, {"config": str(written(tmp_path, text))})

    assert caught.value.key == key
    place = f"{tmp_path / 'crd.toml'}:3: `{key}`: setting --{key.replace('_', '-')} (CRD_"
    assert str(caught.value).startswith(place)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("line", "unknown", "meant"),
    [
        ("prot = 1", "prot", "port"),
        ("max-body = 2048", "max-body", "max_body"),
        ('database = "sqlite:///x"', "database", "database_url"),
        ("[retention_days]\nanswer = 1", "retention_days", "retention"),
    ],
)
def test_an_unknown_key_stops_the_start_and_the_one_meant_is_named(
    tmp_path: Path, line: str, unknown: str, meant: str
) -> None:
    """A misspelt setting is never silently the default."""
    refusal = refusal_of(tmp_path, f"threads = 2\n{line}\n")

    assert refusal == (
        f"{tmp_path / 'crd.toml'}:2: no setting is called `{unknown}`; did you mean `{meant}`?"
    )


def test_a_key_like_none_of_ours_is_named_alone(tmp_path: Path) -> None:
    """No guess is better than a wild one."""
    assert refusal_of(tmp_path, "zzzz = 1").endswith("no setting is called `zzzz`")


@pytest.mark.parametrize(
    "url", ["postgresql://crd:secret@db/crd", "postgresql://crd@db/crd?password=secret"]
)
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    """The settings file is read by many; the error says where a password belongs."""
    refusal = refusal_of(tmp_path, f'database_url = "{url}"')

    assert "passfile=FILE" in refusal
    assert "secret" not in refusal


def test_a_file_that_is_no_toml_or_not_there_stops_the_start(tmp_path: Path) -> None:
    """With the option that named it, and where in it the fault is."""
    assert "crd.toml: not TOML: " in refusal_of(tmp_path, "port = = 1")
    with pytest.raises(StartError, match=r"--config \(CRD_CONFIG\): .*nowhere.toml: No such file"):
        read_settings({}, {"config": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize("name", [setting.name for setting in all_settings()])
def test_every_setting_can_stand_in_the_file(tmp_path: Path, name: str) -> None:
    """Its default, written as TOML, is read as its default."""
    default = getattr(Settings(), name)
    text = {"True": "true", "False": "false", "()": "[]"}.get(str(default), repr(default))

    assert read_file(written(tmp_path, f"{name} = {text}")) == {name: default}


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in the file, a start has settings or an error that names the file."""
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        refusal = "" if read_file(file) == {} else str(file)
    except StartError as error:
        refusal = str(error)

    assert not refusal or str(file) in refusal
