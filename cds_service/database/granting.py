"""Granting: what a process gets of a client's limits, so that all together never pass more.

Of a rate, what is left and what processes hold of it is at most a second's worth, at any moment: in
any stretch of time no more calls pass than the rate and one second's worth, however late a process
hears what it was granted. A token counts as held until its process has come back without it, or its
lease has lapsed: before, the call that it is for may still pass. Every time is by the database's
clock; a lease that lapses later than a new one would was written before that clock was set back,
and counts from now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LEASE_SECONDS = 5.0  # that a process may hold what it was granted without coming back
_LEASE = timedelta(seconds=LEASE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a process asks for one client, whose limits are `rate` and `concurrent`; 0 is none.

    It holds `kept` tokens of before. It needs `needed` calls' tokens at once and would like `spare`
    besides; of calls at a time it wants to hold `slots` from now on, in all.
    """

    client: str
    rate: int
    concurrent: int
    kept: int = 0
    needed: int = 0
    spare: int = 0
    slots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What it gets: so many `tokens` more, so many `slots` in all.

    `wait` is the seconds until there is a token again.
    """

    client: str
    tokens: int
    slots: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The tokens that nobody holds, as of the time `at`."""

    tokens: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one process holds of one client's limits, each until a time."""

    client: str
    process: str
    tokens: int
    tokens_until: datetime
    slots: int
    slots_until: datetime


def bound_holding(holding: Holding, now: datetime) -> Holding:
    """The same if the clock was not set back since it was written; else it lapses as a new one."""
    latest = now + _LEASE
    if holding.tokens_until <= latest and holding.slots_until <= latest:
        return holding
    return replace(
        holding,
        tokens_until=min(holding.tokens_until, latest),
        slots_until=min(holding.slots_until, latest),
    )


def grant(
    wish: Wish, process: str, balance: Balance, holdings: Sequence[Holding], now: datetime
) -> tuple[Grant, Balance, Holding]:
    """What a process gets of one client's limits now, what is left, and what it holds from now on.

    `holdings` are those of this client, of all processes, each bound.
    """
    there = _filled(wish.rate, balance, holdings, now)
    tokens = min(wish.needed + wish.spare, int(there))
    left = there - tokens
    others = sum(
        holding.slots
        for holding in holdings
        if holding.process != process and holding.slots_until > now
    )
    slots = max(0, min(wish.slots, wish.concurrent - others))
    wait = (1.0 - left) / wish.rate if wish.rate and left < 1.0 else 0.0
    granted = Grant(client=wish.client, tokens=tokens, slots=slots, wait=wait)
    held = Holding(
        client=wish.client,
        process=process,
        tokens=wish.kept + tokens,
        tokens_until=now + _LEASE,
        slots=slots,
        slots_until=now + _LEASE,
    )
    return granted, Balance(tokens=left, at=now), held


def _filled(rate: int, balance: Balance, holdings: Iterable[Holding], now: datetime) -> float:
    """What is left by now: it fills by the rate, at every moment up to what nobody holds."""
    since = min(balance.at, now)
    there = balance.tokens + rate * _seconds(since, now)
    live = [holding for holding in holdings if holding.tokens_until > since]
    # Only where a lease ended was less held from then on.
    for moment in {now, *(min(holding.tokens_until, now) for holding in live)}:
        held = sum(holding.tokens for holding in live if holding.tokens_until >= moment)
        there = min(there, rate - held + rate * _seconds(moment, now))
    return max(0.0, there)


def _seconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()
