"""Texts that say phrases or do not, for the tests of both ways to look for them."""

import re

from hypothesis import strategies as st

PHRASES = (
    "pulsed field ablation",
    "pulsed electric field ablation",
    "pulsed-field",
    "PFA",
    "irreversible electroporation",
    "IRE",
)

some_words = st.lists(
    st.sampled_from(
        [
            *"pulsed field ablation PFA IRE irreversible electroporation".split(),
            *"not no or possible of the".split(),
            ".",
            "-",
        ]
    ),
    max_size=12,
).map(" ".join)


def plain(text: str) -> list[str]:
    """The words of a text."""
    return re.findall(r"[^\W_]+", text.casefold())


def holds(text: str, phrase: str) -> bool:
    """Whether the words of the phrase stand in the text one after the other."""
    words, wanted = plain(text), plain(phrase)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


def respell(text: str, data: st.DataObject) -> str:
    """The same words in another case and with other blanks and hyphens between them."""
    words = text.split(" ")
    between = [
        data.draw(st.sampled_from([" ", "  ", "-", " - ", "\t", "\u00a0"])) for _ in words[1:]
    ]
    cased = [
        data.draw(st.sampled_from([word, word.upper(), word.lower(), word.title()]))
        for word in words
    ]
    return "".join(part for pair in zip(cased, [*between, ""], strict=True) for part in pair)
