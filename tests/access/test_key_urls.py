"""Where keys are never fetched (reliability: E9): refused with no packet leaving."""

import pytest
from access.issuing import Signer, authenticating, cause, key_set, register
from fake_ehr import FakeEhr

from cds_service.access.addresses import address_fault, key_address_fault
from cds_service.access.clients import Client
from cds_service.access.key_source import KeySource
from cds_service.errors import RequestFailed

SIGNER = Signer()
NO_ADDRESS_OF_KEYS = [
    "http://ehr.example/jwks.json",
    "HTTPS://ehr.example/jwks.json",
    "https://EHR.example/jwks.json",
    "https://ehr.example@evil.example/jwks.json",
    "https://ehr.example:443@evil.example/jwks.json",
    "https://ehr.example%40evil.example/jwks.json",
    "https://ehr.example#@evil.example/jwks.json",
    "https://ehr.example?@evil.example/jwks.json",
    "https://ehr.example\\@evil.example/jwks.json",
    "https://ehr.example/jwks.json?at=1",
    "https://ehr.example/jwks.json#a",
    "https://ehr.example/../jwks.json",
    "https://ehr.example/%2e%2e/jwks.json",
    "https://ehr.example/./jwks.json",
    "https://ehr.example./jwks.json",
    "https://ehr..example/jwks.json",
    "https://ehr.example:99999/jwks.json",
    "https://ehr.example:0/jwks.json",
    "https://xn--hr-fia.example/jwks.json",
    "https://ehr.xn--exmple-cua/jwks.json",
    "https://éhr.example/jwks.json",
    "https://ehr.example/jwks.json\n",
    " https://ehr.example/jwks.json",
    "https://10.0.0.1/jwks.json",
    "https://93.184.216.34/jwks.json",
    "https://169.254.169.254/latest/meta-data",
    "https://127.0.0.1/jwks.json",
    "https://2130706433/jwks.json",
    "https://0x7f000001/jwks.json",
    "https://127.1/jwks.json",
    "https://0177.0.0.1/jwks.json",
    "https://[::1]/jwks.json",
    "https://[2001:db8::1]/jwks.json",
    "https://[::ffff:10.0.0.1]/jwks.json",
    "https://localhost/jwks.json",
    "https://ehr.localhost/jwks.json",
    "https://ehr/jwks.json",
    "https:///jwks.json",
    "https:/ehr.example/jwks.json",
    "//ehr.example/jwks.json",
    "ftp://ehr.example/jwks.json",
    "file:///etc/passwd",
    "ehr.example/jwks.json",
]


@pytest.mark.parametrize("address", NO_ADDRESS_OF_KEYS)
def test_such_an_address_of_keys_is_not_registered(address: str) -> None:
    """E9: userinfo tricks, punycode, IP, IPv6, and what two parsers read differently."""
    assert key_address_fault(address, is_test=False)


@pytest.mark.parametrize(
    "address",
    [
        "https://ehr.example",
        "https://ehr.example/.well-known/jwks.json",
        "https://ehr-1.north.example:8443/a_b/~c/jwks",
        "https://ehr.example/oauth2/v1/keys/",
    ],
)
def test_a_plain_address_of_keys_is_registered(address: str) -> None:
    """With TLS and a host that has a name."""
    assert key_address_fault(address, is_test=False) == ""


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_only_a_test_client_has_keys_on_this_machine(scheme: str, host: str) -> None:
    """R4, R8: without TLS nowhere else."""
    address = f"{scheme}://{host}/jwks.json"

    assert key_address_fault(address, is_test=True) == ""
    assert key_address_fault(address, is_test=False)
    assert key_address_fault("http://ehr.example/jwks.json", is_test=True)
    assert key_address_fault("https://10.0.0.1/jwks.json", is_test=True)


def test_a_fhir_server_may_have_an_ip_address() -> None:
    """It is no place of keys; TLS it must have all the same."""
    assert address_fault("https://10.0.0.1/fhir", is_test=False) == ""
    assert address_fault("http://10.0.0.1/fhir", is_test=True)


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize(
    "jku", ["{base}/other.json", "{base}/jwks.json/", "{base}/jwks.json?x=1", "", None, 7]
)
def test_a_token_leads_to_no_address_but_the_registered_one(jku: object) -> None:
    """E9, R10, bar: refused with no outbound packet."""
    with FakeEhr(key_set(SIGNER.jwk())) as server:
        client = register(keys=[], jku=f"{server.base}/jwks.json", test=True)
        named = jku.format(base=server.base) if isinstance(jku, str) else jku
        knowing = authenticating(client)
        why = cause(knowing, SIGNER.token(header=SIGNER.header(jku=named)))
        right = cause(knowing, SIGNER.token(header=SIGNER.header(jku=client.jku)))
        knowing.close()

        assert (why, right) == ("jku", "")
        assert server.queries == ["jwks.json"]


def test_where_keys_stand_in_the_file_no_token_leads_anywhere() -> None:
    """E9: a `jku` that nobody registered; one that is registered is compared, not asked."""
    with FakeEhr(key_set(SIGNER.jwk())) as server:
        jku = f"{server.base}/jwks.json"
        without, beside = (
            authenticating(register(SIGNER, test=True, **address)) for address in ({}, {"jku": jku})
        )
        token = SIGNER.token(header=SIGNER.header(jku=jku))

        assert (cause(without, token), cause(beside, token)) == ("jku", "")
        assert server.connections == 0


def test_a_name_that_leads_to_this_machine_is_not_connected_to() -> None:
    """E9: DNS rebinding. The name of a client that is not for test leads where it may not."""
    with FakeEhr(key_set(SIGNER.jwk())) as server:
        rebound = f"https://localhost:{server.port}/jwks.json"
        client = Client(name="north", issuer="https://ehr.example", jku=rebound)
        source = KeySource([client])
        with pytest.raises(RequestFailed, match="leads to an address that we do not connect to"):
            source.fetch(client)
        source.close()

        assert server.connections == 0


@pytest.mark.crd("sec-1")
def test_an_address_without_tls_is_not_asked_for_a_client_that_is_not_for_test() -> None:
    """R4, R8: not even where it got past the check of the file."""
    with FakeEhr(key_set(SIGNER.jwk())) as server:
        client = Client(name="north", issuer="https://ehr.example", jku=f"{server.base}/jwks.json")
        source = KeySource([client])
        with pytest.raises(RequestFailed, match="not asked without TLS"):
            source.fetch(client)
        source.close()

        assert server.connections == 0
