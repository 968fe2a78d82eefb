"""How far a connection may lead, by the address that a name leads to just then."""

import pytest
from fake_ehr import FakeEhr, bundle
from outbound.getting import QUERY

from cds_service.errors import RequestFailed, ServerFailed
from cds_service.outbound.access import Access
from cds_service.outbound.reach import Reach, reachable
from cds_service.outbound.sockets import DeadlineAdapter
from cds_service.outbound.transport import Transport

ANYWHERE, PRIVATE, PUBLIC = Reach.ANYWHERE, Reach.PRIVATE, Reach.PUBLIC


@pytest.mark.parametrize(
    ("address", "reaches"),
    [
        ("93.184.216.34", {ANYWHERE, PRIVATE, PUBLIC}),
        ("2606:2800:220:1::1", {ANYWHERE, PRIVATE, PUBLIC}),
        ("10.0.0.1", {ANYWHERE, PRIVATE}),
        ("172.16.0.1", {ANYWHERE, PRIVATE}),
        ("192.168.1.1", {ANYWHERE, PRIVATE}),
        ("fd00::1", {ANYWHERE, PRIVATE}),
        ("::ffff:10.0.0.1", {ANYWHERE, PRIVATE}),
        ("100.64.0.1", {ANYWHERE}),
        ("127.0.0.1", {ANYWHERE}),
        ("127.9.9.9", {ANYWHERE}),
        ("0.0.0.0", {ANYWHERE}),  # noqa: S104
        ("169.254.169.254", {ANYWHERE}),
        ("224.0.1.1", {ANYWHERE}),
        ("255.255.255.255", {ANYWHERE}),
        ("::", {ANYWHERE}),
        ("::1", {ANYWHERE}),
        ("::ffff:127.0.0.1", {ANYWHERE}),
        ("::7f00:1", {ANYWHERE}),
        ("fe80::1", {ANYWHERE}),
        ("fec0::1", {ANYWHERE}),
        ("ff0e::1", {ANYWHERE}),
        ("2002:7f00:1::", {ANYWHERE}),
        ("64:ff9b::7f00:1", {ANYWHERE}),
        ("64:ff9b:1::a00:1", {ANYWHERE}),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", {ANYWHERE}),
    ],
)
def test_an_address_is_within_reach_or_beyond(address: str, reaches: set[Reach]) -> None:
    """E9: this machine, its link and what hides another address are beyond all but one reach."""
    assert {reach for reach in Reach if reach.holds(address)} == reaches


def test_one_address_beyond_reach_spoils_the_others() -> None:
    """E9: a name that leads to both is not to be trusted with either."""
    with pytest.raises(RequestFailed):
        reachable("ehr.example", 443, PUBLIC, lambda *_: ["93.184.216.34", "10.0.0.1"])


def test_a_name_that_is_none_is_a_failed_request() -> None:
    """A label too long for the DNS."""
    with pytest.raises(RequestFailed):
        reachable(f"{'a' * 64}.example", 443, PUBLIC)


@pytest.mark.parametrize("reach", [PRIVATE, PUBLIC])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_what_is_checked_is_what_is_connected_to(reach: Reach, host: str) -> None:
    """E9, bar: refused with no outbound packet."""
    with FakeEhr(bundle()) as server:
        base = f"http://{host}:{server.port}/fhir"
        with pytest.raises(RequestFailed) as raised:
            get(base, reach)

        assert not isinstance(raised.value, ServerFailed)
        assert server.connections == 0


def test_a_name_leads_nowhere_within_any_reach() -> None:
    """The cause is the same with and without a check."""
    causes = set()
    for reach in Reach:
        with pytest.raises(ServerFailed) as raised:
            get("https://nowhere.invalid/fhir", reach)
        causes.add(str(raised.value))

    assert causes == {"the server's name leads nowhere"}


def get(base: str, reach: Reach) -> int:
    """The status of a response."""
    adapter = DeadlineAdapter(ca_file="", servers=1, connections=1, reach=reach)
    transport = Transport(adapter, accept="application/json", clock=lambda: 0.0)
    try:
        access = Access(base=base, token="", expires=float("inf"))
        return transport.get(f"{base}/{QUERY}", access, 5.0).status
    finally:
        transport.close()
