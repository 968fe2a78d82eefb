"""Which phrases texts say plainly: beside them stands nothing that could leave open what is meant.

The one function our FHIRPath has beyond the standard's: `texts.mentions('pulsed field ablation' |
'PFA', 'ValueSet|version')`. No list of words that deny is ever complete ("w/o PFA", "PFA
cancelled", "profunda femoris (PFA)"), so it is the ordinary words that are listed, as the codes of
a ValueSet: any other word or sign, in any of the texts, leaves the order open, and then nothing is
said. An order that does not settle what is ordered must not be read as settled.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Words = tuple[str, ...]
# Phrases as words, by the first of them; longer ones stand before shorter.
Vocabulary = Mapping[str, tuple[Words, ...]]

# These mean nothing by themselves, in any policy.
_FUNCTION_WORDS = (
    "a an and at by for from in of on the this to through under using via with".split()
)
_DENYING = frozenset({"no", "not", "without"})
_OR = "or"  # "PFA or IRE" leaves nothing open if both are asked for
_CLAUSE_MARKS = frozenset(".,;:()[]")
_MARKS = _CLAUSE_MARKS | {"/"}
_UNCLEAR = ("?",)  # of a text in which some sign may mean anything
_TOKEN = re.compile(r"[^\W_]+|[/.,;:()\[\]]")
_PLAIN = re.compile(r"[\w\s.,:;()\[\]+&\"'/*=\u2018\u2019\u201c\u201d\u2010-\u2015\u2212-]*")
# What no reader sees, and the marks of brands.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00a9\u00ae\u2122]")
_DASH = re.compile("[\u2010-\u2015\u2212]")
_WITH = re.compile(r"\bw/(?!\s*o)")
# "-PFA", "PFA -", "+/- PFA", "[ ] PFA"
_MINUS_OR_BOX = re.compile(r"(?:^|[\s(])-(?=\w)|-\s*$|\+\s*/|/\s*-|[(\[]\s*[-+x]?\s*[)\]]")


@dataclass(frozen=True, slots=True)
class PlainPhrases:
    """Phrases as they are written, each with its line of words, and what may stand beside them.

    An ordinary phrase that denies ("not cryoablation") counts only as a clause of its own.
    """

    lines: tuple[tuple[str, str], ...]
    asked: Vocabulary
    ordinary: Vocabulary


def read_plain_phrases(written: Iterable[str], ordinary: Iterable[str] = ()) -> PlainPhrases:
    """The phrases to look for; worth keeping, since a policy asks every order for the same."""
    phrases = tuple(written)
    lines = tuple((phrase, _line(_words(phrase))) for phrase in phrases if _words(phrase))
    return PlainPhrases(lines, _vocabulary(phrases), _vocabulary((*_FUNCTION_WORDS, *ordinary)))


def _vocabulary(written: Iterable[str]) -> Vocabulary:
    by_first: dict[str, list[Words]] = {}
    for words in sorted(set(map(_words, written)), key=len, reverse=True):
        if words:
            by_first.setdefault(words[0], []).append(words)
    return {first: tuple(phrases) for first, phrases in by_first.items()}


def read_texts(texts: Iterable[str]) -> tuple[Words, ...]:
    """The words and marks of each text: worth keeping, where it is asked for several phrases."""
    return tuple(map(_read, texts))


def find_plain_mentions(read: Iterable[Words], phrases: PlainPhrases) -> list[str]:
    """The phrases, as written and in their order, that some text says, if all texts are plain.

    Case, blanks and hyphens do not matter.
    """
    lines: list[str] = []
    for tokens in read:
        if not _is_plain(tokens, phrases):
            return []
        lines.append(_line(tokens))
    spoken = "\n".join(lines)
    return [phrase for phrase, line in phrases.lines if line in spoken]


def _line(tokens: Words) -> str:
    """Words with a blank on each side, so that no other word is taken for a part of one."""
    return f" {' '.join(tokens)} "


def _words(phrase: str) -> Words:
    return tuple(_TOKEN.findall(phrase.casefold()))


def _read(text: str) -> Words:
    """The words and marks of a text, or just a mark that is never plain."""
    # Single blanks, so that no expression has many to try.
    written = " ".join(_UNSEEN.sub("", html.unescape(text)).split())
    if not _PLAIN.fullmatch(written):
        return _UNCLEAR
    normal = _DASH.sub("-", unicodedata.normalize("NFKC", written).casefold())
    if _MINUS_OR_BOX.search(normal):
        return _UNCLEAR
    return tuple(_TOKEN.findall(_WITH.sub("with ", normal)))


def _is_plain(tokens: Words, phrases: PlainPhrases) -> bool:
    """Whether a text is phrases that are asked for, ordinary ones and marks, from end to end."""
    place, after_asked = 0, False
    while place < len(tokens):
        asked = _longest(tokens, place, phrases.asked)
        if after_asked and tokens[place] == _OR and place + 1 < len(tokens):
            asked = _longest(tokens, place + 1, phrases.asked)
            place += 1 if asked else 0
        size = asked or _ordinary(tokens, place, phrases.ordinary)
        if not size:
            return False
        place, after_asked = place + size, bool(asked)
    return True


def _ordinary(tokens: Words, place: int, known: Vocabulary) -> int:
    """How many tokens from here on are an ordinary phrase or a mark; 0 if none."""
    if tokens[place] in _MARKS:
        return 1
    size = _longest(tokens, place, known)
    if size and tokens[place] in _DENYING and not _is_clause(tokens, place, place + size):
        return 0
    return size


def _longest(tokens: Words, place: int, known: Vocabulary) -> int:
    """How many words the longest known phrase has that begins here; 0 if none does."""
    for words in known.get(tokens[place], ()):
        if tokens[place : place + len(words)] == words:
            return len(words)
    return 0


def _is_clause(tokens: Words, start: int, end: int) -> bool:
    begins = start == 0 or tokens[start - 1] in _CLAUSE_MARKS
    return begins and (end == len(tokens) or tokens[end] in _CLAUSE_MARKS)
