"""Which phrases a text says, as whole words and not denied or left open.

The one function our FHIRPath has beyond the standard's: `texts.mentions('pulsed field ablation' | 'PFA')`. A phrase
that the same clause denies ("not PFA") or leaves open ("PFA or cryo", "possible PFA") is not said: an order that does
not settle what is ordered must not be read as settled.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"[^\W_]+")
_CLAUSE_END = re.compile(r"[.;\n\r!]+|,|\bbut\b|\bhowever\b|\balthough\b", re.IGNORECASE)
_REACH = 6  # words before a phrase that can deny it, or after it

_DENIES_BEFORE = frozenset(
    "no not non never without excluding except instead rather denies denied declined declines refused refuses avoid "
    "cannot nor neither isn wasn won ruled unlike versus vs".split()
)
_OPENS_BEFORE = frozenset(
    "possible possibly potential maybe consider considering whether if or unless candidate".split()
)
_DENIES_AFTER = frozenset(
    "not declined refused excluded contraindicated avoided cancelled canceled unavailable or versus vs no never".split()
)


def find_mentions(texts: Iterable[str], phrases: Sequence[str]) -> list[str]:
    """The phrases, as given and in their order, that some text says; case, blanks and hyphens do not matter."""
    wanted = [tuple(words_of(phrase)) for phrase in phrases]
    clauses = [words_of(clause) for text in texts for clause in _CLAUSE_END.split(text)]
    said = {phrase for clause in clauses for phrase in _said(clause, wanted)}
    return [phrase for phrase, words in zip(phrases, wanted, strict=True) if words in said]


def words_of(text: str) -> list[str]:
    """The words of a text, case-folded; what stands between them does not count."""
    return [word.casefold() for word in _WORD.findall(text)]


def _said(clause: list[str], wanted: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    spans = [(at, at + len(words)) for words in wanted if words for at in _starts(clause, words)]
    # "PFA or IRE" leaves nothing open when both are asked about.
    settled = {end for _, end in spans} & {start - 1 for start, _ in spans}
    read = ["" if at in settled and word == "or" else word for at, word in enumerate(clause)]
    for start, end in spans:
        if _is_meant(read[max(0, start - _REACH) : start], read[end : end + _REACH]):
            yield tuple(clause[start:end])


def _starts(clause: list[str], words: tuple[str, ...]) -> Iterator[int]:
    size = len(words)
    return (at for at in range(len(clause) - size + 1) if tuple(clause[at : at + size]) == words)


def _is_meant(before: list[str], after: list[str]) -> bool:
    denied = _DENIES_BEFORE.intersection(before) or _DENIES_AFTER.intersection(after)
    return not denied and not _OPENS_BEFORE.intersection(before)
