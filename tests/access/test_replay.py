"""No token comes twice with the same body (CDS Hooks: `jti`; reliability: E4)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from access.issuing import (
    BODY,
    DISCOVERY,
    NOON,
    SERVICE,
    Calendar,
    Signer,
    authenticating,
    cause,
    make_claims,
    register,
)

from cds_service.access.replay import Replays
from cds_service.crd.request.caller import TokenUse
from cds_service.errors import Replayed

SIGNER = Signer()


def use(number: int, seconds: int = 300) -> TokenUse:
    """A use that can be told from others, of a token that lives so long."""
    return TokenUse(key=number.to_bytes(32, "big"), expires=NOON + timedelta(seconds=seconds))


def replayed(replays: Replays, seen: TokenUse) -> bool:
    """Whether a use has been here before."""
    try:
        replays.remember(seen)
    except Replayed:
        return True
    return False


@pytest.mark.cds_hooks("security-4")
def test_a_token_comes_once_with_a_body() -> None:
    """E4, bar: rejected within `exp`, in the same second too."""
    north = authenticating(register(SIGNER))
    token = SIGNER.token()

    assert [cause(north, token) for _ in range(3)] == ["", "replayed", "replayed"]


def test_a_token_may_come_with_several_bodies() -> None:
    """A conformance kit makes one token for all the calls of a test."""
    north = authenticating(register(SIGNER))
    token = SIGNER.token(claims=make_claims(aud=[SERVICE, DISCOVERY]))

    assert [cause(north, token, body=body) for body in (b"1", b"2", b"1")] == ["", "", "replayed"]
    assert cause(north, token, url=DISCOVERY, body=b"") == ""


def test_another_token_with_the_same_nonce_is_a_replay() -> None:
    """What counts is `jti`: a new signature over it is no new nonce."""
    north = authenticating(register(SIGNER))
    causes = [cause(north, SIGNER.token(claims=make_claims(sub=str(turn)))) for turn in range(2)]

    assert causes == ["", "replayed"]


def test_a_token_is_a_replay_for_as_long_as_it_could_be_accepted() -> None:
    """E4: within `exp` and the skew. After that it is refused for its age."""
    calendar = Calendar()
    north = authenticating(register(SIGNER), now=calendar)
    token = SIGNER.token()
    causes = []
    for calendar.forward in (0, 301, 359, 360):
        causes.append(cause(north, token))

    assert causes == ["", "replayed", "replayed", "expired"]


def test_a_call_without_an_answer_may_be_made_again() -> None:
    """A client that repeats what got a 503 is no attacker; one answer is all that it gets."""
    north = authenticating(register(SIGNER))
    token = SIGNER.token()
    caller = north.authenticate([f"Bearer {token}"], SERVICE, BODY)
    north.forget(caller)

    assert [cause(north, token) for _ in range(2)] == ["", "replayed"]


def test_of_many_calls_at_once_with_one_token_one_is_let_in() -> None:
    """No two threads see a use as the first."""
    replays = Replays(now=Calendar())
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: replayed(replays, use(1)), range(200)))

    assert found.count(False) == 1


def test_memory_holds_no_more_uses_than_it_may() -> None:
    """E4: bounded; those that expire first go first."""
    replays = Replays(now=Calendar(), most_uses=3)
    for number, seconds in [(1, 900), (2, 100), (3, 300), (4, 200)]:
        replays.remember(use(number, seconds))

    assert [replayed(replays, use(number, 900)) for number in (1, 3, 4)] == [True, True, True]
    assert not replayed(replays, use(2, 900))


def test_uses_that_have_expired_are_forgotten() -> None:
    """The memory is that of an hour, not of a year."""
    calendar = Calendar()
    replays = Replays(now=calendar)
    for number in range(100):
        replays.remember(use(number))
    calendar.forward = 300

    assert not any(replayed(replays, use(number, 900)) for number in range(100))
