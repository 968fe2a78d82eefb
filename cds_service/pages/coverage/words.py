"""Words that rules are found by: whole ones, or how they begin; `icare` is not in `medicare`."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from cds_service.pages.search import fold

_WORD = re.compile(r"\w+")


def searchable(texts: Iterable[str]) -> str:
    """Texts as they are looked through: folded words with one blank before each.

    No term is found across the end of a text.
    """
    return "\n".join(map(_spaced, texts))


def has_words(looked_through: str, terms: Iterable[str]) -> bool:
    """Whether every term begins a word there, or several in a row: `wi.pa` is in `WI.PA-1266`."""
    return finder_of(terms)(looked_through)


def finder_of(terms: Iterable[str]) -> Callable[[str], bool]:
    """Tells of one text after the other whether it has every term; reads the terms once."""
    wanted = [_spaced(term) for term in terms]
    return lambda looked_through: all(words in looked_through for words in wanted)


def vocabulary_of(searchable_texts: Iterable[str]) -> tuple[str, ...]:
    """The words of all these texts, each once, in order."""
    return tuple(sorted({word for text in searchable_texts for word in text.split()}))


def may_have(vocabulary: Sequence[str], term: str) -> bool:
    """Whether the last word of a term begins some word there: if not, no text has the term."""
    last = _spaced(term).rpartition(" ")[2]
    at = bisect_left(vocabulary, last)
    return at < len(vocabulary) and vocabulary[at].startswith(last)


def is_term(text: str) -> bool:
    """Whether a text has anything to look for: a letter or a digit."""
    return bool(_WORD.search(text))


def _spaced(text: str) -> str:
    return "".join(f" {word}" for word in _WORD.findall(fold(text)))
