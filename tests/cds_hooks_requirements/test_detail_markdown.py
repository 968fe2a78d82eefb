"""CDS Hooks, Card Attributes: `detail` is GitHub-flavoured Markdown that shows what is meant.

GitHub's own parser reads it, with raw HTML and everything else on. Names of orders are whatever an
EHR sends, words of policies whatever a payer writes; neither may become markup.
"""

from pathlib import Path

import pytest
from every_hook import LISTED, NOT_IN_A_POLICY, JsonObject, ask, asked_about, call
from gfm import Shown, show
from hook_requests import coverage, patient
from hypothesis import given, settings
from hypothesis import strategies as st
from proposal_library import DEFINITIONS, addition, proposing
from small_library import instruction, organization, part, policy, reason, rule, small_index
from wire import Wire, every_card, open_wire

OURS = {"p", "strong", "ul", "li"}
# A name or a sentence each; all can be seen, so all must be shown, and nothing else.
NASTY = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)"> & <br/>',
    "<!-- hidden --> <?php ?> <![CDATA[x]]>",
    "**strong** __strong__ *weak* _weak_ ***both***",
    "~~struck~~ ~struck~ `code` ``code``",
    "[a link](https://bad.example.invalid)",
    "![an image](https://bad.example.invalid/x.png)",
    "[a link][1] [1]: https://bad.example.invalid [^1] [^1]: note",
    "https://bad.example.invalid http://x.invalid ftp://x.invalid",
    "www.bad.example.invalid wwww.x.org www.www.x.org",
    "HTTPS://BAD.EXAMPLE.INVALID WWW.BAD.EXAMPLE.INVALID",
    "mail@bad.example.invalid mailto:mail@x.org",
    "xmpp:mail@x.org/there <mail@x.org>",
    r"a@@b.org @a.org a@ `@` \@ a_b+c@d-e.org",
    "| a | b | |---|---| | 1 | 2 |",
    "- [ ] undone",
    "- [x] done",
    "# Heading",
    "####### seven",
    "> quoted",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "1) item",
    "12.5 mg of it",
    "-5 to +5 degrees",
    "=",
    "===",
    "---",
    "***",
    "```",
    "~~~",
    "    indented",
    "&lt;b&gt; &amp; &#35; &copy; &unheardof; &",
    r"\ \* \\ \<b>",
    "a backslash at the end \\",
    "5 < 6 > 4, 5<x, x>5",
    "“quoted” 'once' \"twice\" … (links) – 100 % $x^2$ :smile: #1 @you",
)
FRAGMENTS = (
    *r"www. WWW. http:// https:// ftp:// mailto: xmpp: @ .org x.y a b é / : \ ` `` * **".split(),
    *"~~ ~ _ | < <b> <!-- --> & &amp; &#64; [ ] ( ) [x](y) ![ # - + 1. 1) = $ ^ [^1] ! ;".split(),
    *"\"'",
    " ",
)
names = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=8).map("".join).filter(str.strip)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


def in_one_line(words: str) -> str:
    """Words with single blanks between them, as HTML shows them anyway."""
    return " ".join(words.split())


def shown(response: JsonObject) -> list[Shown]:
    """What the details of an answer's cards show."""
    return [show(card["detail"]) for card in response["cards"]]


def about(wire: Wire, code: str, name: str) -> list[Shown]:
    """What the cards show that are about an order of this name."""
    return shown(wire.answer(call("order-sign", asked_about("order-sign", code, name))))


@pytest.mark.cds_hooks("card-2")
def test_details_show_paragraphs_a_headline_and_lists() -> None:
    """Of every card there is: no other markup, no link, and no mark left over among the words."""
    details = [show(card["detail"]) for card in every_card()]
    words = " ".join(block.words for detail in details for block in detail.blocks)

    assert {tag for detail in details for tag in detail.tags} == OURS
    assert [link for detail in details for link in detail.links] == []
    assert [mark for mark in ("\\", "**", "`", "&lt;", "&amp;", "\n- ") if mark in words] == []


@pytest.mark.cds_hooks("card-2")
def test_the_headline_is_strong_and_the_list_is_a_list() -> None:
    """On a card about a policy: whose and which it is, then what can be done, as items."""
    policies = [card for card in every_card() if card["source"]["topic"]["code"] == "guideline"]
    details = [show(card["detail"]) for card in policies]
    # A card for a call without a Coverage begins with a note on that.
    heads = [
        detail.headline for detail in details if not detail.blocks[0].words.startswith("No cov")
    ]

    assert len(heads) > 100
    assert all(" policy " in head and head.endswith(".") for head in heads)
    for card, detail in zip(policies, details, strict=True):
        assert len(detail.items) == card["detail"].count("\n- ")
    assert sum(bool(detail.items) for detail in details) > 100


@pytest.mark.cds_hooks("card-2")
@pytest.mark.parametrize("name", NASTY)
def test_an_orders_name_is_shown_letter_for_letter(wire: Wire, name: str) -> None:
    """Its last paragraph names the order, and nothing else differs from any other order's card."""
    (nasty,), (plain,) = about(wire, LISTED, name), about(wire, LISTED, "a plain name")
    order = f"This is about the order “{in_one_line(name)}”, billed as {LISTED}."

    assert nasty.paragraphs[-1] == order
    assert nasty.blocks[:-1] == plain.blocks[:-1]
    assert nasty.tags <= OURS | ({"code"} if "@" in name else set())
    assert nasty.links == ()


@pytest.mark.cds_hooks("card-2")
@pytest.mark.parametrize("name", NASTY)
def test_an_orders_words_that_only_hint_are_shown_letter_for_letter(wire: Wire, name: str) -> None:
    """On a card for an order whose words, not its code, are a subject of a policy."""
    called = f"{name} NanoKnife"
    (hint,) = about(wire, NOT_IN_A_POLICY, called)

    assert hint.paragraphs[-1] == f"This is about the order “{in_one_line(called)}”."
    assert "“nanoknife”" in hint.paragraphs[0].lower()
    assert hint.links == ()


@pytest.mark.cds_hooks("card-2")
@settings(max_examples=300, deadline=None)
@given(name=names)
def test_no_name_of_an_order_becomes_markup(wire: Wire, name: str) -> None:
    """Whatever marks it is made of."""
    (detail,) = about(wire, LISTED, name)

    assert detail.paragraphs[-1].startswith(f"This is about the order “{in_one_line(name)}”")
    assert detail.tags <= OURS | {"code"}
    assert detail.links == ()


def answer(directory: Path, name: str) -> list[Shown]:
    """What the cards show of policies whose every word is this, and which demand something."""
    written = policy(
        rule("rule-1", title="T", determination=determination(name)), title=name, name="acme-1"
    )
    offered = proposing(addition(title=name, description=name), codes=["0002T"])
    offering = {**offered, "id": "acme-2", "url": f"{offered['url']}-2"}
    index = small_index(
        directory, organization("acme", name=f"Acme {name}"), *DEFINITIONS, written, offering
    )
    member = (patient(), coverage("acme", None))
    orders = [asked_about("order-sign", code, "An order", id=code) for code in ("0001T", "0002T")]
    covered = ask(call("order-sign", *orders, member=member), index=index)
    # Without a Coverage cards tell clients of CRD 2.0 what holds for the members of each payer.
    uncovered = ask(call("order-sign", *orders, version="2.0", member=(patient(),)), index=index)
    return [*shown(covered), *shown(uncovered)]


def determination(words: str) -> list[JsonObject]:
    """A refusal with its reason and an instruction in these words."""
    return [part("covered", "not-covered"), reason(words), instruction(words)]


@pytest.mark.cds_hooks("card-2")
@pytest.mark.parametrize("name", NASTY)
def test_a_policys_words_are_shown_letter_for_letter(tmp_path: Path, name: str) -> None:
    """Title in the strong headline, reason a paragraph, instruction and proposal an item each."""
    details = answer(tmp_path, name)
    words = in_one_line(name)
    (refused, *_) = [detail for detail in details if "not covered" in detail.headline]
    (advice, *_) = [detail for detail in details if detail.paragraphs[0].startswith("No coverage")]

    assert refused.headline == f"Acme {words} policy acme-1, {words}: not covered."
    assert refused.paragraphs[1] == words
    assert f"What follows holds for members of Acme {words}." in " ".join(advice.paragraphs)
    assert refused.items == [words]
    assert f"{words}: {words}" in [item for detail in details for item in detail.items]
    code = {"code"} if "@" in name else set()
    assert {tag for detail in details for tag in detail.tags} <= OURS | {"a"} | code
    assert [link for detail in details for link in detail.links if not is_spelt(link, name)] == []


def is_spelt(link: str, words: str) -> bool:
    """Whether a link leads where the words of a payer do, who may write an address as it stands."""
    return any(link.removeprefix(added) in words for added in ("", "http://", "mailto:"))
