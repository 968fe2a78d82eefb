"""CDS Hooks, CDS Service Response: the answer, its cards, and their sources, codings and links."""

from urllib.parse import urlsplit

import pytest
from every_hook import HOOK_NAMES, NOT_IN_A_POLICY, VERSIONS, JsonObject, asked_about, call
from proposal_library import EVERY_KIND
from wire import (
    DOCUMENT,
    LONG_TITLE,
    Wire,
    every_card,
    every_exchange,
    every_suggestion,
    hooks_called,
    open_wire,
)

INDICATORS = {"info", "warning", "critical"}
# The members of a card, and those that it cannot be without.
CARD = set(
    "uuid summary detail indicator source suggestions selectionBehavior "
    "overrideReasons links extension".split()
)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


def cards() -> list[JsonObject]:
    """Cards of every hook, of each kind that the service makes."""
    found = every_card()
    assert hooks_called() == {exchange.hook for exchange in every_exchange() if exchange.cards}
    kinds = {("suggestions" in card, "links" in card) for card in found}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}
    return found


def links() -> list[JsonObject]:
    """The links of all cards, to pages and to apps."""
    found = [link for card in cards() for link in card.get("links", ())]
    assert len(found) > 100
    return found


def codings(purpose: str) -> list[JsonObject]:
    """The codings of all cards for one purpose: their topics, or the reasons to override them."""
    if purpose == "topic":
        return [card["source"]["topic"] for card in cards()]
    return [reason for card in cards() for reason in card["overrideReasons"]]


def is_text(value: object) -> bool:
    """Whether a value is a string that tells something."""
    return isinstance(value, str) and bool(value.strip())


@pytest.mark.cds_hooks("response-1")
def test_an_answer_is_an_object_with_the_array_of_cards(wire: Wire) -> None:
    """With status 200, in JSON; beside the cards there may be system actions and nothing else."""
    response = wire.send(call("order-sign"))

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert hooks_called() == set(HOOK_NAMES)
    for exchange in every_exchange():
        assert isinstance(exchange.body["cards"], list)
        assert set(exchange.body) <= {"cards", "systemActions"}


@pytest.mark.cds_hooks("response-1")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_nothing_to_show_is_an_answer_with_no_cards(wire: Wire, hook: str, version: str) -> None:
    """The array is there and empty."""
    about = asked_about(hook, NOT_IN_A_POLICY)

    assert wire.answer(call(hook, about, version=version))["cards"] == []


@pytest.mark.cds_hooks("card-1")
def test_every_card_has_a_summary_that_is_short_enough() -> None:
    """Fewer than 140 characters, also where a rule's or a proposal's title has just so many."""
    summaries = [card["summary"] for card in cards()]
    rules = [summary for summary in summaries if summary.startswith(LONG_TITLE[:50])]
    proposals = [summary for summary in summaries if f", or {LONG_TITLE[:50]}" in summary]

    assert len(LONG_TITLE) == 140
    assert rules
    assert proposals
    assert all(is_text(summary) and len(summary) < 140 for summary in summaries)
    assert [summary for summary in summaries if "\n" in summary] == []


@pytest.mark.cds_hooks("card-3")
def test_every_card_has_an_indicator() -> None:
    """One of three words; of these both that we use occur."""
    used = {card["indicator"] for card in cards()}

    assert used <= INDICATORS
    assert used == {"info", "warning"}


@pytest.mark.cds_hooks("card-4")
def test_every_card_has_a_source() -> None:
    """An object, of members that a source has."""
    sources = [card["source"] for card in cards()]

    assert [source for source in sources if not isinstance(source, dict)] == []
    assert {name for source in sources for name in source} <= {"label", "url", "icon", "topic"}


@pytest.mark.cds_hooks("source-1")
def test_every_source_has_a_label() -> None:
    """The payers' names, and no other text."""
    labels = {card["source"]["label"] for card in cards()}

    assert labels == {"iCare", "Anthem", "Acme"}


@pytest.mark.cds_hooks("card-5")
def test_a_card_with_suggestions_tells_how_many_may_be_taken() -> None:
    """In one of the two words, both of which occur; no other card tells it."""
    behaviors = [card["selectionBehavior"] for card in cards() if "suggestions" in card]

    assert set(behaviors) == {"at-most-one", "any"}
    assert [
        card for card in cards() if "selectionBehavior" in card and not card.get("suggestions")
    ] == []


@pytest.mark.cds_hooks("card-3", "card-4", "card-5")
def test_a_card_is_described_by_the_members_there_are() -> None:
    """By no other names than those that CDS Hooks has."""
    assert {name for card in cards() for name in card} == CARD


@pytest.mark.cds_hooks("coding-1")
@pytest.mark.parametrize("purpose", ["topic", "override reason"])
def test_every_coding_has_a_code(purpose: str) -> None:
    """A string without blanks around it."""
    codes = [coding["code"] for coding in codings(purpose)]

    assert all(is_text(code) and code == code.strip() for code in codes)


@pytest.mark.cds_hooks("coding-2")
@pytest.mark.parametrize("purpose", ["topic", "override reason"])
def test_every_coding_has_a_system(purpose: str) -> None:
    """The address of a code system."""
    systems = {coding["system"] for coding in codings(purpose)}

    assert {urlsplit(system).scheme for system in systems} <= {"http", "https"}
    assert systems


@pytest.mark.cds_hooks("coding-3")
def test_every_override_reason_can_be_read() -> None:
    """Each has a display of its own: a clinician picks by it."""
    reasons = {
        (reason["system"], reason["code"]): reason["display"]
        for reason in codings("override reason")
    }

    assert all(map(is_text, reasons.values()))
    assert len(set(reasons.values())) == len(reasons) > 1


@pytest.mark.cds_hooks("link-1")
def test_every_link_has_a_label() -> None:
    """Words, and not the address once more."""
    assert all(is_text(link["label"]) and link["label"] != link["url"] for link in links())


@pytest.mark.cds_hooks("link-2")
def test_every_link_has_a_url() -> None:
    """That of a page of the service, of a payer's document or of an app."""
    hosts = {urlsplit(link["url"]).hostname for link in links()}

    assert hosts == {"crd.example.invalid", "acme.example.invalid", "apps.example.invalid"}
    assert DOCUMENT in {link["url"] for link in links()}


@pytest.mark.cds_hooks("link-3")
def test_every_link_has_a_type() -> None:
    """Both occur; an absolute link is an absolute address."""
    kinds = {link["type"] for link in links()}
    documents = {link["type"] for link in links() if link["url"] == DOCUMENT}
    absolute = [urlsplit(link["url"]) for link in links() if link["type"] == "absolute"]

    assert kinds == {"absolute", "smart"}
    assert documents == {"absolute"}
    assert all(parts.scheme in ("http", "https") and parts.netloc for parts in absolute)
    assert {urlsplit(link["url"]).hostname for link in links() if link["type"] == "smart"} == {
        "apps.example.invalid"
    }


@pytest.mark.cds_hooks("link-4")
def test_only_an_app_gets_a_context() -> None:
    """And it does get the one that its policy has for it."""
    contexts = {(link["type"], link.get("appContext")) for link in links()}

    assert contexts == {("absolute", None), ("smart", "tool-1")}


@pytest.mark.cds_hooks("link-1", "link-2", "link-3")
def test_a_link_is_described_by_the_members_there_are() -> None:
    """By no other names than those that CDS Hooks has."""
    assert {name for link in links() for name in link} == {"label", "url", "type", "appContext"}


@pytest.mark.cds_hooks("suggestion-1")
def test_every_suggestion_has_a_label() -> None:
    """The title of what is proposed: it is what a clinician reads on the button."""
    suggestions = every_suggestion()
    titles = {proposal["title"] for proposal in (*EVERY_KIND.values(), {"title": LONG_TITLE})}

    assert len(suggestions) > 20
    assert {suggestion["label"] for suggestion in suggestions} == titles


@pytest.mark.cds_hooks("suggestion-2")
def test_at_most_one_is_recommended_of_which_one_may_be_taken() -> None:
    """On the cards of a policy that recommends one of two proposals, it is that one."""
    shared = [card for card in every_card() if len(card.get("suggestions", ())) > 1]
    recommended = [
        [suggestion["label"] for suggestion in card["suggestions"] if "isRecommended" in suggestion]
        for card in shared
    ]

    assert {card["selectionBehavior"] for card in shared} == {"at-most-one"}
    assert recommended == [["Do update"]] * len(shared)


@pytest.mark.cds_hooks("suggestion-1", "suggestion-3")
def test_a_suggestion_is_described_by_the_members_there_are() -> None:
    """Not by how its actions are chosen, which no client is known to support."""
    suggestions = every_suggestion()

    assert len(suggestions) > 20
    assert {name for suggestion in suggestions for name in suggestion} == {
        "label",
        "uuid",
        "isRecommended",
        "actions",
    }
