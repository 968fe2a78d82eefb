"""`crd clients check`: what works, what does not, and the line of the file to change."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from client_site import ClientSite, client_site

from cds_service.cli.clients.check import check

BASE_URL = "https://crd.example.invalid"
SERVICE = f"{BASE_URL}/cds-services/order-sign-crd"


@pytest.fixture
def site() -> Iterator[ClientSite]:
    """A client's site that works."""
    with client_site() as running:
        yield running


def entry(site: ClientSite, *lines: str) -> str:
    """The client's table in the clients file."""
    own = [
        "[clients.north]",
        'iss = "https://north.example.invalid"',
        f'jku = "{site.base}/jwks"',
        f'fhir_servers = ["{site.base}/fhir"]',
        "test = true",
    ]
    replaced = {line.split(" = ")[0] for line in lines}
    return "\n".join([*(line for line in own if line.split(" = ")[0] not in replaced), *lines, ""])


def run(directory: Path, text: str, *arguments: str, stdin: str = "") -> Result:
    """One run of the command with this clients file."""
    (directory / "clients.toml").write_text(text)
    return CliRunner().invoke(
        check,
        ["--clients", str(directory / "clients.toml"), "--base-url", BASE_URL, *arguments],
        input=stdin,
        catch_exceptions=False,
    )


def faults(result: Result) -> list[str]:
    """The lines that show a fault."""
    return [line for line in result.output.splitlines() if " FAULT " in line]


def test_a_client_that_works_is_a_table_without_faults(tmp_path: Path, site: ClientSite) -> None:
    """Keys with their algorithms, clock, addresses to put into aud, FHIR server."""
    result = run(tmp_path, entry(site))

    assert result.exit_code == 0
    assert faults(result) == []
    assert f"at {site.base}/jwks: key-1 (ES384)" in result.output
    assert f"{SERVICE}, for that address" in result.output
    assert f"{site.base}/fhir: FHIR 4.0.1" in result.output
    assert "clock" in result.output


def test_with_a_token_a_patient_is_read(tmp_path: Path, site: ClientSite) -> None:
    """By search, or the one that is named; the token is in nothing that is printed."""
    by_search = run(tmp_path, entry(site), "--token", "-", stdin="opensesame\n")
    site.token = "opensesame"  # noqa: S105
    found = run(tmp_path, entry(site), "--token", "-", stdin="opensesame\n")
    named = run(tmp_path, entry(site), "--token", "-", "--patient", "p1", stdin="opensesame\n")

    assert (by_search.exit_code, found.exit_code, named.exit_code) == (1, 0, 0)
    assert "a Patient cannot be read with this token: HTTP status 401" in by_search.output
    assert "a Patient is read" in found.output
    assert "a Patient is read" in named.output
    assert "opensesame" not in by_search.output + found.output


def test_a_key_address_that_leads_nowhere_names_the_line_to_change(
    tmp_path: Path, site: ClientSite
) -> None:
    """File and line, and what should stand there."""
    result = run(tmp_path, "# ours\n\n" + entry(site, f'jku = "{site.base}/elsewhere"'))

    assert result.exit_code == 1
    assert faults(result)[0].endswith(f"{site.base}/elsewhere: HTTP status 404")
    assert f'change {tmp_path / "clients.toml"}:7: jku = "https://…' in result.output


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"<html>", "no JSON"),
        ({"keys": []}, "no key that can be used"),
        (503, "HTTP status 503"),
    ],
)
def test_what_is_no_key_set_is_a_fault(tmp_path: Path, answer: object, cause: str) -> None:
    """In the words of what came back."""
    with client_site(jwks=answer) as site:
        result = run(tmp_path, entry(site))

    assert result.exit_code == 1
    assert cause in faults(result)[0]


def test_keys_for_other_algorithms_name_those_to_allow(tmp_path: Path, site: ClientSite) -> None:
    """A line to add, where the setting is not there yet, or the one to change."""
    result = run(tmp_path, entry(site, 'algorithms = ["RS384"]'))

    assert result.exit_code == 1
    assert f'change {tmp_path / "clients.toml"}:6: algorithms = ["ES384"]' in result.output


@pytest.mark.parametrize(
    ("ahead", "change"), [(150, ":1: add below: skew = "), (-150, "skew = "), (7200, "")]
)
def test_a_clock_that_differs_is_a_fault(
    tmp_path: Path, site: ClientSite, ahead: int, change: str
) -> None:
    """With the skew that would do; an hour is nothing that a setting should mend."""
    site.ahead = ahead
    result = run(tmp_path, entry(site))

    assert result.exit_code == 1
    assert ("ahead" if ahead > 0 else "behind") in faults(result)[0]
    assert ("skew = " in result.output) == bool(change)
    assert change in result.output


def test_a_fhir_server_that_is_none_is_a_fault(tmp_path: Path) -> None:
    """Not there, of another version, or no FHIR at all."""
    old = {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}
    for answer, cause in ((404, "HTTP status 404"), (old, "FHIR 3.0.2; R4"), ({}, "no Capability")):
        with client_site(fhir_metadata=answer) as site:
            result = run(tmp_path, entry(site))

        assert result.exit_code == 1
        assert cause in faults(result)[0]


def test_scopes_that_mean_nothing_are_a_fault(tmp_path: Path, site: ClientSite) -> None:
    """A client would be refused a token without knowing why."""
    result = run(tmp_path, entry(site, 'scopes = ["system/*.rs", "read-everything"]'))

    assert 'scopes = ["system/*.rs"]' in result.output
    assert result.exit_code == 1


def test_a_name_that_is_not_registered_is_one_line(tmp_path: Path, site: ClientSite) -> None:
    """With those that are."""
    result = run(tmp_path, entry(site), "south")

    assert result.exit_code == 1
    assert result.output == "Error: no client is called `south`; registered: north\n"


def test_without_a_clients_file_the_option_is_named() -> None:
    """As it is typed."""
    result = CliRunner().invoke(check, env={"CRD_CLIENTS": None, "CRD_CONFIG": None})

    assert result.output.startswith("Error: setting --clients (CRD_CLIENTS): ")


def test_a_token_that_would_be_accepted(tmp_path: Path, site: ClientSite) -> None:
    """Made for one of our addresses."""
    result = run(tmp_path, entry(site), "--jwt", "-", stdin=site.token_for(SERVICE))

    assert (result.exit_code, "it would be accepted" in result.output) == (0, True)


def flaws(now: int) -> dict[str, tuple[dict[str, Any], str, str]]:
    """Claims of tokens that would be refused, what is put in words, and the change that helps."""
    return {
        "another address": (
            {"aud": f"{BASE_URL}/hooks"},
            "its aud is",
            f'audiences = ["{BASE_URL}/h',
        ),
        "from the future": ({"iat": now + 200, "exp": now + 400}, "from the future", "skew = 2"),
        "too long": ({"exp": now + 7200}, "valid for 7", "lifetime = 7"),
        "no id": ({"jti": 1}, "its jti is missing", ""),
        "no times": ({"exp": "soon"}, "exp, iat or nbf", ""),
        "expired": (
            {"iat": now - 900, "exp": now - 600},
            "it expired",
            "when it was made, it would",
        ),
        "expired and for another": (
            {"iat": now - 900, "exp": now - 600, "aud": "https://x.invalid"},
            "its aud is 'https://x.invalid'",
            "",
        ),
        "a key elsewhere": (
            {"headers": {"jku": "https://x.invalid"}},
            "its header jku is",
            "jku = ",
        ),
        "an unknown key": ({"headers": {"kid": "key-2"}}, "its kid is 'key-2'; no key in", ""),
        "no type": ({"headers": {"typ": None}}, "its header typ is missing", 'quirks = ["no-typ"]'),
        "a demand": ({"headers": {"x5u": "https://x.invalid"}}, "its header has x5u", ""),
        "a tenant": ({"tenant": 5}, "its tenant is 5", ""),
    }


@pytest.mark.parametrize("flaw", flaws(0))
def test_why_a_token_would_be_refused_is_put_in_words(
    tmp_path: Path, site: ClientSite, flaw: str
) -> None:
    """With the line to change where a setting would help; the token itself is never printed."""
    claims, words, change = flaws(int(time.time()))[flaw]
    token = site.token_for(SERVICE, **claims)

    result = run(tmp_path, entry(site), "--jwt", "-", stdin=token)

    assert result.exit_code == 1
    assert words in result.output
    assert change in result.output
    assert not [part for part in token.split(".") if part in result.output]


def test_a_token_of_another_issuer_needs_the_client_it_should_be_from(
    tmp_path: Path, site: ClientSite
) -> None:
    """Then its iss is what is to be changed."""
    token = site.token_for(SERVICE, iss="https://other.example.invalid")

    unnamed = run(tmp_path, entry(site), "--jwt", "-", stdin=token)
    named = run(tmp_path, entry(site), "north", "--jwt", "-", stdin=token)

    assert "its iss is 'https://other.example.invalid', which no client has" in unnamed.output
    assert f'{tmp_path / "clients.toml"}:2: iss = "https://other.example.invalid"' in named.output


def test_a_token_signed_by_another_key_is_named_as_that(tmp_path: Path, site: ClientSite) -> None:
    """The key is there, the signature is not its own."""
    with client_site() as other:
        token = other.token_for(SERVICE)
    result = run(tmp_path, entry(site), "--jwt", "-", stdin=token)

    assert "its signature is not by the key 'key-1'" in result.output


def test_what_is_no_token_is_named_as_that(tmp_path: Path, site: ClientSite) -> None:
    """Nothing of it is repeated."""
    result = run(tmp_path, entry(site), "--jwt", "-", stdin="marker-5521")

    assert result.output == "Error: this is no JSON Web Token\n"
