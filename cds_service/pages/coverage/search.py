"""Search in the coverage list: `0600T`, `0600T iCare` or `is 0600T covered by iCare?`.

A question's words are told apart: codes of the list, words of payers, plans and policies, codes
that no rule lists, and words that nothing here has. Codes are alternatives; every word has to fit.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.fhir.coding import Coding
from cds_service.pages.coverage.codes import CodeKind
from cds_service.pages.coverage.listing import CoverageList, Entry, Rows
from cds_service.pages.coverage.question import Question
from cds_service.pages.coverage.words import finder_of, is_term, may_have
from cds_service.pages.search import fold

# Words of a question that tell nothing of what is asked for.
_QUESTION_WORDS = frozenset(
    """
    a an and any anything are auth authorisation authorization authorized be been by can code codes
    coverage cover covered covers cpt do does documentation documents for from hcpcs how i icd if in
    insurance is it member members me my need needed needs not of on or order ordered pa pay pays
    payer plan policy policies preauthorization prior procedure require required requires service
    services should tell that the there this to under was what when whether which who will with
    would
    """.split()
)
_BETWEEN = re.compile(r"[\s,;|]+")  # words and codes, as people list them
_AROUND = "?!.,;:()[]{}<>\"'“”‘’`"
# As codes of procedures, devices, drugs and diagnoses are written: with a digit at least.
_LIKE_A_CODE = re.compile(r"(?=[a-z.:\-]*\d)[a-z0-9][a-z0-9.:\-]{2,14}", re.ASCII)
_YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)
_MOST_TERMS = 40  # of a question; nobody asks for more at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The words of a question, folded.

    `codes` some rule is about, `words` stand with some rule; `unlisted` look like codes and are
    in no rule, `unknown` are in nothing here.
    """

    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def asked_codes(self) -> tuple[str, ...]:
        """All codes, listed or not."""
        return (*self.codes, *self.unlisted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a question leads to: its terms, and the rows that fit."""

    question: Question
    terms: Terms
    rows: Rows


def search(coverage: CoverageList, question: Question) -> Found:
    """The rows of a day that fit the question's words, in the order of the list."""
    this_year = str(question.day.year)  # names no other day than the one that is asked for
    words = " ".join(word for word in question.words.split() if word.strip(_AROUND) != this_year)
    terms = read_terms(coverage, words)
    places = _places(coverage, question, terms)
    return Found(question=question, terms=terms, rows=coverage.rows_at(places, question.day))


def read_terms(coverage: CoverageList, words: str) -> Terms:
    """The words of a question, told apart."""
    sorted_terms: dict[str, list[str]] = {"codes": [], "words": [], "unlisted": [], "unknown": []}
    for term in _terms(words):
        sorted_terms[_kind_of(coverage, term)].append(term)
    return Terms(**{kind: tuple(terms) for kind, terms in sorted_terms.items()})


def places_about(coverage: CoverageList, code: str) -> tuple[int, ...]:
    """The places of all rows about a code, on whatever day: its own, its families', any code's."""
    own = set(_listed_places(coverage, code))
    return tuple(sorted({*own, *_open_places(coverage, code)}))


def is_year(term: str) -> bool:
    """Whether a term is a year by itself."""
    return bool(_YEAR.fullmatch(term))


def _terms(words: str) -> list[str]:
    bare = (term.strip(_AROUND) for word in _BETWEEN.split(fold(words)) for term in _parts(word))
    owned = (term.removesuffix("'s").removesuffix("’s") for term in bare)
    kept = [term for term in owned if is_term(term) and term not in _QUESTION_WORDS]
    return list(dict.fromkeys(kept))[:_MOST_TERMS]


def _parts(word: str) -> Sequence[str]:
    """The codes of `0600T/0601T`; any other word as it is, be it a URL or a date."""
    parts = word.split("/")
    return parts if all(_LIKE_A_CODE.fullmatch(part.strip(_AROUND)) for part in parts) else [word]


def _kind_of(coverage: CoverageList, term: str) -> str:
    looks_like_code = bool(_LIKE_A_CODE.fullmatch(term))
    if _listed_places(coverage, term):
        return "codes"
    if any(_is_of_family(entry, term) for entry in _families(coverage, looks_like_code)):
        return "codes"
    has_term = finder_of((term,))
    if may_have(coverage.vocabulary, term) and any(
        has_term(listed.words) for listed in coverage.rules
    ):
        return "words"
    return "unlisted" if looks_like_code and not is_year(term) else "unknown"


def _families(coverage: CoverageList, looks_like_code: bool) -> Iterator[Entry]:
    if looks_like_code:
        for place in coverage.open_places:
            entry = coverage.entries[place]
            if entry.code.kind is CodeKind.FAMILY:
                yield entry


def _listed_places(coverage: CoverageList, code: str) -> Iterator[int] | list[int]:
    keys = {Coding(system, code).key for system in coverage.systems}
    return [place for key in keys for place in coverage.by_key.get(key, ())]


def _open_places(coverage: CoverageList, code: str) -> list[int]:
    return [
        place
        for place in coverage.open_places
        if coverage.entries[place].code.kind is CodeKind.ANY
        or _is_of_family(coverage.entries[place], code)
    ]


def _is_of_family(entry: Entry, code: str) -> bool:
    """Whether a code is of a family that a row is about, or is how that family is written."""
    listed, family = entry
    if fold(family.code) == code:
        return True
    code_set = listed.rule.code_set
    if family.kind is not CodeKind.FAMILY or code_set is None:
        return False
    keys = (Coding(system, code).key for system in code_set.covered)
    return any(family.holds(key) and code_set.holds(key) for key in keys)


def _places(coverage: CoverageList, question: Question, terms: Terms) -> Sequence[int]:
    if terms.unknown:
        return ()
    has_words = finder_of(terms.words)
    if terms.asked_codes:
        about = {place for code in terms.asked_codes for place in places_about(coverage, code)}
        day, selection = question.day, question.selection
        return [
            place
            for place in sorted(about)
            if coverage.is_selected(place, day, selection)
            and has_words(coverage.entries[place].listed.words)
        ]
    selected = coverage.as_of(question.day, question.selection).places
    if not terms.words:
        return selected
    fitting = {listed for listed in coverage.rules if has_words(listed.words)}
    return [place for place in selected if coverage.entries[place].listed in fitting]
