"""GitHub-flavoured Markdown as GitHub's own parser reads it: blocks, their words, their marks.

Everything that the parser can take for more than words is switched on: raw HTML, tables, task
lists, strikethrough, autolinks, footnotes.
"""

from dataclasses import dataclass
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

_EVERYTHING = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
_BLOCKS = ("p", "li")


@dataclass(slots=True)
class Block:
    """A paragraph or an item of a list: its words, and those of them that are strong."""

    kind: str
    words: str = ""
    strong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a reader sees of a text: its blocks, where links lead, and all tags that it uses."""

    blocks: tuple[Block, ...]
    links: tuple[str, ...]
    tags: frozenset[str]

    @property
    def paragraphs(self) -> list[str]:
        """The words of the paragraphs."""
        return [block.words for block in self.blocks if block.kind == "p"]

    @property
    def items(self) -> list[str]:
        """The words of the items of the lists."""
        return [block.words for block in self.blocks if block.kind == "li"]

    @property
    def headline(self) -> str:
        """The words of the first paragraph if all of them are strong."""
        first = self.blocks[0]
        return first.words if first.kind == "p" and first.strong == first.words else ""


class _Reader(HTMLParser):
    """Reads the parser's HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._strong = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._strong += tag == "strong"
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag in _BLOCKS:
            self.blocks.append(Block(tag))

    def handle_endtag(self, tag: str) -> None:
        self._strong -= tag == "strong"

    def handle_comment(self, data: str) -> None:
        self.tags.add(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.tags.add(f"<!{decl}")

    def unknown_decl(self, data: str) -> None:
        self.tags.add(f"<![{data}")

    def handle_pi(self, data: str) -> None:
        self.tags.add(f"<?{data}")

    def handle_data(self, data: str) -> None:
        if data == "\n" or not self.blocks:
            return
        self.blocks[-1].words += data
        if self._strong:
            self.blocks[-1].strong += data


def show(markdown: str) -> Shown:
    """What a reader sees of a text."""
    html = cmarkgfm.github_flavored_markdown_to_html(markdown, options=_EVERYTHING)
    reader = _Reader()
    reader.feed(html)
    reader.close()
    blocks = tuple(
        Block(block.kind, block.words.strip(), block.strong.strip()) for block in reader.blocks
    )
    return Shown(blocks=blocks, links=tuple(reader.links), tags=frozenset(reader.tags))
