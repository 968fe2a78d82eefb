"""The clients file: read whole and strictly, every fault named with its place."""

from pathlib import Path
from textwrap import dedent

import pytest
from access.issuing import Signer, rsa_key

from cds_service.access.clients import Quirk, for_tenant
from cds_service.access.clients_file import parse_clients, read_clients
from cds_service.errors import SettingError

NORTH = """
    [clients.north]
    iss = "https://ehr.north.example"
    jku = "https://ehr.north.example/jwks.json"
    """
DIGEST = "0123456789abcdef" * 4


def faults(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a file, a line each, without its name."""
    path = tmp_path / "clients.toml"
    path.write_text(dedent(text), "utf-8")
    with pytest.raises(SettingError) as raised:
        read_clients(path)
    lines = str(raised.value).split(": ", maxsplit=1)[1].splitlines()
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_a_client_needs_two_lines(tmp_path: Path) -> None:
    """Everything else has a default that is safe."""
    path = tmp_path / "clients.toml"
    path.write_text(dedent(NORTH), "utf-8")
    (client,) = read_clients(path).all

    assert (client.name, client.issuer) == ("north", "https://ehr.north.example")
    assert client.algorithms == {"ES384", "RS384"}
    assert (client.skew, client.lifetime) == (60, 3600)
    assert (client.payers, client.fhir_servers, client.tenants) == (None, None, None)
    assert not client.is_test
    assert not client.is_in_private_network


def test_every_setting_arrives(tmp_path: Path) -> None:
    """Lists as sets, addresses without a final slash."""
    path = tmp_path / "clients.toml"
    more = f"""
    algorithms = ["RS256"]
    audiences = ["https://payer.example/cds-services/"]
    skew = 300
    lifetime = 86400
    payers = ["icare"]
    fhir_servers = ["https://ehr.north.example/fhir/", "http://localhost:8080/fhir"]
    default_version = "2.1"
    test = true
    private_network = true
    quirks = ["no-typ"]
    scopes = ["system/*.rs"]
    rate = 20
    concurrent = 4
    tenants = ["ward-7"]

    [operators.night-shift]
    token_sha256 = "{DIGEST}"
    """
    path.write_text(dedent(NORTH + more), "utf-8")
    clients = read_clients(path)
    (client,), (operator,) = clients.all, clients.operators

    assert client.audiences == {"https://payer.example/cds-services"}
    assert client.fhir_servers == frozenset(
        {"https://ehr.north.example/fhir", "http://localhost:8080/fhir"}
    )
    assert client.algorithms == {"RS256"}
    assert (client.payers, client.tenants) == (frozenset({"icare"}), frozenset({"ward-7"}))
    assert (client.skew, client.lifetime, client.default_version) == (300, 86_400, "2.1")
    assert (client.rate, client.concurrent) == (20, 4)
    assert client.scopes == {"system/*.rs"}
    assert client.quirks == {Quirk.NO_TYP}
    assert client.is_test
    assert client.is_in_private_network
    assert (operator.name, operator.token_sha256.hex()) == ("night-shift", DIGEST)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('jkuu = "x"', "clients.north.jkuu is no setting here; is it misspelt?"),
        ("skew = 301", "clients.north.skew input should be less than or equal to 300"),
        ("skew = -1", "clients.north.skew input should be greater than or equal to 0"),
        ("skew = true", "clients.north.skew is not a whole number"),
        ("skew = 60.0", "clients.north.skew is not a whole number"),
        ("lifetime = 86401", "clients.north.lifetime input should be less than or equal to 86400"),
        ("rate = -1", "clients.north.rate input should be greater than or equal to 0"),
        ("test = 1", "clients.north.test is neither true nor false"),
        ('algorithms = "ES384"', "clients.north.algorithms is not a list in brackets"),
        ("payers = [1]", "clients.north.payers.0 is not a text in quotes"),
        ('quirks = ["lenient"]', "clients.north.quirks has `lenient`; known are no-typ"),
        (
            'default_version = "3.0"',
            "clients.north.default_version has `3.0`; known are 2.0, 2.1, 2.2",
        ),
        (
            'fhir_servers = ["http://ehr.north.example/fhir"]',
            "clients.north.fhir_servers has `http://ehr.north.example/fhir`, "
            "which is without TLS: write https",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(tmp_path: Path, line: str, fault: str) -> None:
    """A misspelt setting is not ignored, nor a value taken for another."""
    assert faults(tmp_path, f"{NORTH}{line}") == [fault]


@pytest.mark.cds_hooks("security-8")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "none", "EdDSA", "es384", ""])
def test_an_algorithm_with_a_shared_secret_or_none_cannot_be_registered(
    tmp_path: Path, algorithm: str
) -> None:
    """CDS Hooks, JWT signing algorithm: no symmetric one, and no unsigned token."""
    (fault,) = faults(tmp_path, f'{NORTH}algorithms = ["ES384", "{algorithm}"]')

    assert fault.startswith(f"clients.north.algorithms has `{algorithm}`; known are ES256, ES384")


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """Whoever mends the file mends it once."""
    text = """
    [clients.North]
    iss = "https://ehr.north.example"
    jku = "http://ehr.north.example/jwks.json"

    [clients.south]
    iss = "https://ehr.south.example"

    [clients.east]
    iss = "https://ehr.south.example"
    jku = "https://ehr.east.example/jwks.json"
    """

    assert faults(tmp_path, text) == [
        "clients.North: a name has small letters, digits, `.`, `_` and `-`, up to 64",
        "clients.North.jku is without TLS: write https",
        "clients.south.jku is missing: write where the client's keys are, or the keys as `keys`",
        "clients.east.iss is also that of `south`: give each `tenants` of its own",
    ]


def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    """R5: a fault names the place; what stands there may be a token."""
    (fault,) = faults(tmp_path, '[operators.night]\ntoken_sha256 = "canary-token"')

    assert "operators.night.token_sha256" in fault
    assert "canary-token" not in fault


NO_CLIENTS = (
    "[clients",
    "clients = 3",
    "[clients.a]\niss = 'a'\niss = 'b'",
    f"clients = {'[' * 5000}",
)


@pytest.mark.parametrize("text", NO_CLIENTS, ids=range(len(NO_CLIENTS)))
def test_what_is_no_clients_file_is_refused(tmp_path: Path, text: str) -> None:
    """With the line, where it is no TOML."""
    assert faults(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what the system says."""
    with pytest.raises(SettingError, match="No such file"):
        read_clients(tmp_path / "none.toml")


def test_a_file_that_anybody_may_write_is_refused(tmp_path: Path) -> None:
    """Who can write it can register operators and clients of their own."""
    file = tmp_path / "clients.toml"
    file.write_text(NORTH)
    file.chmod(0o646)

    with pytest.raises(SettingError, match="chmod o-w"):
        read_clients(file)
    file.chmod(0o664)

    assert read_clients(file).named("north")


def test_clients_of_one_issuer_are_told_apart_by_their_tenants() -> None:
    """The same `iss` for many organizations, as a vendor in the cloud has it."""
    table = {"iss": "https://cloud.example", "jku": "https://cloud.example/jwks.json"}
    clients = parse_clients(
        {"clients": {"a": {**table, "tenants": ["1"]}, "b": {**table, "tenants": ["2", "3"]}}}
    ).of_issuer("https://cloud.example")
    found = [for_tenant(clients, tenant) for tenant in ("1", "3", "4", "")]

    assert [client.name if client else "" for client in found] == ["a", "b", "", ""]


def test_two_clients_never_have_one_issuer_and_tenant() -> None:
    """Else it would depend on their order whose limits hold."""
    table = {"iss": "https://cloud.example", "jku": "https://cloud.example/jwks.json"}
    with pytest.raises(ValueError, match="has `2`, as `a` has, for the same `iss`"):
        parse_clients(
            {"clients": {"a": {**table, "tenants": ["1", "2"]}, "b": {**table, "tenants": ["2"]}}}
        )


@pytest.mark.cds_hooks("security-6", "security-11")
def test_keys_may_stand_in_the_file() -> None:
    """Where a client publishes none (CDS Hooks: exchanged out of band)."""
    signer = Signer()
    table = {"iss": "https://ehr.example", "keys": [signer.jwk()]}
    (client,) = parse_clients({"clients": {"north": table}}).all

    assert client.keys["key-1"].key == signer.key.public_key()


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"kid": ""}, "key 0: no `kid`"),
        ({"kid": "a\nb"}, "key 0: no `kid`"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "key 0: its `kty` is neither EC nor RSA"),
        ({"kty": "OKP"}, "key 0: its `kty` is neither EC nor RSA"),
        ({"d": "c2VjcmV0"}, "key 0: a private key"),
        ({"use": "enc"}, "key 0: not for signatures"),
        ({"key_ops": ["sign"]}, "key 0: not for signatures"),
        ({"key_ops": 1}, "key 0: not for signatures"),
        ({"alg": "RS384"}, "key 0: for an algorithm or a curve that is not used here"),
        ({"crv": "secp256k1"}, "key 0: for an algorithm or a curve that is not used here"),
        ({"crv": "P-256"}, "key 0: its numbers make no key"),
        ({"x": 1}, "key 0: its `x` is no number in base64url"),
        ({"x": "A" * 64}, "key 0: its numbers make no key"),
        ({"x": "="}, "key 0: its `x` is no number in base64url"),
        ({"x": "A" * 10_000}, "key 0: too large"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(members: dict[str, object], fault: str) -> None:
    """Each for its cause, and nothing of the key is shown."""
    table = {"iss": "https://ehr.example", "keys": [Signer().jwk(**members)]}
    with pytest.raises(ValueError, match=r"clients\.north\.keys cannot all be used") as raised:
        parse_clients({"clients": {"north": table}})

    assert fault in str(raised.value)
    assert "c2VjcmV0" not in str(raised.value)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"n": "x" * 86}, "RSA of 512 bits; 2048 to 8192 are used"),
        ({"n": "A" * 2000}, "too large"),
        ({"e": "x" * 300}, "its exponent is too large"),
    ],
)
def test_an_rsa_key_has_bounds(members: dict[str, object], fault: str) -> None:
    """E7: RSA 512. A key that is too large makes each verification slow."""
    signer = Signer(algorithm="RS384", key=rsa_key())
    table = {"iss": "https://ehr.example", "keys": [signer.jwk(**members)]}
    with pytest.raises(ValueError, match=r"keys cannot all be used") as raised:
        parse_clients({"clients": {"north": table}})

    assert fault in str(raised.value)


@pytest.mark.cds_hooks("security-11")
def test_two_keys_of_one_id_are_refused() -> None:
    """CDS Hooks: a `kid` is unique within the client's set."""
    table = {"iss": "https://ehr.example", "keys": [Signer().jwk(), Signer().jwk()]}
    with pytest.raises(ValueError, match="several keys have the kid `key-1`"):
        parse_clients({"clients": {"north": table}})
