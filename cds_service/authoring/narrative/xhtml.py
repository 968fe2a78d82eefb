"""The markup of narratives: blocks of XHTML, of the few tags R4 allows, with every text escaped."""

import re
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, tostring

Part = str | Element

_NAMESPACE = "http://www.w3.org/1999/xhtml"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_BULLETS = 100  # a narrative is read, not searched
_PARAGRAPHS = re.compile(r"\n\s*\n")


def division(blocks: Iterable[Element]) -> str:
    """The `div` of a narrative, with these blocks inside."""
    return tostring(_element("div", *blocks, xmlns=_NAMESPACE), encoding="unicode")


def heading(words: str) -> Element:
    """A paragraph in bold."""
    return paragraph(bold(words))


def paragraph(*parts: Part) -> Element:
    """A paragraph of texts and elements."""
    return _element("p", *parts)


def paragraphs(words: str) -> list[Element]:
    """A text that may have blank lines, a paragraph for each part; none for an empty text."""
    return [paragraph(part) for part in _PARAGRAPHS.split(words) if part.strip()]


def bold(words: str) -> Element:
    """Words in bold."""
    return _element("b", words)


def bullets(items: Iterable[Part | Sequence[Part]]) -> list[Element]:
    """A list with a bullet for each text, element or sequence of them; no list if there is none.

    Of very many only the first are shown, and how many more there are.
    """
    lines = [_bullet(parts) for parts in items]
    if not lines:
        return []
    shown, more = lines[:_MOST_BULLETS], len(lines) - _MOST_BULLETS
    if more > 0:
        shown.append(_bullet(f"and {more} more"))
    return [_element("ul", *shown)]


def labelled(label: str, words: str) -> list[Element]:
    """A paragraph such as `Purpose: …`; none for an empty text."""
    return [paragraph(bold(f"{label}:"), f" {words}")] if words else []


def _bullet(parts: Part | Sequence[Part]) -> Element:
    return _element("li", *([parts] if isinstance(parts, str | Element) else parts))


def _element(tag: str, *parts: Part, **attributes: str) -> Element:
    element = Element(tag, attributes)
    for part in parts:
        if isinstance(part, Element):
            element.append(part)
        else:
            _add_text(element, _NO_XML.sub(" ", part))
    return element


def _add_text(element: Element, words: str) -> None:
    """ElementTree keeps a text that follows a child as that child's tail."""
    if len(element):
        element[-1].tail = f"{element[-1].tail or ''}{words}"
    else:
        element.text = f"{element.text or ''}{words}"
