"""Questions to the coverage list: what is asked for, as a person types it or a program sends it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from cds_service.crd.request.membership import Payer, Plan
from cds_service.errors import InvalidRequest
from cds_service.pages.coverage.listing import CoverageList, Selection
from cds_service.pages.coverage.rows import ANSWERS
from cds_service.pages.search import fold, parse_query

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAY_AMONG_WORDS = re.compile(rf"(?<!\S){_DAY.pattern}(?=[?!.,;]*(?:\s|$))", re.ASCII)
_MOST_NAMED = 12  # payers or plans that an error names
_LONGEST_ECHO = 60  # characters of a value that an error repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: words, a day, and what the list is narrowed to."""

    words: str
    day: date
    selection: Selection


def parse_question(
    coverage: CoverageList,
    today: date,
    *,
    words: str = "",
    payer: str = "",
    plan: str = "",
    answer: str = "",
    day: str = "",
) -> Question:
    """The question in these texts; payers and plans go by their ids or names.

    Without a `day` it is the one among the words, or else today.

    Raises:
        InvalidRequest: a text is of no payer, plan, answer or day; names what there is.
    """
    asked = parse_query(words)
    if not day.strip():
        day, asked = _day_among(asked)
    return Question(
        words=asked,
        day=_read_day(day) if day.strip() else today,
        selection=Selection(
            payer=_find("payer", payer, coverage.payers),
            plan=_find("plan", plan, coverage.plans),
            answer=_read_answer(answer),
        ),
    )


def _day_among(words: str) -> tuple[str, str]:
    """A day that the words name, and the words without it."""
    found = _DAY_AMONG_WORDS.search(words)
    if found is None:
        return "", words
    rest = f"{words[: found.start()]} {words[found.end() :]}"
    return found.group(), " ".join(rest.split())


def _read_day(raw: str) -> date:
    text = raw.strip()
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # 2026-02-30
        pass
    raise InvalidRequest(f"`date` is no day such as 2026-11-27: {_echo(raw)}")


def _read_answer(raw: str) -> str:
    text = raw.strip()
    if text and text not in ANSWERS:
        raise InvalidRequest(f"`answer` is one of {', '.join(ANSWERS)}, not {_echo(raw)}")
    return text


def _find(asked: str, raw: str, known: Sequence[Payer] | Sequence[Plan]) -> str:
    """The id of the payer or plan that a text names; `asked` is its parameter."""
    wanted = fold(raw.strip())
    if not wanted:
        return ""
    found = [listed.id for listed in known if wanted in _names(listed)]
    if not found:
        there = _listed(listed.id for listed in known)
        raise InvalidRequest(f"`{asked}` is none of this library ({there}): {_echo(raw)}")
    return found[0]


def _names(listed: Payer | Plan) -> tuple[str, str]:
    return fold(listed.id), fold(listed.brand if isinstance(listed, Payer) else listed.name)


def _listed(names: Iterable[str]) -> str:
    there = list(names)
    more = len(there) - _MOST_NAMED
    shown = ", ".join(there[:_MOST_NAMED]) or "it has none"
    return f"{shown} and {more} more" if more > 0 else shown


def _echo(raw: str) -> str:
    return f"`{parse_query(raw)[:_LONGEST_ECHO]}`"
