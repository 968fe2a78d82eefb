"""Near misses: the policies that would address an order but for one thing or two."""

from dataclasses import dataclass
from enum import StrEnum


class Obstacle(StrEnum):
    """What keeps a policy from addressing an order."""

    PAYER = "payer"
    PLAN = "plan"
    DATE = "date"
    CODE_SYSTEM = "code system"
    ORDER_TYPE = "order type"
    HOOK = "hook"
    CONDITION = "condition"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """One policy by its canonical and title, with each obstacle and what it is in words."""

    policy: str
    title: str
    obstacles: tuple[tuple[Obstacle, str], ...]
