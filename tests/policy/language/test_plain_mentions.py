"""Plain mentions: what a text says where nothing beside it leaves open what is meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import PHRASES, holds, respell, some_words

from cds_service.policy.language.plain_mentions import (
    PlainPhrases,
    find_plain_mentions,
    read_plain_phrases,
    read_texts,
)

ORDINARY = (
    "ablation",
    "veins",
    "pulmonary veins",
    "redo",
    "planned",
    "svc/px",
    "no contrast",
    "not cryoablation",
    "after failed cryoablation",
    "unlisted service or procedure",
)
PULSED = ["pulsed field ablation", "pulsed-field"]
SAID: list[tuple[str, list[str]]] = [
    ("PFA", ["PFA"]),
    ("Pulsed field ablation of the pulmonary veins", PULSED),
    ("PULSED FIELD ABLATION", PULSED),
    ("pulsed-field-ablation", PULSED),
    ("pulsed  field\u00a0ablation", PULSED),
    ("pulsed\u2011field ablation", PULSED),
    ("Pulsed\nfield\nablation", PULSED),
    ("Pulsed&nbsp;field ablation", PULSED),
    ("\uff30\uff26\uff21", ["PFA"]),
    ("PFA\u00ae ablation", ["PFA"]),
    ("P\u200bFA", ["PFA"]),
    ("ablation (PFA)", ["PFA"]),
    ("\u201cPFA\u201d", ["PFA"]),
    ("SVC/PX: PFA", ["PFA"]),
    ("PFA w/ ablation", ["PFA"]),
    ("PFA/IRE", ["PFA", "IRE"]),
    ("pfa or ire", ["PFA", "IRE"]),
    ("irreversible electroporation (IRE)", ["irreversible electroporation", "IRE"]),
    ("redo PFA, planned", ["PFA"]),
    ("No contrast. PFA of the veins", ["PFA"]),
    ("PFA, not cryoablation", ["PFA"]),
    ("PFA after failed cryoablation", ["PFA"]),
    ("Unlisted service or procedure, PFA", ["PFA"]),
]
LEFT_OPEN = [
    # Denied, history, a question, a choice.
    "not PFA",
    "no\nPFA",
    "w/o PFA",
    "w/out PFA",
    "n\u00adot PFA",
    "isn't PFA",
    "non-PFA ablation",
    "PFA, cancelled",
    "PFA: n/a",
    "Cryoablation instead of PFA",
    "s/p PFA",
    "PFA 2022",
    "PFA done",
    "following PFA",
    "Cryoablation after failed PFA",
    "PFA?",
    "? PFA",
    "PFA\uff1f",
    "PFA\u037e",
    "PFA&#63;",
    "+/- PFA",
    "PFA \u00b1 ablation",
    "PFA if planned",
    "PFA or cryoablation",
    "ablation or PFA",
    "PFA or",
    "or PFA",
    "PFA vs. cryoablation",
    "PFA | ablation",
    "[ ] PFA",
    "PFA (-)",
    "-PFA",
    "<del>PFA</del>",
    "kein PFA",
    # A denial of something else that may reach further.
    "not cryoablation PFA",
    "ablation not cryoablation, PFA",
    # Another thing, or something about it.
    "PFA-100 platelet function assay",
    "PFA\u2013100",
    "Platelet function assay (PFA)",
    "PFA endarterectomy",
    "Consent for PFA",
    "CT before PFA",
    # Several.
    "PFA and cryoablation of the veins",
]
NOT_THERE = [
    "",
    " ",
    "Cardiac ablation",
    "PFAS",
    "fire",
    "IREland",
    "pulsed, field ablation",
    "reversible electroporation",
    "veins",
]


def find_said(texts: list[str], phrases: PlainPhrases) -> list[str]:
    """The phrases that texts say plainly."""
    return find_plain_mentions(read_texts(texts), phrases)


def asked(*phrases: str) -> PlainPhrases:
    """These phrases, with the ordinary words of the tests here."""
    return read_plain_phrases(phrases or PHRASES, ORDINARY)


@pytest.mark.parametrize(("text", "expected"), SAID)
def test_what_is_plainly_said_is_found_in_the_order_asked_for(
    text: str, expected: list[str]
) -> None:
    """Case, blanks, hyphens and the ordinary words beside it do not matter."""
    assert find_said([text], asked()) == expected


@pytest.mark.parametrize("text", [*LEFT_OPEN, *NOT_THERE])
def test_what_a_text_leaves_open_is_not_said(text: str) -> None:
    """Any word or sign that is not known may deny it, tell of the past, or mean another thing."""
    assert find_said([text], asked()) == []


@pytest.mark.parametrize("other", ["Cryoablation", "not PFA", "PFA?", "Holter"])
def test_one_text_that_is_not_plain_leaves_all_open(other: str) -> None:
    """A display that a system fills in does not outvote what a person wrote."""
    assert find_said(["PFA", "Ablation of the veins"], asked()) == ["PFA"]
    assert find_said(["PFA", other], asked()) == []


def test_without_ordinary_words_only_function_words_may_stand_beside() -> None:
    """A policy that lists none gets less said, never more."""
    alone = read_plain_phrases(PHRASES)

    assert find_said(["PFA of the"], alone) == ["PFA"]
    assert find_said(["PFA of the veins"], alone) == []


plain_texts = st.lists(
    st.sampled_from(["PFA", "IRE", "pulsed field ablation", "ablation", "pulmonary veins", "of"]),
    max_size=6,
).map(" ".join)
other_words = st.from_regex(r"[a-z]{2,9}", fullmatch=True).filter(
    lambda word: word not in f"{' '.join(PHRASES)} {' '.join(ORDINARY)}".casefold().split()
)


@settings(max_examples=200, deadline=None)
@given(text=plain_texts, word=other_words, data=st.data())
def test_any_other_word_anywhere_leaves_it_open(text: str, word: str, data: st.DataObject) -> None:
    """Whatever it means: that is not for us to know."""
    function_words = "an at and by for from in of on the this to through under using via with"
    words = text.split(" ")
    place = data.draw(st.integers(0, len(words)))
    if word not in function_words.split():
        assert find_said([" ".join([*words[:place], word, *words[place:]])], asked()) == []


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.one_of(some_words, plain_texts, st.text(max_size=40)), max_size=3))
def test_a_phrase_that_is_absent_is_never_said(texts: list[str]) -> None:
    """What is found stands word for word in one of the texts."""
    for phrase in find_said(texts, asked()):
        assert any(holds(text, phrase) for text in texts)


@settings(max_examples=150, deadline=None)
@given(text=plain_texts, data=st.data())
def test_case_blanks_and_hyphens_do_not_matter(text: str, data: st.DataObject) -> None:
    """However the same words are written, the same phrases are said."""
    assert find_said([respell(text, data)], asked()) == find_said([text], asked())


@pytest.mark.parametrize("phrase", ["", "-", "\u00a0"])
def test_a_phrase_without_words_is_never_said(phrase: str) -> None:
    """Nothing is not something that could be said."""
    assert find_said(["", "veins"], asked(phrase)) == []


@pytest.mark.parametrize("filling", ["veins ", " ", "( ", "\u200b", "- ", "+ ", "ablation/", "."])
def test_a_very_long_text_is_read_in_time(filling: str) -> None:
    """A hundred thousand of anything, and a phrase at their end; no expression backtracks."""
    found = find_said(["(" + filling * 100_000 + "PFA)"], asked())

    assert found == ["PFA"]
