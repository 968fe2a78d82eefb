"""An HTML page as a test reads it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "input"})


@dataclass
class Page(HTMLParser):
    """What a page holds.

    Ids, links, tags, elements with their attributes, the text of each element with an id, and the
    tags that are out of balance.
    """

    html: str
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    text: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self.feed(self.html)
        self.close()
        self.unbalanced += [tag for tag, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.elements.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag not in VOID:
            self._open.append((tag, given.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        for element in {element for _, element in self._open} - {""}:
            self.text[element] = self.text.get(element, "") + data

    def attributes(self, tag: str, **wanted: str) -> dict[str, str]:
        """The attributes of the one element with this tag and these attributes."""
        [found] = [
            given
            for name, given in self.elements
            if name == tag and wanted.items() <= given.items()
        ]
        return found
