"""What of a foreign policy is understood, and what is not: by rule, with the reason in words."""

from dataclasses import dataclass, field
from typing import NamedTuple


class NotUnderstood(NamedTuple):
    """A rule, as `PlanDefinition/id action`, or a policy as a whole; and why."""

    rule: str
    why: str


@dataclass(slots=True, kw_only=True)
class Understanding:
    """Notes on one policy as it is read; `policy` is its id."""

    policy: str
    _missed: list[NotUnderstood] = field(default_factory=list)
    _remarks: list[NotUnderstood] = field(default_factory=list)

    def miss(self, why: str, action: str = "") -> None:
        """Note what is not understood of an action, or of the policy as a whole."""
        self._missed.append(self._note(why, action))

    def remark(self, why: str, action: str = "") -> None:
        """Note what the policy goes without; it determines the same."""
        self._remarks.append(self._note(why, action))

    @property
    def not_understood(self) -> tuple[NotUnderstood, ...]:
        """What is not understood, each once."""
        return tuple(dict.fromkeys(self._missed))

    @property
    def remarks(self) -> tuple[NotUnderstood, ...]:
        """What the policy goes without, each once."""
        return tuple(dict.fromkeys(self._remarks))

    def _note(self, why: str, action: str) -> NotUnderstood:
        return NotUnderstood(f"PlanDefinition/{self.policy} {action}".rstrip(), why)
