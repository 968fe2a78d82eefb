"""The TLS proxy as it is configured: what it lets through, and what it never does."""

import json
import re
import ssl
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from crd_command import EXAMPLE, serving, url_of
from docker.container import free_port
from operations.proxy_bench import CONFIGURATION, PATIENCE, Host, Proxy, proxy_before, served
from operator_guide import PROSE, in_ticks, rows
from whole_site import whole_site

from cds_service.settings import Settings

pytestmark = pytest.mark.operations

CALL = "/cds-services/order-sign-crd"
MOST = Settings().max_body
# How an address may be written so that one program reads another address than the next does.
SPELLINGS = (
    "/INSIDE",
    "/INSIDE/",
    "/INSIDE?a=b",
    "/INSIDE;a",
    "/INSIDE%00",
    "/INSIDE%20",
    "//INSIDE",
    "///INSIDE",
    "/./INSIDE",
    "/x/../INSIDE",
    "/fhir/../INSIDE",
    "/fhir/..;/INSIDE",
    "/fhir/%2e%2e/INSIDE",
    "/fhir/.%2e/INSIDE",
    "/fhir//../INSIDE",
    "/fhir/..%2fINSIDE",
    "/fhir/..\\INSIDE",
    "/policies/../INSIDE",
    "/payers/../INSIDE",
    "/.well-known/../INSIDE",
    "/cds-services/order-sign-crd/../../INSIDE",
    "/%2fINSIDE",
    "/%252fINSIDE",
    "\\INSIDE",
    "/INSIDE/../INSIDE",
    "/INSIDE/x",
)


@pytest.fixture
def hosts() -> tuple[Host, Host]:
    """Two hosts, ready for calls."""
    return Host(address="127.0.0.2"), Host(address="127.0.0.3")


@pytest.fixture
def proxy(hosts: tuple[Host, Host], tmp_path: Path) -> Iterator[Proxy]:
    """The proxy before both."""
    port = free_port()
    with ExitStack() as stack:
        for host in hosts:
            stack.enter_context(served(host, port))
        addresses = [host.address for host in hosts]
        proxy = stack.enter_context(proxy_before(addresses, port, tmp_path))
        proxy.wait_until("/livez", 200)
        yield proxy


def context_of(proxy: Proxy, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A caller that speaks one version of TLS, however weak its ciphers."""
    context = ssl.create_default_context(cafile=proxy.ca_file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_new_versions_of_tls_are_spoken(proxy: Proxy, version: str) -> None:
    """Each with ciphers that keep what was said, whoever has the key later."""
    with proxy.connect(context_of(proxy, ssl.TLSVersion[version])) as line:
        cipher = line.cipher()
        assert line.version() == version.replace("_", ".")

    assert cipher
    assert cipher[0].startswith(("ECDHE-", "TLS_"))


def test_old_versions_of_tls_are_refused(proxy: Proxy) -> None:
    """By the proxy, not by the caller's own library."""
    with pytest.raises(ssl.SSLError, match="alert protocol version"):
        proxy.connect(context_of(proxy, ssl.TLSVersion.TLSv1_1))


def test_a_call_comes_through_with_who_called(proxy: Proxy, hosts: tuple[Host, Host]) -> None:
    """As it was sent; what a caller says of itself is not handed on."""
    status, headers, body = proxy.call(
        "POST", CALL, b"{}", Authorization="Bearer TOKEN", Forwarded="for=9.9.9.9"
    )
    (seen,) = [headers for host in hosts for headers in host.forwarded]

    assert (status, body) == (200, b"2")
    assert headers["Strict-Transport-Security"]
    assert seen["Authorization"] == "Bearer TOKEN"
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "https"
    assert "Forwarded" not in seen


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(
    proxy: Proxy, hosts: tuple[Host, Host]
) -> None:
    """By its length alone, and no host sees it."""
    with proxy.connect() as line:
        head = f"POST {CALL} HTTP/1.1\r\nHost: here\r\nContent-Length: {MOST + 1}\r\n\r\n"
        line.sendall(head.encode())
        answer = line.recv(1 << 16)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"OperationOutcome" in answer
    assert [host.posts for host in hosts] == [[], []]


def test_a_body_as_large_as_the_service_takes_comes_through(proxy: Proxy) -> None:
    """Both have one limit."""
    status, _, body = proxy.call("POST", CALL, b" " * MOST)

    assert (status, body) == (200, str(MOST).encode())


@pytest.mark.parametrize("body", [b"", b"{"], ids=["head", "body"])
def test_a_slow_caller_is_cut_and_holds_no_host(
    proxy: Proxy, hosts: tuple[Host, Host], body: bytes
) -> None:
    """A byte a second is no way to send a request."""
    head = f"POST {CALL} HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n".encode()
    with proxy.connect() as line:
        line.sendall(head + b"\r\n" + body if body else head)
        line.settimeout(1)
        answer, end = b"", time.monotonic() + PATIENCE
        while not answer and time.monotonic() < end:
            try:
                answer = line.recv(1 << 16)
            except TimeoutError:
                line.sendall(b" " if body else b"A")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert [host.posts for host in hosts] == [[], []]


def test_a_host_that_is_not_ready_gets_no_call(proxy: Proxy, hosts: tuple[Host, Host]) -> None:
    """The other one answers all."""
    stopping, staying = hosts
    stopping.is_ready = False
    time.sleep(4)  # it is asked every second, and looked at twice
    statuses = {proxy.call("POST", CALL, b"{}")[0] for _ in range(8)}

    assert statuses == {200}
    assert (len(stopping.posts), len(staying.posts)) == (0, 8)


def test_without_a_host_a_call_is_refused_at_once(proxy: Proxy, hosts: tuple[Host, Host]) -> None:
    """With a word on when to come again; nothing was sent."""
    for host in hosts:
        host.is_ready = False
    proxy.wait_until("/livez", 503)
    status, headers, body = proxy.call("POST", CALL, b"{}")

    assert (status, headers["Retry-After"]) == (503, "2")
    assert json.loads(body)["issue"][0]["code"] == "transient"
    assert [host.posts for host in hosts] == [[], []]


def test_a_call_that_was_sent_is_never_sent_again(proxy: Proxy, hosts: tuple[Host, Host]) -> None:
    """A host that dies over it may have recorded an answer: the caller decides, not the proxy."""
    for host in hosts:
        host.hangs_up = True
    statuses = [proxy.call("POST", CALL, b"{}")[0] for _ in range(6)]

    assert statuses == [502] * 6
    assert sum(len(host.posts) for host in hosts) == 6


def test_a_dead_host_costs_no_call(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    """Nothing listens there: what was not sent goes to the other, from the first call on."""
    port, (alive, dead) = free_port(), hosts
    with ExitStack() as stack:
        stack.enter_context(served(alive, port))
        dying = stack.enter_context(ExitStack())
        dying.enter_context(served(dead, port))
        addresses = [alive.address, dead.address]
        proxy = stack.enter_context(proxy_before(addresses, port, tmp_path))
        proxy.wait_until("/livez", 200)
        time.sleep(2)  # until both are known
        dying.close()
        statuses = [proxy.call("POST", CALL, b"{}")[0] for _ in range(8)]

    assert statuses == [200] * 8
    assert len(alive.posts) + len(dead.posts) == 8


@pytest.mark.parametrize("inside", ["metrics", "admin/reload"])
def test_what_is_for_the_inside_is_shut_however_it_is_spelt(
    proxy: Proxy, hosts: tuple[Host, Host], inside: str
) -> None:
    """Each host is asked by itself, from inside; no spelling that some server reads so comes in."""
    spellings = [spelling.replace("INSIDE", inside) for spelling in SPELLINGS]
    spellings += [f"/%{ord(inside[0]):02x}{inside[1:]}", f"/{inside.upper()}", f"/{inside.title()}"]
    forwarded = [list(host.gets) for host in hosts]
    answers = {spelling: proxy.call("GET", spelling) for spelling in spellings}

    assert [spelling for spelling in spellings if answers[spelling][0] not in (400, 404)] == []
    assert json.loads(answers[f"/{inside}"][2])["issue"][0]["code"] == "not-found"
    assert proxy.call("POST", f"/{inside}", b"{}")[0] == 404
    assert [host.gets for host in hosts] == forwarded
    assert [host.posts for host in hosts] == [[], []]


def test_all_that_is_offered_to_others_comes_through(proxy: Proxy, tmp_path: Path) -> None:
    """And nothing else: what is new is let through by a line of the configuration, or not."""
    with whole_site(tmp_path) as app:
        rules = {rule.rule for rule in app.url_map.iter_rules()}
    shut = {rule for rule in rules if proxy.call("GET", re.sub("<.*?>", "an-id.1", rule))[0] == 404}

    assert {"/fhir/ValueSet/$expand", "/cds-services/<service_id>/feedback"} < rules
    (listed,) = rows("comes through")
    through = [re.escape(address).replace("…", ".*") for address in in_ticks(listed[0])]
    assert shut == set(in_ticks(listed[1]))
    assert [rule for rule in rules - shut if not re.fullmatch("|".join(through), rule)] == []
    assert proxy.call("GET", "/fhir/ValueSet/%24expand?url=a%2Fb")[0] == 200


def test_a_host_is_asked_for_a_path_alone(proxy: Proxy, hosts: tuple[Host, Host]) -> None:
    """Also where a caller names a whole address: both read the same path out of it."""
    assert proxy.call("GET", "http://elsewhere.example.invalid/policies?a=b")[0] == 200
    assert proxy.call("GET", "http://elsewhere.example.invalid/metrics?a=/policies")[0] == 404

    assert [path for host in hosts for path in host.gets if path != "/livez"] == ["/policies?a=b"]


def test_the_log_has_no_token_no_query_and_no_path_of_a_callers_own(proxy: Proxy) -> None:
    """A line a call, as JSON, with the trace id by which the service's own line is found."""
    proxy.call("POST", f"{CALL}?patient=MARKER-1", b'"MARKER-2"', Authorization="Bearer MARKER-3")
    proxy.call("GET", "/fhir/ValueSet/MARKER-4?code=MARKER-5", Referer="https://MARKER-6")
    proxy.call("GET", "/Patient/MARKER-7")
    proxy.call("GET", "/payers/MARKER-8/.well-known/davinci-configuration")
    written = proxy.written(until='"payers"')
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]

    assert "MARKER" not in written
    assert [line["path"] for line in lines[-4:]] == [CALL, "fhir", "other", "payers"]
    assert [line["trace"] for line in lines[-4:]] == ["the-trace", "the-trace", "-", "the-trace"]


def test_before_a_service_on_the_same_machine_it_needs_no_names(tmp_path: Path) -> None:
    """With the printed line in place of the last one."""
    port = free_port()
    (line,) = re.findall(r"`(server crd [^`]+)`", PROSE)
    *lines, _ = CONFIGURATION.read_text("utf-8").splitlines()
    changed = tmp_path / "haproxy.cfg"
    changed.write_text("\n".join([*lines, line.replace("8000", str(port)), ""]))
    with (
        served(Host(address="127.0.0.1"), port),
        proxy_before([], port, tmp_path, changed) as proxy,
    ):
        proxy.wait_until("/livez", 200)


def test_the_service_itself_answers_through_it(tmp_path: Path) -> None:
    """An order is sent by TLS, and what the policy has comes back."""
    with serving("--host", "127.0.0.1", CRD_DATA_DIR=str(tmp_path / "data")) as (_, lines):
        port = int(url_of(lines).rpartition(":")[2])
        with proxy_before(["127.0.0.1"], port, tmp_path) as proxy:
            proxy.wait_until("/readyz", 200)
            status, _, body = proxy.call(
                "POST", CALL, EXAMPLE.read_bytes(), **{"Content-Type": "application/json"}
            )

    assert status == 200
    assert b'"valueCode":"not-covered"' in body.replace(b" ", b"")
