"""Traces: why one rule determined something for an order, or nothing."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cds_service.crd.decision.determination import Citation, Determination
from cds_service.fhir.coding import Coding
from cds_service.fhir.truth import Truth


class ConditionKind(StrEnum):
    """What a condition is about: two stand for every rule, the rest are the rule's own."""

    IN_FORCE = "in-force"
    LINE_OF_BUSINESS = "line-of-business"
    OF_THE_RULE = "of-the-rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionTrace:
    """One condition of a rule, and what it came to for this order.

    `causes` are why it could not be told, `failed` whether that is a technical failure, and `read`
    is what it read: element paths with values.
    """

    kind: ConditionKind
    description: str
    expression: str
    value: Truth
    error: str = ""
    causes: tuple[str, ...] = ()
    failed: bool = False
    read: tuple[tuple[str, tuple[Any, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule applied: the codings it was found by, its conditions, its determination if any."""

    citation: Citation
    matched: tuple[Coding, ...]
    conditions: tuple[ConditionTrace, ...]
    determination: Determination | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What could not be told."""
        return tuple(
            condition.description
            for condition in self.conditions
            if condition.value is Truth.UNKNOWN
        )
