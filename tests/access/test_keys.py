"""Keys at a `jku`: known ones work through an outage, unknown ones are sought in moderation."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from access.issuing import Signer, key_set, register, rsa_key
from fake_ehr import Behaviour, FakeEhr, respond, status
from outbound import faults
from outbound.certificates import Authority, make_signer
from outbound.getting import Clock

from cds_service.access.causes import Cause
from cds_service.access.clients import Client
from cds_service.access.key_source import MAX_KEY_SET, KeySource
from cds_service.access.keys import BUDGET, COOL_DOWN, FRESH, STALE, KeyCache
from cds_service.access.signing_keys import MAX_KEYS
from cds_service.errors import Unauthorized

OLD, NEW = Signer(kid="old"), Signer(kid="new")
PATH = "jwks.json"
FETCH = 1.5  # seconds that a fetch may take here; more than the budget
PATIENCE = 10.0  # seconds until a fetch that ends must have ended
HOSTILE: dict[str, Behaviour] = {
    "never a byte": faults.silent,
    "a byte now and then": faults.slow_body,
    "a header now and then": faults.slow_headers,
    "10 MB": faults.endless_body,
    "a little too much": respond(b" " * (MAX_KEY_SET + 1)),
    "gzip": faults.gzip_bomb(),
    "HTML": respond(b"<html>login</html>", Content_Type="text/html"),
    "a redirect": faults.redirect("/fhir/elsewhere.json"),
    "no content": respond(b"", code=204),
    "not found": status(404),
    "trouble": status(503),
    "a reset": faults.reset_before_response,
    "half": faults.truncated,
    "a list": respond(b"[]"),
    "no keys": respond(b"{}"),
    "zero keys": key_set(),
    "keys that are none": respond(b'{"keys":"none"}'),
    "RSA of 512 bits": key_set({"kty": "RSA", "kid": "old", "n": "x" * 86, "e": "AQAB"}),
    "RSA of 1024 bits": key_set(Signer(kid="old", algorithm="RS384", key=rsa_key(1024)).jwk()),
    "too many keys": key_set(*[OLD.jwk(kid=str(number)) for number in range(MAX_KEYS + 1)]),
    "one id twice": key_set(OLD.jwk(), Signer(kid="old").jwk()),
    "a secret": key_set({"kty": "oct", "kid": "old", "k": "c2VjcmV0"}),
    "a private key": key_set(OLD.jwk(d="c2VjcmV0")),
    "a key for encryption": key_set(OLD.jwk(use="enc")),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """A cache of one client's keys, whose server is real and whose clock can be put forward."""

    cache: KeyCache
    client: Client
    clock: Clock

    def knows(self, kid: str) -> bool:
        """Whether the key is found now, within the budget or not much more."""
        return self.cause(kid) == ""

    def cause(self, kid: str) -> str:
        """Why a key is not found; empty if it is."""
        try:
            self.cache.get(self.client, kid)
        except Unauthorized as error:
            return error.cause
        return ""

    def comes_to_know(self, kid: str) -> bool:
        """Whether the key is found before patience is lost."""
        return eventually(lambda: self.knows(kid))


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something holds before patience is lost."""
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def asking(server: FakeEhr, *, ca_file: str = "") -> Iterator[Asking]:
    """A cache of the keys at a server on this machine, which is for a test client alone."""
    clock = Clock()
    client = register(jku=f"{server.base}/{PATH}", test=True)
    source = KeySource([client], ca_file=ca_file, clock=clock, seconds=FETCH)
    cache = KeyCache([client], source, clock)
    yield Asking(cache, client, clock)
    cache.close()
    source.close()


@pytest.mark.cds_hooks("security-11")
def test_a_key_is_fetched_where_it_is_registered() -> None:
    """Once for all calls that come meanwhile or later."""
    with FakeEhr(status(404)) as server, asking(server) as keys:
        server.on(PATH, key_set(OLD.jwk(), NEW.jwk()))
        with ThreadPoolExecutor(16) as calls:
            found = list(calls.map(keys.comes_to_know, ["old", "new"] * 16))

        assert all(found)
        assert server.queries == [PATH]
        assert "authorization" not in server.calls[0].headers


def test_keys_come_over_tls(tmp_path: Path) -> None:
    """From a server whose certificate an authority that we trust has signed."""
    authority = Authority(tmp_path, make_signer("authority.example.invalid"))
    with FakeEhr(key_set(OLD.jwk()), tls=authority.server()) as server:
        with asking(server, ca_file=authority.ca_file) as keys:
            assert keys.comes_to_know("old")
        with asking(server) as keys:
            assert keys.cause("old") == Cause.KEYS_UNAVAILABLE


def test_keys_are_there_before_the_first_call() -> None:
    """What is fetched at start is not waited for."""
    with FakeEhr(key_set(OLD.jwk())) as server, asking(server) as keys:
        keys.cache.start()

        assert eventually(lambda: keys.cache.age("north") is not None)
        assert keys.knows("old")
        assert len(server.calls) == 1


def test_the_age_of_keys_is_known() -> None:
    """None before they came; inline keys are never old."""
    inline = register(OLD)
    with FakeEhr(key_set(OLD.jwk())) as server, asking(server) as keys:
        before = keys.cache.age("north")
        assert keys.comes_to_know("old")
        keys.clock.forward += 100
        after = keys.cache.age("north")
    with_inline = KeyCache([inline], KeySource([inline]), Clock())

    assert (before, with_inline.age("north")) == (None, 0.0)
    assert after is not None
    assert 100 <= after < 100 + PATIENCE
    with_inline.close()


def test_a_new_key_is_found_with_one_fetch() -> None:
    """E6, bar: no valid call refused beyond one fetch, while both are live."""
    with FakeEhr(key_set(OLD.jwk())) as server, asking(server) as keys:
        assert keys.comes_to_know("old")
        server.on(PATH, key_set(OLD.jwk(), NEW.jwk()))

        assert keys.comes_to_know("new")
        assert keys.knows("old")
        assert len(server.calls) == 2


def test_a_key_taken_back_is_used_no_more_once_keys_are_fetched_again() -> None:
    """E6: old removed. Nobody waits for that fetch."""
    with FakeEhr(key_set(OLD.jwk(), NEW.jwk())) as server, asking(server) as keys:
        assert keys.comes_to_know("old")
        server.on(PATH, key_set(NEW.jwk()))
        keys.clock.forward += FRESH + 1

        assert keys.knows("old")
        assert eventually(lambda: not keys.knows("old"))
        assert keys.knows("new")


@pytest.mark.parametrize("fault", HOSTILE.values(), ids=HOSTILE)
def test_known_keys_work_whatever_the_server_does(fault: Behaviour) -> None:
    """E7, bar: known kids keep working, stale up to 24 h; no call waits for it."""
    with FakeEhr(key_set(OLD.jwk())) as server, asking(server) as keys:
        assert keys.comes_to_know("old")
        server.on(PATH, fault)
        elsewhere = server.connections
        keys.clock.forward += FRESH + 1
        for _ in range(5):
            assert keys.knows("old")
        keys.clock.forward += STALE - FRESH - 60

        assert keys.knows("old")
        assert set(server.queries) == {PATH}  # no redirect was followed
        assert server.connections <= elsewhere + 2


@pytest.mark.parametrize("fault", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_gives_no_key_and_holds_nobody_up(fault: Behaviour) -> None:
    """E7, bar: the request path never waits more than 500 ms."""
    with FakeEhr(status(404)) as server, asking(server) as keys:
        server.on(PATH, fault)
        before = time.monotonic()
        why = keys.cause("old")
        waited = time.monotonic() - before

        assert why in (Cause.KEYS_UNAVAILABLE, Cause.UNKNOWN_KEY)
        assert waited < BUDGET + 1.0  # a loaded machine may let a thread lie for a while


def test_keys_too_old_are_used_no_more() -> None:
    """E7: a day after they came they are not known any more."""
    with FakeEhr(key_set(OLD.jwk())) as server, asking(server) as keys:
        assert keys.comes_to_know("old")
        server.on(PATH, status(503))
        keys.clock.forward += STALE + 1

        assert keys.cause("old") == Cause.KEYS_UNAVAILABLE


def test_only_the_start_of_a_slow_fetch_is_waited_for() -> None:
    """E7, E8: a flood of unknown ids holds each thread for the budget once, not once a call."""
    with FakeEhr(faults.silent) as server, asking(server) as keys:
        keys.cause("first")
        before = time.monotonic()
        for number in range(100):
            keys.cause(str(number))
        waited = time.monotonic() - before

        assert waited < 100 * BUDGET / 10
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    "behaviour", [key_set(OLD.jwk()), status(503)], ids=["endpoint up", "endpoint down"]
)
def test_a_flood_of_unknown_keys_costs_a_fetch_a_cool_down(behaviour: Behaviour) -> None:
    """E8, bar: 1,000 unknown kids a second for a minute, at most one fetch in 30 s."""
    with FakeEhr(behaviour) as server, asking(server) as keys:
        for number in range(60):
            for call in range(100):
                keys.cause(f"unknown-{number}-{call}")
            keys.clock.forward += 1.0

        assert 2 <= len(server.calls) <= 60 / COOL_DOWN + 1


def test_after_a_failure_there_is_a_pause_and_then_another_attempt() -> None:
    """E7: a server that comes back is found again without anybody's doing."""
    with FakeEhr(status(503)) as server, asking(server) as keys:
        assert not keys.knows("old")
        server.on(PATH, key_set(OLD.jwk()))
        assert not keys.knows("old")
        keys.clock.forward += COOL_DOWN + 1

        assert keys.comes_to_know("old")
        assert len(server.calls) == 2


def test_one_clients_keys_are_never_anothers() -> None:
    """R10: the same `kid` in two sets is two keys."""
    clock = Clock()
    with FakeEhr(status(404)) as server:
        server.on("a.json", key_set(OLD.jwk()))
        server.on("b.json", key_set(Signer(kid="old").jwk()))
        clients = [
            Client(name=name, issuer=name, jku=f"{server.base}/{name}.json", is_test=True)
            for name in "ab"
        ]
        source = KeySource(clients, clock=clock)
        cache = KeyCache(clients, source, clock)
        found = [cache.get(client, "old").key for client in clients]
        cache.close()
        source.close()

        assert found[0] == OLD.key.public_key() != found[1]
