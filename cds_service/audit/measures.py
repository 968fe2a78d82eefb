"""The measures that the CRD guide suggests, computed from recorded calls (CRD metric-1).

Of its nine, the seventh needs figures from outside; the eighth and ninth are the first six again,
by payer or client and by hook: the groups.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from cds_service.audit.called_orders import CalledOrder, orders_of
from cds_service.audit.metric_data import call_seconds, http_status, payers_of, request_data
from cds_service.fhir.resource import JsonObject, objects, text

_OK = 200
_IN_TIME = 5.0  # seconds, exclusive
_NONE = "none"  # the payer of what has none, the client where anyone may call
_DOCUMENTS = ("clinical", "admin", "both")
_COVERED = ("covered", "not-covered", "conditional", "indeterminate")

Information = JsonObject  # one CRDMetricData.request.response.coverageInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure: how many of how many; None where the store cannot tell."""

    number: str
    name: str
    volume: int | None
    of: int | None

    @property
    def percent(self) -> str:
        """With one decimal; empty where there is nothing to compare with."""
        if self.volume is None or not self.of:
            return ""
        return f"{100 * self.volume / self.of:.1f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The calls with one value of each thing that they are grouped by, and their measures."""

    values: tuple[str, ...]
    measures: tuple[Measure, ...]


def _has(name: str, values: Sequence[str]) -> Callable[[Information], bool]:
    return lambda information: text(information.get(name)) in values


def _has_form(name: str, values: Sequence[str]) -> Callable[[Information], bool]:
    return lambda information: (
        text(information.get(name)) in values and bool(information.get("questionnaire"))
    )


# Orders that have a coverage information with this, each counted once.
_COUNTED: Mapping[str, Callable[[Information], bool]] = {
    "answered": lambda _information: True,
    **{covered: _has("covered", [covered]) for covered in _COVERED},
    "auth": _has("paNeeded", ["auth-needed"]),
    "auth-form": _has_form("paNeeded", ["auth-needed"]),
    "documents": _has("docNeeded", _DOCUMENTS),
    "documents-form": _has_form("docNeeded", _DOCUMENTS),
    "satisfied": _has("paNeeded", ["satisfied"]),
}
# Number, name, what is counted, of what.
_OF_ORDERS = (
    ("1", "orders with coverage information returned", "answered", "orders"),
    *(("2", f"orders answered as {covered}", covered, "orders") for covered in _COVERED),
    ("3", "orders with authorization needed, with a form for it", "auth-form", "auth"),
    ("4", "orders with documentation needed, with a form for it", "documents-form", "documents"),
    ("5", "orders with authorization satisfied", "satisfied", "orders"),
    ("6", "calls answered in under 5 seconds", "in-time", "timed"),
)
_OUTSIDE = Measure(
    number="7", name="fewer authorization requests (needs outside figures)", volume=None, of=None
)

BY = ("hook", "client", "payer")


def measure(records: Iterable[JsonObject], by: Sequence[str] = ()) -> tuple[Group, ...]:
    """The measures of calls, given as payloads of records, in groups `by` hook, client or payer.

    They are read one at a time, and only counts are kept. A call about several payers counts for
    each, with its orders for that payer.
    """
    counts: dict[tuple[str, ...], dict[str, int]] = {}
    if not by:
        counts[()] = {}
    answered = (record for record in records if http_status(record) == _OK)
    for record in answered:
        for values, payer in _groups(record, by):
            _count(counts.setdefault(values, {}), record, payer)
    return tuple(
        Group(values=values, measures=_measures(counts[values])) for values in sorted(counts)
    )


def _groups(record: JsonObject, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """The groups that a call counts for, each with its payer; None: whatever the payer."""
    payers = payers_of(record) or (_NONE,)
    choices = {
        "hook": (text(record.get("hook")),),
        "client": (text(record.get("client")) or _NONE,),
        "payer": payers,
    }
    for values in product(*(choices[name] for name in by)):
        yield values, values[by.index("payer")] if "payer" in by else None


def _count(counts: dict[str, int], record: JsonObject, payer: str | None) -> None:
    seconds = call_seconds(record)
    found = ["timed"] if seconds is not None else []
    found += ["in-time"] if seconds is not None and seconds < _IN_TIME else []
    for order in orders_of(record):
        if payer is None or _is_of(order, payer):
            found += ["orders", *_matching(order, request_data(order, record, {}), payer)]
    for name in found:
        counts[name] = counts.get(name, 0) + 1


def _is_of(order: CalledOrder, payer: str) -> bool:
    """Whether something was determined for a payer: of what has no assertion, nothing was."""
    payers = [
        text(decision.get("payer")) or _NONE
        for decision in order.decisions
        if decision.get("assertion")
    ]
    return payer in (payers or [_NONE])


def _matching(order: CalledOrder, request: JsonObject, payer: str | None) -> Iterator[str]:
    """What is counted of an order, for the payer whose group it is."""
    payers = {
        text(decision.get("assertion")): text(decision.get("payer")) or _NONE
        for decision in order.decisions
    }
    informations = [
        information
        for response in objects(request.get("response"))
        for information in objects(response.get("coverageInfo"))
        if payer is None or payers.get(text(information.get("assertionId"))) == payer
    ]
    for name, counts in _COUNTED.items():
        if any(map(counts, informations)):
            yield name


def _measures(counts: Mapping[str, int]) -> tuple[Measure, ...]:
    measured = (
        Measure(number=number, name=name, volume=counts.get(counted, 0), of=counts.get(of, 0))
        for number, name, counted, of in _OF_ORDERS
    )
    return (*measured, _OUTSIDE)
