"""Which index terms the words of an order name, for a hint that a policy may be about it.

A hint decides nothing (what decides is `plain_mentions`), so it is enough to leave out where the
same clause denies a term ("not PFA"), leaves it open ("possible PFA", "PFA?") or tells of the past.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+")
_CLAUSE_END = re.compile(r"[.;\n\r!]+|,|\bbut\b|\bhowever\b|\balthough\b", re.IGNORECASE)
_REACH = 6  # words before a phrase that can deny it, or after it

_DENIES_BEFORE = frozenset(
    "no not non never without excluding except instead rather denies denied declined declines "
    "refused refuses avoid "
    "cannot nor neither isn wasn won ruled unlike versus vs".split()
)
# What was, or what is asked, is not what is ordered (design: 4.17).
_HISTORY_BEFORE = frozenset(
    "history hx ho previous previously prior past former formerly earlier post sp after since "
    "failed failure had underwent".split()
)
_OPENS_BEFORE = frozenset(
    "possible possibly potential maybe consider considering whether if or unless candidate "
    "rule ro query question questionable suspected suspicion evaluate evaluation eval assess "
    "discuss".split()
)
_DENIES_AFTER = frozenset(
    "not declined refused excluded contraindicated avoided cancelled canceled unavailable or "
    "versus vs no never ago history".split()
)
_LEFT_OPEN_BEFORE = _DENIES_BEFORE | _HISTORY_BEFORE | _OPENS_BEFORE
_NUMBERED = re.compile(r"(?<=\w)[-\u2010-\u2015](?=\d)")  # PFA-100 is another word than PFA
_ABBREVIATED = re.compile(r"\b(s|h|r)/(p|o)\b", re.IGNORECASE)  # s/p, h/o, r/o as one word each


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases as they are written, and each as the words it consists of."""

    written: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]


def read_phrases(written: Iterable[str]) -> Phrases:
    """The phrases to look for; worth keeping, since a policy asks every order for the same."""
    phrases = tuple(written)
    return Phrases(phrases, tuple(tuple(words_of(phrase)) for phrase in phrases))


def find_mentions(texts: Iterable[str], phrases: Phrases) -> list[str]:
    """The phrases, as written and in their order, that some text says.

    Case, blanks and hyphens do not matter.
    """
    clauses = [words_of(clause) for text in texts for clause in _clauses(text)]
    mentioned = {phrase for clause in clauses for phrase in _mentioned(clause, phrases.words)}
    pairs = zip(phrases.written, phrases.words, strict=True)
    return [phrase for phrase, words in pairs if words in mentioned]


def words_of(text: str) -> list[str]:
    """The words of a text, case-folded; what stands between them does not count."""
    return [word.casefold() for word in _WORD.findall(text)]


def _clauses(text: str) -> Iterator[str]:
    """The clauses of a text, less those that are questions."""
    *asked, rest = _NUMBERED.sub("", _ABBREVIATED.sub(r"\1\2", text)).split("?")
    for question in asked:
        yield from _CLAUSE_END.split(question)[:-1]
    yield from _CLAUSE_END.split(rest)


def _mentioned(clause: list[str], wanted: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    present = set(clause)
    spans = [
        (start, start + len(words))
        for words in wanted
        if words and present.issuperset(words)
        for start in _starts(clause, words)
    ]
    if not spans:
        return
    # "PFA or IRE" leaves nothing open when both are asked about.
    settled = {end for _, end in spans} & {start - 1 for start, _ in spans}
    read = ["" if place in settled and word == "or" else word for place, word in enumerate(clause)]
    for start, end in spans:
        if _is_meant(read[max(0, start - _REACH) : start], read[end : end + _REACH]):
            yield tuple(clause[start:end])


def _starts(clause: list[str], words: tuple[str, ...]) -> Iterator[int]:
    size = len(words)
    return (
        start
        for start in range(len(clause) - size + 1)
        if clause[start] == words[0] and tuple(clause[start : start + size]) == words
    )


def _is_meant(before: list[str], after: list[str]) -> bool:
    return _LEFT_OPEN_BEFORE.isdisjoint(before) and _DENIES_AFTER.isdisjoint(after)
