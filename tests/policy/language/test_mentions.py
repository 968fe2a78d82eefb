"""Mentions, for hints: what a text says in so many words, and neither denies nor leaves open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import PHRASES, holds, respell, some_words

from cds_service.policy.language.mentions import find_mentions, read_phrases

SAID: list[tuple[str, list[str]]] = [
    ("Pulsed field ablation of the pulmonary veins", ["pulsed field ablation", "pulsed-field"]),
    ("PULSED FIELD ABLATION", ["pulsed field ablation", "pulsed-field"]),
    ("pulsed-field-ablation", ["pulsed field ablation", "pulsed-field"]),
    ("pulsed  field\u00a0ablation", ["pulsed field ablation", "pulsed-field"]),
    ("pulsed\u2011field ablation", ["pulsed field ablation", "pulsed-field"]),
    ("ablation (PFA)", ["PFA"]),
    ("PFA/IRE", ["PFA", "IRE"]),
    ("pfa or ire", ["PFA", "IRE"]),
    ("No contrast. PFA of the veins", ["PFA"]),
    ("not cryoablation, but PFA", ["PFA"]),
    ("Cryoablation was refused; PFA instead", ["PFA"]),
    ("irreversible electroporation (IRE)", ["irreversible electroporation", "IRE"]),
    ("PFA planned", ["PFA"]),
    ("redo PFA", ["PFA"]),
    ("PFA after failed cryoablation", ["PFA"]),
    ("Which veins? PFA of all four", ["PFA"]),
]
NOT_SAID = [
    "",
    " ",
    "Cardiac ablation",
    "PFAS exposure",
    "fire",
    "IREland",
    "pulsed dye laser, field ablation",
    "pulsed. Field ablation",
    "reversible electroporation",
    "not PFA",
    "No pulsed field ablation",
    "cryoablation rather than PFA",
    "without PFA",
    "PFA was declined",
    "PFA not planned",
    "PFA contraindicated",
    "PFA was ruled out and is not wanted",
    "PFA versus cryoablation",
    "PFA or cryoablation",
    "cryoablation or PFA",
    "possible PFA",
    "consider irreversible electroporation",
    "candidate for PFA",
    "neither PFA nor IRE",
    "non-PFA ablation",
    "if PFA is unavailable",
    "status post PFA",
    "s/p PFA",
    "S/P PFA",
    "History of PFA ablation in 2023",
    "hx of PFA",
    "h/o pulsed field ablation",
    "prior PFA",
    "previously had PFA",
    "Cryoablation after failed PFA",
    "rule out PFA",
    "r/o PFA",
    "question of PFA",
    "PFA?",
    "PFA vs cryoablation",
    "PFA three years ago",
    "PFA-100 platelet function assay",
    "PFA\u2013100",
]


@pytest.mark.parametrize(("words", "expected"), SAID)
def test_what_is_said_is_found_in_the_order_asked_for(words: str, expected: list[str]) -> None:
    """Case, blanks and hyphens do not matter; the phrase comes back as it was given."""
    assert find_mentions([words], read_phrases(PHRASES)) == expected


@pytest.mark.parametrize("words", NOT_SAID)
def test_what_is_denied_left_open_or_part_of_another_word_is_not_said(words: str) -> None:
    """An order that does not settle what is ordered must not be read as settled."""
    assert find_mentions([words], read_phrases(PHRASES)) == []


any_text = st.one_of(some_words, st.text(max_size=40))


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(any_text, max_size=3),
    phrases=st.lists(st.one_of(st.sampled_from(PHRASES), any_text), max_size=4),
)
def test_a_phrase_that_is_absent_is_never_said(texts: list[str], phrases: list[str]) -> None:
    """What is found stands word for word in one of the texts, and was asked for."""
    for phrase in find_mentions(texts, read_phrases(phrases)):
        assert phrase in phrases
        assert any(holds(text, phrase) for text in texts)


@pytest.mark.parametrize("phrase", ["", "-", "()", "\u00a0"])
def test_a_phrase_without_words_is_never_said(phrase: str) -> None:
    """Nothing is not something that could be said."""
    assert find_mentions(["", "anything", "a - b"], read_phrases([phrase])) == []


@settings(max_examples=150, deadline=None)
@given(text=some_words, data=st.data())
def test_case_blanks_and_hyphens_do_not_matter(text: str, data: st.DataObject) -> None:
    """However the same words are written, the same phrases are said."""
    assert find_mentions([respell(text, data)], read_phrases(PHRASES)) == find_mentions(
        [text], read_phrases(PHRASES)
    )


@settings(max_examples=100, deadline=None)
@given(phrase=st.sampled_from(PHRASES), data=st.data())
def test_a_phrase_alone_is_said_however_it_is_spelled(phrase: str, data: st.DataObject) -> None:
    """The phrase itself, in any case and with any blanks, is a mention of it."""
    assert phrase in find_mentions([respell(phrase, data)], read_phrases(PHRASES))


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(some_words, max_size=3))
def test_each_text_speaks_for_itself(texts: list[str]) -> None:
    """A denial in one note does not reach into another, and words of two do not make a phrase."""
    alone = {phrase for text in texts for phrase in find_mentions([text], read_phrases(PHRASES))}

    assert set(find_mentions(texts, read_phrases(PHRASES))) == alone


def test_a_denial_reaches_no_further_than_its_clause() -> None:
    """A full stop, a comma or `but` ends it."""
    for words in (
        "No contrast. PFA",
        "No contrast, PFA",
        "No contrast but PFA",
        "No contrast; PFA",
        "No contrast\nPFA",
    ):
        assert find_mentions([words], read_phrases(PHRASES)) == ["PFA"]


def test_a_very_long_text_is_read_in_time() -> None:
    """Ten thousand words and a phrase at their end; no expression backtracks."""
    assert find_mentions(["veins " * 10_000 + "PFA"], read_phrases(PHRASES)) == ["PFA"]
