"""`crd clients new`: an entry added, the rest of the file left as it is, and what to tell whom."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from client_site import ClientSite

from cds_service.access.clients_file import read_clients
from cds_service.access.operators import find_operator
from cds_service.cli.clients.new import new

ISS = "https://north.example.invalid"
BEFORE = '# ours, kept by Anna\r\n\n[clients."old.one"]  # since 2024\niss="x"\njku = "https://x.example.invalid/k"'


def run(file: Path, *arguments: str) -> Result:
    """One run of the command on this clients file."""
    return CliRunner().invoke(
        new,
        ["--clients", str(file), "--base-url", "https://crd.example.invalid", *arguments],
        catch_exceptions=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the clients file will be."""
    return tmp_path / "clients.toml"


def test_a_file_is_made_for_its_owner_alone(file: Path) -> None:
    """With the client in it, as it was given."""
    result = run(
        file, "north", "--iss", ISS, "--jku", f"{ISS}/jwks", "--payer", "icare", "--lifetime", "600"
    )

    (client,) = read_clients(file).all
    assert result.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (client.name, client.issuer, client.jku) == ("north", ISS, f"{ISS}/jwks")
    assert (client.payers, client.lifetime) == (frozenset({"icare"}), 600)


def test_its_engineer_is_told_what_a_token_must_hold(file: Path) -> None:
    """Every address for aud, the algorithms, the longest life; for Backend Services the id too."""
    result = run(
        file, "north", "--iss", ISS, "--jku", f"{ISS}/jwks", "--scope", "system/*.rs"
    ).output

    for words in (
        "https://crd.example.invalid/cds-services\n",
        "https://crd.example.invalid/cds-services/order-sign-crd\n",
        "ES384, RS384",
        "at most 3600 seconds",
        f"iss: {ISS}",
        "https://crd.example.invalid/auth/token",
        "the client is north",
        "crd clients check north",
    ):
        assert words in result


def test_what_stands_in_the_file_stays_as_it_is(file: Path) -> None:
    """Byte for byte, whatever its line ends, comments and mode."""
    file.write_bytes(BEFORE.encode())
    file.chmod(0o640)

    assert run(file, "north", "--iss", ISS, "--jku", f"{ISS}/jwks").exit_code == 0
    assert run(file, "east.side", "--iss", "e", "--jku", f"{ISS}/jwks", "--test").exit_code == 0

    assert file.read_bytes().startswith(BEFORE.encode())
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [client.name for client in read_clients(file).all] == ["old.one", "north", "east.side"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("old.one", "--iss", ISS, "--jku", f"{ISS}/jwks"), "clients.old.one is there already"),
        (("north", "--iss", "x", "--jku", f"{ISS}/jwks"), "is also that of `old.one`"),
        (("north", "--iss", ISS, "--jku", "http://north.example.invalid"), "is without TLS"),
        (("north", "--iss", ISS, "--jku", f"{ISS}/k", "--algorithm", "HS256"), "has `HS256`"),
        (("North Wing", "--iss", ISS, "--jku", f"{ISS}/k"), "a name has small letters"),
        (("a]\n[b", "--iss", ISS, "--jku", f"{ISS}/k"), "a name has small letters"),
        (("north", "--iss", ISS), "--jku or --keys"),
        (("north", "--jku", f"{ISS}/k"), "--iss"),
        (("north", "--operator", "--iss", ISS), "nothing else"),
    ],
)
def test_an_entry_that_is_there_or_cannot_be_used_is_not_written(
    file: Path, arguments: tuple[str, ...], problem: str
) -> None:
    """The file is as it was."""
    file.write_bytes(BEFORE.encode())

    result = run(file, *arguments)

    assert result.exit_code != 0
    assert problem in result.output
    assert file.read_bytes() == BEFORE.encode()


def test_keys_in_a_file_are_registered_with_the_client(file: Path, tmp_path: Path) -> None:
    """For a client that has no address for them."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [ClientSite().jwk]}))

    result = run(file, "north", "--iss", ISS, "--keys", str(tmp_path / "keys.json"))

    assert result.exit_code == 0
    assert list(read_clients(file).all[0].keys) == ["key-1"]


@pytest.mark.parametrize("content", ["", "[]", '{"keys": 1}', '{"keys": [{"kty": "oct"}]}'])
def test_a_file_that_holds_no_keys_is_refused(file: Path, tmp_path: Path, content: str) -> None:
    """Nothing is written."""
    (tmp_path / "keys.json").write_text(content)

    result = run(file, "north", "--iss", ISS, "--keys", str(tmp_path / "keys.json"))

    assert result.exit_code == 1
    assert not file.exists()


def test_a_private_key_is_never_written(file: Path, tmp_path: Path) -> None:
    """Whoever sends one is told so, without it."""
    jwk = {**ClientSite().jwk, "d": "marker-8841"}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk]}))

    result = run(file, "north", "--iss", ISS, "--keys", str(tmp_path / "keys.json"))

    assert "a private key" in result.output
    assert "marker-8841" not in result.output
    assert not file.exists()


def test_an_operator_gets_a_token_once_and_the_file_its_hash(file: Path) -> None:
    """The token is one line of what is printed, and nowhere in the file."""
    result = run(file, "anna", "--operator")
    token = result.output.splitlines()[1]

    assert find_operator(f"Bearer {token}", read_clients(file).operators).name == "anna"
    assert token not in file.read_text()
    assert run(file, "anna", "--operator").exit_code == 1


def test_a_broken_file_is_left_alone(file: Path) -> None:
    """In one line that says where it is broken."""
    file.write_text("[clients")

    result = run(file, "anna", "--operator")

    assert (result.exit_code, file.read_text()) == (1, "[clients")
    assert "no TOML" in result.output
