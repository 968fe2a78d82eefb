"""Search among the listed policies, by words of their number, title and payer, or by a code."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_service.pages.policy_list import ListedPolicy

# Nobody types more; what is beyond is not searched for.
LONGEST_QUERY = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A policy and what is searched: parts of its words, and its codes as a whole; both folded."""

    policy: ListedPolicy
    words: str
    codes: frozenset[str]


class PolicySearch:
    """Finds policies; what it looks in is written once, for as long as the list stands."""

    def __init__(self, policies: Iterable[ListedPolicy]) -> None:
        self._entries = tuple(map(_entry, policies))

    def find(self, query: str) -> tuple[ListedPolicy, ...]:
        """The policies that have every word of the query, in the order of the list."""
        found: Iterable[_Entry] = self._entries
        for word in dict.fromkeys(fold(query).split()):
            found = [entry for entry in found if word in entry.words or word in entry.codes]
        return tuple(entry.policy for entry in found)


def parse_query(raw: str) -> str:
    """What a person typed, in one line of printable characters."""
    printable = (letter if letter.isprintable() else " " for letter in raw[:LONGEST_QUERY])
    return " ".join("".join(printable).split())


def _entry(listed: ListedPolicy) -> _Entry:
    cited = listed.policy.citation
    words = (cited.number, cited.policy_title, listed.payer.brand, listed.payer_name)
    return _Entry(
        policy=listed,
        # No word of a query has a line break in it, so none is found across two of these.
        words=fold("\n".join(words)),
        codes=frozenset(fold(code) for code in _spellings(listed)),
    )


def _spellings(listed: ListedPolicy) -> Iterator[str]:
    """Each code as the policy writes it and as orders are compared with it (`C22.0`, `C220`)."""
    for rule in listed.rules:
        yield from (coding.code for coding in rule.codings)
        yield from (key.code for key in rule.by_key)


def fold(words: str) -> str:
    """Words without case, and with one form for each letter."""
    return unicodedata.normalize("NFKC", words).casefold()
