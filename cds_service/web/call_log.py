"""The call log: one line a call, of its facts alone (reliability: 2, logs)."""

import logging
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

from cds_service.crd.request.lookups import Lookup
from cds_service.web.call_facts import NONE, CallFacts

_LOG = logging.getLogger("cds_service.web.call")
_RESULTS = (Lookup.FOUND, Lookup.ABSENT, Lookup.FAILED)


def log_call(facts: CallFacts, event: str = "call") -> None:
    """Write the line of a call, or of the `feedback` that followed one.

    It is an error where there is no answer for a fault on our side: such a line names the cause.
    """
    _write(facts, event, {})
    for oddity in facts.oddities:
        _LOG.warning("%s", oddity, extra={"trace": facts.trace, "hook": facts.hook})


def log_refusal(facts: CallFacts, route: str) -> None:
    """Write the line of any other request that was refused.

    `route` is its path as it is declared here, with `<names>` for what varies.
    """
    _write(facts, "refusal", {"route": route})


def _write(facts: CallFacts, event: str, also: Mapping[str, str]) -> None:
    level = logging.ERROR if facts.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    if _LOG.isEnabledFor(level):
        _LOG.log(level, event, extra={"event": event, **_shown(facts), **also})


def _shown(facts: CallFacts) -> dict[str, object]:
    shown: dict[str, object] = {
        "trace": facts.trace,
        "client": facts.client,
        "hook": facts.hook,
        "version": facts.asked,
        "speaks": facts.speaks,
        "status": facts.status,
        "cause": facts.cause,
        "determinations": _determinations(facts.determined),
        "reasons": facts.reasons,
        "queries": _queries(facts),
        "durations": {name: _milliseconds(took) for name, took in facts.durations.items()},
        "seconds": round(facts.seconds, 6),
    }
    return {name: value for name, value in shown.items() if value not in ("", {})}


def _determinations(determined: Mapping[tuple[str, str, str], int]) -> dict[str, int]:
    """How many of each: `covered auth-needed clinical`, by the codes that are there."""
    return {_named(codes): many for codes, many in sorted(determined.items())}


def _named(codes: tuple[str, str, str]) -> str:
    return " ".join(code for code in codes if code != NONE)


def _queries(facts: CallFacts) -> dict[str, object]:
    """How many queries had each result, and of those that failed each cause."""
    if not facts.queries:
        return {}
    results = Counter(query.result for query in facts.queries)
    causes = Counter(query.cause for query in facts.queries if query.cause)
    counted: dict[str, object] = {result.value: results[result] for result in _RESULTS}
    return {**counted, **({"causes": dict(causes)} if causes else {})}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
