"""What the coverage list answers to a question, in a line or two before its rows.

`covered` is written only where a rule determines it for every order of the code; where rules have
conditions, the line tells that it depends. A code that no rule is about is never called covered.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from cds_service.crd.codes import Covered
from cds_service.crd.decision.combination import strictness
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.meanings import brief
from cds_service.crd.request.membership import Payer
from cds_service.crd.response.card_text import document_verdict
from cds_service.fhir.coding import Coding
from cds_service.pages.coverage.codes import CodeKind, kind_of_order
from cds_service.pages.coverage.conditions import holds_for_code
from cds_service.pages.coverage.listing import CoverageList, Entry
from cds_service.pages.coverage.members import is_about_plan
from cds_service.pages.coverage.question import Question
from cds_service.pages.coverage.rows import ListedRule
from cds_service.pages.coverage.search import Found, Terms, is_year, places_about
from cds_service.pages.coverage.words import has_words, searchable

_MOST_CODES = 5
_MOST_PAYERS = 8
_MOST_OTHERS = 3  # versions of policies named for other days
_DEPENDS = "depends on further information"


class Sentence(NamedTuple):
    """An answer: its `lead`, which is the answer itself, and what stands behind it."""

    lead: str
    rest: str


def answer_question(coverage: CoverageList, found: Found) -> tuple[Sentence, ...]:
    """The answer for each code that the question names, by payer; none where it names none."""
    return tuple(_sentences(coverage, found.question, found.terms))


def _sentences(coverage: CoverageList, question: Question, terms: Terms) -> Iterator[Sentence]:
    if question.words and terms == Terms():
        yield Sentence(
            "The question names no code, payer, plan or policy", ": so it narrows nothing."
        )
    for word in terms.unknown:
        yield _unknown(word)
    if not terms.unknown:
        for code in terms.asked_codes[:_MOST_CODES]:
            yield from _about(coverage, question, terms, code)


def _unknown(word: str) -> Sentence:
    if is_year(word):
        return Sentence(f"Which day of {word}?", f" Name one, such as {word}-07-01.")
    return Sentence(
        f"Nothing in this library is called “{word}”",
        ": it is no payer, plan, policy or code here, so no row fits.",
    )


def _about(
    coverage: CoverageList, question: Question, terms: Terms, code: str
) -> Iterator[Sentence]:
    """The answers about one code: for each payer, or that no policy addresses it."""
    unanswered = question.selection._replace(answer="")
    by_payer: dict[str, list[Entry]] = defaultdict(list)
    for place in places_about(coverage, code):
        if coverage.is_selected(place, question.day, unanswered):
            entry = coverage.entries[place]
            by_payer[entry.listed.payer.id].append(entry)
    answered = (_asked_about(entries, terms.words, question) for entries in by_payer.values())
    found = [entries for entries in answered if entries]
    if not found:
        yield _unaddressed(coverage, question, terms, code)
    for entries in found[:_MOST_PAYERS]:
        yield from _of_payer(entries, question, code)
    if len(found) > _MOST_PAYERS:
        more = len(found) - _MOST_PAYERS
        yield Sentence(f"{more} more payers have rules about {code.upper()}", ": see the rows.")


def _asked_about(
    entries: Sequence[Entry], words: Sequence[str], question: Question
) -> Sequence[Entry]:
    """Those of a payer's entries about a code that have the words that were asked with it.

    Where one of them is `covered`, also all others that can be about the same members: a word, such
    as one of a rule's title, never hides a stricter rule behind it.
    """
    fitting = [entry for entry in entries if has_words(entry.listed.words, words)]
    known = [listed.on(question.day) for listed, _ in fitting]
    members = [
        listed.members
        for (listed, _), determination in zip(fitting, known, strict=True)
        if determination and determination.covered is Covered.COVERED
    ]
    chosen = set(fitting)
    return [
        entry
        for entry in entries
        if entry in chosen or any(map(entry.listed.members.overlap, members))
    ]


def _of_payer(entries: Sequence[Entry], question: Question, code: str) -> Iterator[Sentence]:
    if _is_plain(entries, code):
        yield from (_plain(entry, question, code) for entry in entries)
        return
    known = [listed.on(question.day) or listed.rule.determination for listed, _ in entries]
    strictest_first = sorted(known, key=strictness, reverse=True)
    answers = "; or ".join(dict.fromkeys(map(_in_short, strictest_first)))
    several = len(entries) > 1
    rules = f"{len(entries)} rules have" if several else "1 rule has"
    verb = "determine" if several else "determines"
    whose, written = entries[0].listed.payer.brand, _written(entries, code)
    yield Sentence(
        f"{whose}: whether {written} is covered depends on the member and the order",
        f": {rules} conditions, and {verb}: {answers}.",
    )


def _is_plain(entries: Sequence[Entry], code: str) -> bool:
    """Whether each rule holds for every order of the code, and no two of them for one member."""
    if not all(holds_always(entry, code) for entry in entries):
        return False
    members = [listed.members for listed, _ in entries]
    return not any(ones.overlap(others) for ones, others in combinations(members, 2))


def holds_always(entry: Entry, code: str) -> bool:
    """Whether a rule holds for every order of a code, of every member that it is for."""
    coding = None
    if entry.code.kind is not CodeKind.ANY:
        coding = Coding(entry.code.system, entry.code.code if entry.code.key else code.upper())
    listed = entry.listed
    return all(
        listed.members.is_certain if is_about_plan(condition) else holds_for_code(condition, coding)
        for condition in listed.rule.conditions
    )


def _plain(entry: Entry, question: Question, code: str) -> Sentence:
    """One rule's determination, since when, what the document calls it, and which policy it is."""
    listed = entry.listed
    determination = listed.on(question.day) or listed.rule.determination
    written, cited = _written([entry], code), listed.rule.citation
    reasons = (reason.text for reason in determination.reasons)
    why = document_verdict(determination) or " ".join(reasons)
    policy = f"Policy {cited.number}, {cited.policy_title}."
    lead = f"{_whose(listed)}: {_headline(determination, written)} ({_since(listed)})"
    sentences = [f"{why.rstrip('.')}." if why else "", policy]
    if listed.policy.lines:
        sentences.append(f"For a member whose plan is not known it {_DEPENDS}.")
    if determination.covered is Covered.COVERED:
        kind = kind_of_order(listed.rule.order_type)
        sentences.append(f"That is for an order of the kind “{kind}”, and for no other.")
    return Sentence(lead, f": {' '.join(filter(None, sentences))}")


def _whose(listed: ListedRule) -> str:
    if listed.policy.lines:
        return listed.rule.citation.audience
    members = listed.members
    return listed.payer.brand if members.everyone else f"{listed.payer.brand}, {members.in_words}"


def _headline(determination: Determination, written: str) -> str:
    if determination.covered in (Covered.COVERED, Covered.NOT_COVERED):
        return f"{written} is {brief(determination)}"
    return f"whether {written} is covered: {_in_short(determination)}"


def _in_short(determination: Determination) -> str:
    """A determination in one line, a refusal with what the document calls it."""
    verdict, line = document_verdict(determination), brief(determination)
    return f"{line} ({verdict})" if verdict else line.replace("not decided yet", _DEPENDS, 1)


def _written(entries: Sequence[Entry], code: str) -> str:
    """The code as the policy writes it."""
    return next((entry.code.code for entry in entries if entry.code.key), code.upper())


def _since(listed: ListedRule) -> str:
    start, end = listed.policy.start, listed.policy.end
    return f"since {start}" if end.year == end.max.year else f"from {start} until {end}"


def _unaddressed(coverage: CoverageList, question: Question, terms: Terms, code: str) -> Sentence:
    others = _on_other_days(coverage, question, terms, code)
    whom = _for_whom(coverage, question, terms)
    return Sentence(
        f"No policy in this library addresses {code.upper()}{whom} on {question.day}",
        f": whether it is covered cannot be told from this list.{others}",
    )


def _on_other_days(coverage: CoverageList, question: Question, terms: Terms, code: str) -> str:
    """The versions of policies that address a code on other days, for the same plans."""
    selection = question.selection._replace(answer="")
    found: dict[str, None] = {}
    for place in places_about(coverage, code):
        entry = coverage.entries[place]
        start = entry.listed.policy.start
        if has_words(entry.listed.words, terms.words) and coverage.is_selected(
            place, start, selection
        ):
            cited = entry.listed.rule.citation
            since = _since(entry.listed).replace("since", "from")
            found[f" {cited.audience} policy {cited.number} addresses it {since}."] = None
    return "".join(list(found)[:_MOST_OTHERS])


def _for_whom(coverage: CoverageList, question: Question, terms: Terms) -> str:
    """` for` the plan or payer that was asked about, as far as the question names one."""
    selection = question.selection
    named = [plan.name for plan in coverage.plans if plan.id == selection.plan]
    if not named:
        named = [payer.brand for payer in coverage.payers if payer.id == selection.payer]
    if not named and terms.words:
        named = [payer.brand for payer in coverage.payers if _is_named(payer, terms.words)]
    if not named and terms.words:
        return f" together with “{' '.join(terms.words)}”"
    return f" for {' or '.join(named[:_MOST_OTHERS])}" if named else ""


def _is_named(payer: Payer, words: Sequence[str]) -> bool:
    return has_words(searchable([payer.brand, *(plan.name for plan in payer.plans)]), words)
