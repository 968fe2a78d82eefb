"""Settings: each by variable and by option, with what is wrong named by its key."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import SettingError, typed
from cds_service.settings import (
    Setting,
    Settings,
    all_settings,
    default_data_dir,
    read_settings,
)

# Each setting with its default, and another value as text and as what it is read to.
TABLE: dict[str, tuple[Any, str, Any]] = {
    "host": ("127.0.0.1", "::1", "::1"),
    "port": (8000, "8443", 8443),
    "library": ((), f"one{os.pathsep}two", (Path("one"), Path("two"))),
    "builtin_library": (True, "no", False),
    "data_dir": ("", "/var/lib/crd", "/var/lib/crd"),
    "database_url": ("", "sqlite:////var/lib/crd.sqlite3", "sqlite:////var/lib/crd.sqlite3"),
    "authorizations": ("", "/etc/crd/authorizations.json", "/etc/crd/authorizations.json"),
    "audit_key": ("", "/etc/crd/audit.key", "/etc/crd/audit.key"),
    "checkpoint_key": ("", "/etc/crd/checkpoint.key", "/etc/crd/checkpoint.key"),
    "checkpoints": ("", "exec:/usr/local/bin/keep", "exec:/usr/local/bin/keep"),
    "journal": ("", "/var/spool/crd", "/var/spool/crd"),
    "journal_max": (256 << 20, "0", 0),
    "retention": ((), "answer=10y feedback=3y", ("answer=10y", "feedback=3y")),
    "auth": ("open", "open", "open"),
    "clients": ("", "/etc/crd/clients.toml", "/etc/crd/clients.toml"),
    "token_key": ("", "/etc/crd/token.pem", "/etc/crd/token.pem"),
    "allow_open": (False, "yes", True),
    "base_url": ("", "https://crd.example.invalid", "https://crd.example.invalid"),
    "ehr": (
        (),
        "https://one.example.invalid/fhir https://two.example.invalid",
        ("https://one.example.invalid/fhir", "https://two.example.invalid"),
    ),
    "watch": (True, "no", False),
    "approvals": (0, "2", 2),
    "ca_file": ("", "authorities.pem", "authorities.pem"),
    "policy_server": ((), "https://fhir.payer.invalid/r4", ("https://fhir.payer.invalid/r4",)),
    "ehr_seconds": (4.0, "2.5", 2.5),
    "workers": (0, "2", 2),
    "threads": (32, "16", 16),
    "max_body": (4 << 20, "65536", 65536),
    "max_depth": (100, "50", 50),
    "max_entries": (5_000, "500", 500),
    "connections": (1000, "200", 200),
    "request_seconds": (20, "60", 60),
    "large_bodies": (2, "4", 4),
    "stop_seconds": (30, "5", 5),
    "rate": (0, "20", 20),
    "concurrent": (0, "4", 4),
    "log_format": ("text", "json", "json"),
    "log_level": ("info", "warning", "warning"),
}
SENSELESS = (
    ("port", "http"),
    ("port", ""),
    ("port", "80.5"),
    ("port", "-1"),
    ("port", "65536"),
    ("port", "9" * 5000),
    ("ehr", "ehr.example.invalid"),
    ("policy_server", "fhir.payer.invalid"),
    ("ehr_seconds", "soon"),
    ("ehr_seconds", "0"),
    ("ehr_seconds", "9.1"),
    ("ehr_seconds", "nan"),
    ("threads", "many"),
    ("threads", "0"),
    ("threads", "257"),
    ("max_body", "4MB"),
    ("max_body", "1023"),
    ("max_body", str((1 << 30) + 1)),
    ("builtin_library", "perhaps"),
    ("builtin_library", ""),
    ("allow_open", "2"),
    ("base_url", "crd.example.invalid"),
    ("base_url", "ftp://crd.example.invalid"),
    ("base_url", "javascript:alert(1)"),
    ("max_depth", "9"),
    ("max_depth", "501"),
    ("max_entries", "9"),
    ("journal_max", "-1"),
    ("connections", "0"),
    ("request_seconds", "0"),
    ("stop_seconds", "601"),
    ("rate", "-1"),
    ("approvals", "-1"),
    ("approvals", "two"),
    ("concurrent", "few"),
    ("log_format", "xml"),
    ("log_level", "loud"),
    ("auth", "none"),
    ("auth", ""),
)
TYPED = {setting.name: setting.option.split("/")[0] for setting in all_settings()}
JWT = {"auth": "jwt", "clients": "clients.toml", "base_url": "https://crd.example.invalid"}
LOOPBACK = ("127.0.0.1", "127.8.9.10", "::1", "localhost")
BEYOND = (
    "0.0.0.0",  # noqa: S104
    "::",
    "10.0.0.1",
    "192.0.2.7",
    "2001:db8::1",
    "crd.example.invalid",
    "localhost.example.invalid",
    "",
)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"CRD_{name.upper()}"


def test_the_table_holds_every_setting() -> None:
    """A new setting is not tested until it stands in the table above."""
    assert sorted(TABLE) == sorted(row.name for row in fields(Settings))


@pytest.mark.parametrize(("name", "default"), [(name, row[0]) for name, row in TABLE.items()])
def test_every_setting_has_a_default(name: str, default: Any) -> None:
    """With nothing set the service serves this machine, openly, from the built-in library."""
    assert getattr(read_settings({}, {}), name) == default


@pytest.mark.parametrize(
    ("name", "text", "read"), [(name, *row[1:]) for name, row in TABLE.items()]
)
def test_every_setting_is_a_variable(name: str, text: str, read: Any) -> None:
    """`CRD_…` sets it, and nothing else."""
    found = read_settings({variable(name): text}, {})

    assert getattr(found, name) == read
    assert all(getattr(found, other) == TABLE[other][0] for other in TABLE if other != name)


@pytest.mark.parametrize(
    ("name", "text", "read"), [(name, *row[1:]) for name, row in TABLE.items()]
)
def test_every_setting_is_an_option(name: str, text: str, read: Any) -> None:
    """An option given as a string sets it."""
    assert getattr(read_settings({}, {name: text}), name) == read


@pytest.mark.parametrize(
    ("name", "text", "read"), [(name, *row[1:]) for name, row in TABLE.items()]
)
def test_an_option_overrules_its_variable(name: str, text: str, read: Any) -> None:
    """Where both are given, the command line is what counts; the variable is not even looked at."""
    found = read_settings({variable(name): "\0 senseless"}, {name: text})

    assert getattr(found, name) == read


@pytest.mark.parametrize(("name", "text"), SENSELESS)
@pytest.mark.parametrize("by_option", [True, False], ids=["option", "variable"])
def test_a_senseless_value_stops_the_start_and_names_its_key(
    name: str, text: str, by_option: bool
) -> None:
    """Whichever way it came, the error names the setting."""
    environ, options = ({}, {name: text}) if by_option else ({variable(name): text}, {})

    with pytest.raises(SettingError) as caught:
        read_settings(environ, options)

    assert caught.value.key == name
    assert str(caught.value).startswith(f"setting {TYPED[name]} ({variable(name)}): ")


@pytest.mark.parametrize("name", ["workers", "auth", "watch", "ehr_seconds"])
def test_an_empty_variable_is_refused_in_words(name: str) -> None:
    """It is no choice: nobody is let in, and nothing is switched, for want of a value."""
    with pytest.raises(SettingError) as caught:
        read_settings({variable(name): ""}, {})

    assert str(caught.value).endswith(": it is empty; leave it out for the default")


@pytest.mark.parametrize("url", ["https://", "http:///policies", "https://?x=1"])
def test_a_base_url_has_a_host(url: str) -> None:
    """A URL that names no machine cannot be linked to, so it stops the start."""
    with pytest.raises(SettingError) as caught:
        read_settings({}, {"base_url": url})

    assert caught.value.key == "base_url"


def test_a_home_that_is_not_there_stops_the_start() -> None:
    """A library in the home of a user nobody knows is an error that names the setting."""
    with pytest.raises(SettingError) as caught:
        read_settings({}, {"library": "~nobody-of-that-name/policies"})

    assert caught.value.key == "library"


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(TABLE)), text=st.text(max_size=12))
def test_any_value_is_read_or_refused(name: str, text: str) -> None:
    """No text leads to anything but settings or an error that names the key."""
    try:
        named = name if read_settings({variable(name): text}, {}) else ""
    except SettingError as error:
        named = error.key

    assert named == name


@pytest.mark.parametrize("host", LOOPBACK)
def test_open_access_is_for_this_machine(host: str) -> None:
    """A loopback address may be listened on without further ado."""
    assert read_settings({}, {"host": host}).host == host


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize("host", BEYOND)
def test_open_access_beyond_this_machine_is_refused(host: str) -> None:
    """An address others can reach needs an override, and the error names it (design: 4.14)."""
    with pytest.raises(SettingError) as caught:
        read_settings({"CRD_HOST": host}, {})

    assert caught.value.key == "host"
    assert "--allow-open (CRD_ALLOW_OPEN)" in str(caught.value)
    assert "--auth jwt (CRD_AUTH)" in str(caught.value)


@pytest.mark.parametrize("host", BEYOND)
def test_clients_with_tokens_may_come_from_anywhere(host: str) -> None:
    """Where strangers are kept out, others may reach this machine."""
    assert read_settings({"CRD_HOST": host}, JWT).host == host


@pytest.mark.parametrize("missing", ["clients", "base_url"])
def test_tokens_cannot_be_checked_without_clients_and_our_own_url(missing: str) -> None:
    """Who may call, and for which address a token must be, are not to be guessed."""
    options = {name: text for name, text in JWT.items() if name != missing}

    with pytest.raises(SettingError) as caught:
        read_settings({}, options)

    assert caught.value.key == missing


def test_tokens_do_not_come_in_clear() -> None:
    """R4: the address that clients call has TLS, unless they are on this machine."""
    with pytest.raises(SettingError, match="without TLS") as caught:
        read_settings({}, {**JWT, "base_url": "http://crd.example.invalid"})

    assert caught.value.key == "base_url"
    for local in ("http://127.0.0.1:8000", "http://[::1]:8000/crd", "http://localhost"):
        assert read_settings({}, {**JWT, "base_url": local}).base_url == local


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: setting.name)
def test_an_error_names_a_setting_as_it_is_typed(setting: Setting) -> None:
    """The option in the error is the option of the command, for every setting."""
    assert str(SettingError(setting.name, "")) == f"setting {typed(setting.name)}: "
    assert typed(setting.name) == f"{setting.option.split('/')[0]} ({setting.variable})"


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize("yes", ["1", "true", "Yes", "ON"])
def test_open_access_beyond_this_machine_can_be_allowed(host: str, yes: str) -> None:
    """Who says so in so many words gets it."""
    assert read_settings({"CRD_HOST": host, "CRD_ALLOW_OPEN": yes}, {}).host == host


@pytest.mark.parametrize("no", ["0", "false", "No", "OFF", ""])
def test_a_no_allows_nothing(no: str) -> None:
    """Every way to say no, and saying nothing, keeps the service on this machine."""
    with pytest.raises(SettingError):
        read_settings({"CRD_HOST": "192.0.2.7", "CRD_ALLOW_OPEN": no}, {})


def test_directories_of_a_library_are_separated_like_path() -> None:
    """`CRD_LIBRARY` is written like PATH; empty parts are none, and `~` is the home directory."""
    found = read_settings({"CRD_LIBRARY": os.pathsep.join(["", "/one", "", "~/two"])}, {})

    assert found.library == (Path("/one"), Path.home() / "two")


def test_other_variables_are_not_ours() -> None:
    """Variables without the prefix, and unknown ones with it, change nothing."""
    assert (
        read_settings({"PORT": "1", "HOST": "192.0.2.7", "CRD_UNKNOWN": "1", "crd_port": "1"}, {})
        == Settings()
    )


def test_data_goes_into_the_data_directory() -> None:
    """Without a database URL the log is a file in the data directory, by its absolute path."""
    assert Settings(data_dir="/var/lib/crd").data_path == Path("/var/lib/crd")
    assert Settings(data_dir="/var/lib/crd").database == "sqlite:////var/lib/crd/crd.sqlite3"
    assert Settings().database == f"sqlite:///{Path(default_data_dir()).absolute() / 'crd.sqlite3'}"


def test_a_database_url_counts_more_than_a_data_directory() -> None:
    """Where both are given the URL is taken as it stands."""
    found = Settings(data_dir="/var/lib/crd", database_url="sqlite:///here.sqlite3")

    assert found.database == "sqlite:///here.sqlite3"


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"host": "localhost", "port": "80"}, "http://localhost:80"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"base_url": "https://crd.example.invalid/crd/"}, "https://crd.example.invalid/crd"),
    ],
)
def test_links_lead_to_where_clients_reach_us(options: dict[str, str], base: str) -> None:
    """The base of links is the base URL without a slash at its end, or the address listened on."""
    assert read_settings({}, options).links_base == base


@pytest.mark.parametrize("name", list(TABLE))
def test_every_setting_is_described(name: str) -> None:
    """What an operator reads stands beside the setting."""
    (described,) = [row.metadata["help"] for row in fields(Settings) if row.name == name]

    assert described
