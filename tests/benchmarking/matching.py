"""Lookups in the index of a large library, beside the slow way of asking every rule."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarking.policies import BUILT_IN, CODES, codes_of, payer_of
from benchmarking.rounds import percentile

from cds_service.fhir.coding import Coding
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import Candidates

_FAST, _SLOW = 20_000, 200  # lookups
_STRIDE = 7919  # a prime: walks all over the library

Ask = Callable[[str, str, list[Coding], str], Candidates]
Question = tuple[str, list[Coding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Seconds a lookup; `agree` is whether both ways lead to the same rules."""

    rules: int
    p50: float
    p99: float
    slow_p50: float
    agree: bool


def measure_matching(library: Path, policies: int) -> Matching:
    """Lookups of listed codes all over the library."""
    index = compile_library(
        read_library([builtin_library(), library]), base_url="https://crd.example.invalid"
    )
    questions = [
        _question(number * _STRIDE % (policies - BUILT_IN), number) for number in range(_FAST)
    ]
    fast = [_timed(index.candidates, question) for question in questions]
    slow = [_timed(index.ask_every_rule, question) for question in questions[:_SLOW]]
    return Matching(
        rules=len(index.rules),
        p50=percentile(fast, 0.50),
        p99=percentile(fast, 0.99),
        slow_p50=percentile(slow, 0.50),
        agree=all(
            _rules(index.candidates, question) == _rules(index.ask_every_rule, question)
            for question in questions[:_SLOW]
        ),
    )


def _question(policy: int, number: int) -> Question:
    codes = codes_of(policy)
    return payer_of(policy), [Coding(CODES, codes[number % len(codes)])]


def _ask(ask: Ask, question: Question) -> Candidates:
    payer, codings = question
    return ask(payer, "ServiceRequest", codings, "order-sign")


def _timed(ask: Ask, question: Question) -> float:
    began = time.perf_counter()
    _ask(ask, question)
    return time.perf_counter() - began


def _rules(ask: Ask, question: Question) -> set[str]:
    return {rule.policy.id for rule in _ask(ask, question)}
