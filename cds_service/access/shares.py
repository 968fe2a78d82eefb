"""A share: what this process may let through of one client's limits, by its leases or alone."""

from dataclasses import dataclass

from cds_service.access.limits import Bucket, Limit
from cds_service.database.granting import LEASE_SECONDS, Grant, Wish
from cds_service.errors import TooMany

_SHORTEST = 0.02  # seconds before the store is asked again what it has just refused
_IDLE_SECONDS = 0.5  # without a call, after which nothing is kept at hand


@dataclass(slots=True, kw_only=True)
class Share:
    """What one client may call here; times are monotonic, in seconds.

    `waiting` calls wait for the store; `under_way` have been let through, some perhaps without a
    slot, while the store was away. The store has been asked `begun` times and has answered those up
    to `answered`.
    """

    client: str
    limit: Limit
    under_way: int = 0
    waiting: int = 0
    begun: int = 0
    answered: int = 0
    last_call: float = 0.0
    _tokens: int = 0
    _counted: int = 0  # tokens that count as held here until the store is asked again
    _tokens_until: float = 0.0
    _slots: int = 0
    _slots_until: float = 0.0
    _tokens_from: float = 0.0
    _slots_from: float = 0.0
    _alone: Bucket | None = None

    def take(self, now: float) -> bool:
        """Let a call through, if what is held is enough for it."""
        if not self.has_slot(now) or not self._has_token(now):
            return False
        if self.limit.rate:
            self._tokens -= 1
        self.under_way += 1
        return True

    def check_rate(self, now: float, *, is_answered: bool) -> None:
        """Pass while the store may have a token for a call, or one is here.

        `is_answered`: the store was asked since the call came.

        Raises:
            TooMany: it had none just now.
        """
        if not self._has_token(now) and (is_answered or now < self._tokens_from):
            raise too_often(self.limit)

    def next_ask(self, now: float) -> float:
        """The seconds until the store may be asked for a slot again; 0 for now."""
        return 0.0 if self.has_slot(now) else max(0.0, self._slots_from - now)

    def take_alone(self, now: float, processes: int) -> None:
        """Let a call through without the store, by this process's part of the limits.

        The part is that of each of `processes`, but a call at least; where their number is not
        known (0), one call a second and at a time.

        Raises:
            TooMany: it has made more than that.
        """
        parts = processes or max(1, self.limit.rate, self.limit.concurrent)
        if self.limit.concurrent and self.under_way >= max(1, self.limit.concurrent // parts):
            raise too_many(self.limit)
        if self.limit.rate:
            rate = self.limit.rate / parts
            self._alone = self._alone or Bucket(tokens=1.0, at=now)
            self._alone.fill(rate, now, most=max(1.0, rate))
            if self._alone.tokens < 1:
                raise too_often(self.limit)
            self._alone.tokens -= 1
        self.under_way += 1

    def leave_alone(self) -> None:
        """Begin anew as the store goes or comes back: a part and what it granted never add up."""
        self._alone, self._tokens = None, 0

    def has_too_many(self, processes: int) -> bool:
        """Whether slots lie idle here that other processes may want."""
        return self._slots - self.under_way > self._spare_slots(processes)

    def has_unreported(self, processes: int) -> bool:
        """Whether so many calls have passed that others wait for the store to know of it.

        Of all processes together at most a quarter of a second's worth is not known there, or one
        call of each.
        """
        few = self.limit.rate // (4 * max(1, processes))
        return self._counted - self._tokens >= max(1, few)

    def is_quiet(self, now: float) -> bool:
        """Whether nothing is held, nor asked for, nor to be told."""
        is_held = self._slots or self._has_token(now) or self._counted
        return not (is_held or self.waiting or self.under_way)

    def wish(self, now: float, processes: int) -> Wish:
        """What to ask the store for now; what is to be given back is used no more."""
        limit, parts = self.limit, max(1, processes)
        self.begun += 1
        is_idle = not self.waiting and now - self.last_call > _IDLE_SECONDS
        self._tokens = self._tokens if now < self._tokens_until and not is_idle else 0
        spare = 0 if is_idle else self._spare_slots(processes)
        slots = min(limit.concurrent, self.under_way + self.waiting + spare)
        self._slots = min(self._slots, slots)
        return Wish(
            client=self.client,
            rate=limit.rate,
            concurrent=limit.concurrent,
            kept=self._tokens if limit.rate else 0,
            needed=max(0, self.waiting - self._tokens) if limit.rate else 0,
            # A quarter of a second's worth lies with all processes together.
            spare=limit.rate // (4 * parts) if self.waiting else 0,
            slots=slots,
        )

    def hold(self, wish: Wish, grant: Grant, asked: float, now: float) -> None:
        """Have what the store has granted; it was asked at the time `asked`.

        It grants for so long from when it is asked, which was not before: here a lease never lasts
        longer than there. What was kept is kept on only if its lease has lasted until now.
        """
        self.answered = self.begun
        self._counted = wish.kept + grant.tokens
        kept = self._tokens if now < self._tokens_until else 0
        self._tokens, self._tokens_until = kept + grant.tokens, asked + LEASE_SECONDS
        if wish.needed or wish.spare:
            is_short = grant.tokens < wish.needed
            self._tokens_from = asked + max(grant.wait, _SHORTEST) if is_short else 0.0
        self._slots, self._slots_until = grant.slots, asked + LEASE_SECONDS
        self._slots_from = asked + _SHORTEST

    def _spare_slots(self, processes: int) -> int:
        """A quarter of this process's part: of all slots, at most a quarter lies idle."""
        return self.limit.concurrent // (4 * max(1, processes))

    def has_slot(self, now: float) -> bool:
        """Whether another call may be under way here."""
        held = self._slots if now < self._slots_until else 0
        return not self.limit.concurrent or self.under_way < held

    def _has_token(self, now: float) -> bool:
        return not self.limit.rate or (self._tokens > 0 and now < self._tokens_until)


def too_often(limit: Limit) -> TooMany:
    """The refusal of a call beyond the rate."""
    return TooMany(f"{limit.rate} calls a second are all that this client has", 1)


def too_many(limit: Limit) -> TooMany:
    """The refusal of a call beside too many."""
    return TooMany(f"{limit.concurrent} calls at a time are all that this client has", 1)
