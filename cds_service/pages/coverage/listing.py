"""The coverage list: what the policies of one set determine, by payer, plan, code and day.

Read once a set. A row is a rule and one of its codes; a day, a payer, a plan or an answer selects
among the rows. What was selected last is kept, so that the pages of a long list cost no more than
what stands on them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple, overload

from cds_service.crd.request.membership import Payer, Plan
from cds_service.fhir.coding import CodingKey
from cds_service.pages.coverage.codes import CodeKind, ListedCode
from cds_service.pages.coverage.reading import read_rules
from cds_service.pages.coverage.rows import CoverageRow, ListedRule, is_answer, make_row
from cds_service.pages.coverage.words import vocabulary_of
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.snapshot import digest
from cds_service.policy.run.index import PolicyIndex

_SELECTIONS_KEPT = 8
_ONE_DAY = timedelta(days=1)


class Entry(NamedTuple):
    """A rule and one of its codes: a row, once a day is known."""

    listed: ListedRule
    code: ListedCode


class Selection(NamedTuple):
    """What the list is narrowed to; an empty text narrows nothing."""

    payer: str = ""  # the id of its Organization
    plan: str = ""  # the id of its InsurancePlan
    answer: str = ""  # one of ANSWERS


EVERYTHING = Selection()


class Rows(Sequence[CoverageRow]):
    """The rows of some entries on one day; each is made when it is asked for."""

    def __init__(self, entries: Sequence[Entry], places: Sequence[int], day: date) -> None:
        self._entries, self.places, self.day = entries, places, day

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> CoverageRow: ...

    @overload
    def __getitem__(self, at: slice) -> "Rows": ...

    def __getitem__(self, at: int | slice) -> "CoverageRow | Rows":
        if isinstance(at, slice):
            return Rows(self._entries, self.places[at], self.day)
        row = make_row(*self._entries[self.places[at]], self.day)
        if row is None:
            raise LookupError("an entry that is not in force on that day")
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageList:
    """All rows of one set of policies, named by its `digest`; in service `since`, if it is.

    `entries` are sorted by payer, code system, code and policy; `by_key` has the places of those
    about one code, `open_places` of those about a family of codes or any code; `systems` are the
    code systems of the former. `vocabulary` has every word that some rule is found by.
    """

    digest: str
    since: datetime | None
    payers: tuple[Payer, ...]
    plans: tuple[Plan, ...]
    rules: tuple[ListedRule, ...]
    entries: tuple[Entry, ...]
    by_key: Mapping[CodingKey, tuple[int, ...]]
    open_places: tuple[int, ...]
    systems: frozenset[str]
    vocabulary: tuple[str, ...]
    _turns: tuple[date, ...]
    _select: Callable[[int, Selection], tuple[int, ...]]

    def as_of(self, day: date, selection: Selection = EVERYTHING) -> Rows:
        """The rows of a day, by payer and code, narrowed to a payer, a plan or an answer."""
        return self.rows_at(self._select(bisect_right(self._turns, day), selection), day)

    def rows_at(self, places: Sequence[int], day: date) -> Rows:
        """The rows of entries that are in force on a day, by their places."""
        return Rows(self.entries, places, day)

    def is_selected(self, place: int, day: date, selection: Selection = EVERYTHING) -> bool:
        """Whether an entry is in force on a day, and in a selection."""
        return _is_selected(self.entries[place].listed, day, selection)


def list_coverage(
    library: Library, index: PolicyIndex, *, name: str = "", since: datetime | None = None
) -> CoverageList:
    """The list of all rules of the index, in one pass over rules and codes.

    `name` is the digest of the library where that is known already.
    """
    payers = tuple(sorted(index.payers.all, key=lambda payer: (payer.brand, payer.id)))
    rules = read_rules(library, index)
    entries = tuple(sorted(_entries(rules), key=_place))
    turns = tuple(sorted(set(_turns(rules))))
    by_key = _by_key(entries)
    return CoverageList(
        digest=name or digest(library),
        since=since,
        payers=payers,
        plans=tuple(plan for payer in payers for plan in payer.plans),
        rules=rules,
        entries=entries,
        by_key=by_key,
        open_places=tuple(at for at, entry in enumerate(entries) if not entry.code.key),
        systems=frozenset(key.system for key in by_key),
        vocabulary=vocabulary_of(listed.words for listed in rules),
        _turns=turns,
        _select=lru_cache(maxsize=_SELECTIONS_KEPT)(partial(_select, entries, turns)),
    )


def _entries(rules: Iterable[ListedRule]) -> Iterator[Entry]:
    return (Entry(listed, code) for listed in rules for code in listed.codes)


def _place(entry: Entry) -> tuple[str | bool | date, ...]:
    """Where a row stands: a payer's codes in their order, what is about any code last."""
    listed, code = entry
    cited = listed.rule.citation
    is_any = code.kind is CodeKind.ANY
    owner = (listed.payer.brand, listed.payer.id)
    return (*owner, is_any, code.system_name, code.code, cited.number, listed.policy.start)


def _by_key(entries: Sequence[Entry]) -> dict[CodingKey, tuple[int, ...]]:
    places: dict[CodingKey, list[int]] = defaultdict(list)
    for at, (_, code) in enumerate(entries):
        if code.key:
            places[code.key].append(at)
    return {key: tuple(found) for key, found in places.items()}


def _turns(rules: Iterable[ListedRule]) -> Iterator[date]:
    """The days on which some row begins, ends or changes; between two of them none does."""
    for listed in rules:
        yield listed.policy.start
        ends = (listed.policy.end, listed.rule.determination.expiry_date)
        yield from (end + _ONE_DAY for end in ends if end and end != date.max)


def _select(
    entries: Sequence[Entry], turns: Sequence[date], turn: int, selection: Selection
) -> tuple[int, ...]:
    """The places of the entries of a selection, on the days from one turn to the next."""
    day = turns[turn - 1] if turn else date.min
    return tuple(
        at for at, (listed, _) in enumerate(entries) if _is_selected(listed, day, selection)
    )


def _is_selected(listed: ListedRule, day: date, selection: Selection) -> bool:
    if selection.payer and listed.payer.id != selection.payer:
        return False
    determination = listed.on(day)
    if determination is None:
        return False
    if selection.plan and not _is_for(listed, selection.plan):
        return False
    return not selection.answer or is_answer(determination, selection.answer)


def _is_for(listed: ListedRule, plan_id: str) -> bool:
    """Whether a rule can be for members of a plan, which must be its payer's."""
    is_payers = any(plan.id == plan_id for plan in listed.payer.plans)
    return is_payers and listed.members.includes(plan_id)
