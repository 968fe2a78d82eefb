"""CRD page Response Types: the rules for every card, and the two kinds of cards made here."""

import re

import pytest
from every_answer import every_answer, every_card
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    PULSED_FIELD,
    UNLISTED,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    concept,
    updates,
)
from fakes import BASE_URL
from hook_requests import coverage, patient
from response_models import COVERAGE_INFORMATION
from response_types import TOPIC_SYSTEMS, TOPICS, card_problems, misfits, response_type
from small_library import policy, rule, small_index

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.fhir.resource import encode
from cds_service.settings import Settings

# What a summary asks of whoever reads it.
ASKS = re.compile(r"\b([Rr]eview|[Rr]ead|[Cc]heck|[Nn]ame|[Tt]ell|[Aa]dd|[Ff]ax)\b")
VERDICT = re.compile(
    r"not medically|calls IRE investigational|coverage that was sent is not active"
)
# What there is to say: whom a request goes to, what an unlisted code stands for.
STEPS = re.compile(r"\bfax the request\b|\bSay whether\b")
MARKDOWN_LINK = re.compile(r"(?<!\\)\]\(|https?://")
PORTAL = re.compile(r"(?i)portal|log ?in|sign ?in|\b(?:web)? ?sites?\b|\bweb\b|\bonline\b")
REFERENCE, INSTRUCTIONS = "externalReference", "instructions"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_responses_looked_through_hold_actions_and_cards_of_both_kinds(
    hook: str, version: str
) -> None:
    """What the tests here and on other pages require of every response is not required of none."""
    responses = [
        answered
        for answered in every_answer()
        if (answered.hook, answered.version) == (hook, version)
    ]
    cards = [card for answered in responses for card in answered.cards]

    assert len([answered for answered in responses if updates(answered.response)]) >= 10
    assert set(map(response_type, cards)) == {REFERENCE, INSTRUCTIONS}


def cards_of(kind: str) -> list[JsonObject]:
    """Every card of one response type, which shows in its topic."""
    found = [card for _, card in every_card() if response_type(card) == kind]
    assert found
    return found


def paragraphs(card: JsonObject) -> list[str]:
    """The paragraphs of a card's detail."""
    return str(card["detail"]).split("\n\n")


@pytest.mark.crd("resp-13", "resp-5", "resp-22", "resp-24")
def test_every_card_fits_the_general_model_and_that_of_its_type() -> None:
    """Each card is of the response type of its topic, by the standard's tables for its version."""
    problems = [
        (card["summary"], problem)
        for asked, card in every_card()
        for problem in (*card_problems(card, asked.version), *misfits(card, asked.version))
    ]

    assert problems == []
    assert {response_type(card) for _, card in every_card()} == {REFERENCE, INSTRUCTIONS}


@pytest.mark.crd("resp-13")
def test_every_action_fits_the_general_model() -> None:
    """An action is a described update with its resource; only CRD 2.0 has an empty list."""
    for answered in every_answer():
        for action in answered.response.get("systemActions", ()):
            assert set(action) == {"type", "description", "resource"}
            assert (action["type"], bool(action["description"])) == ("update", True)
        assert answered.version == "2.0" or answered.response.get("systemActions") != []


@pytest.mark.crd("resp-1", "resp-2")
def test_a_warning_is_for_what_will_not_be_paid_and_nothing_else() -> None:
    """A refusal is a warning; what is undecided or may not concern the patient is information."""
    for _, card in every_card():
        headline = card["detail"].partition("\n")[0]
        is_refusal = headline.startswith("**") and VERDICT.search(headline)
        assert card["indicator"] == ("warning" if is_refusal else "info")


@pytest.mark.crd("resp-4")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    ("member", "label"), [("medicare", "iCare"), ("commercial", "Anthem"), ("california", "Anthem")]
)
def test_a_card_is_signed_with_the_name_on_the_members_card(
    hook: str, version: str, member: str, label: str
) -> None:
    """The source of a card is the payer's brand, not the vendor's or the service's name."""
    cards = ask(call(hook, version=version, member=MEMBERS[member]))["cards"]

    assert {card["source"]["label"] for card in cards} == {label}


@pytest.mark.crd("resp-4")
def test_another_payers_cards_carry_its_own_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The source of a card is the name in the payer's Organization, whoever runs the service."""
    index = small_index(tmp_path_factory.mktemp("library"), policy(rule(codes=[LISTED])))
    response = ask(call("order-sign", member=[patient(), coverage("acme", None)]), index=index)

    assert [card["source"]["label"] for card in response["cards"]] == ["Acme"]


@pytest.mark.crd("resp-4")
@pytest.mark.parametrize(
    ("member", "labels"), [("commercial", {"Anthem"}), ("nobody", {"Anthem", "iCare"})]
)
@pytest.mark.parametrize("code", [{"text": "NanoKnife"}, concept()], ids=["words", "code"])
def test_hints_and_advice_are_signed_likewise(
    code: JsonObject, member: str, labels: set[str]
) -> None:
    """Where words name a policy's subject, and where no Coverage says whose member it is."""
    order = {**asked_about("order-sign"), "code": code}
    cards = ask(call("order-sign", order, version="2.0", member=MEMBERS[member]))["cards"]

    assert {card["source"]["label"] for card in cards} == labels


@pytest.mark.crd("resp-5")
def test_every_topic_is_one_of_the_guides_in_the_system_of_its_version() -> None:
    """Topics are the guide's own codes in the system of the client's version."""
    for answered, card in every_card():
        topic = card["source"]["topic"]
        assert topic["code"] in TOPICS
        assert topic["system"] == TOPIC_SYSTEMS[answered.version]


@pytest.mark.crd("resp-6")
def test_every_summary_says_what_to_do() -> None:
    """It asks for something or has the document's verdict; advice of our own it has none."""
    acting = re.compile(f"{ASKS.pattern}|{VERDICT.pattern}|{STEPS.pattern}", re.IGNORECASE)

    assert [card["summary"] for _, card in every_card() if not acting.search(card["summary"])] == []


@pytest.mark.crd("resp-7")
def test_a_detail_is_given_for_what_a_summary_has_no_room_for() -> None:
    """A detail is longer than a summary may be: it names policy, reason and order."""
    assert all(len(card["detail"]) >= 140 for _, card in every_card())


@pytest.mark.crd("resp-8", "resp-20")
def test_a_detail_begins_with_the_policy_and_its_answer_and_ends_with_the_order() -> None:
    """The policy and its answer come first, for readers who stop early."""
    for card in cards_of(REFERENCE):
        first, *rest = paragraphs(card)
        if first.startswith("No coverage came"):
            first, *rest = rest
        last = rest[-1]
        assert "policy" in first
        assert last.startswith("This is about the order")


@pytest.mark.crd("resp-9", "resp-20")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_detail_says_enough_to_do_without_the_link(hook: str, version: str) -> None:
    """The card gives the whole reason, and the link names the policy it leads to."""
    response = ask(call(hook, version=version))
    (card,) = response["cards"]

    assert annotations(response)[0]["reason"][0]["text"] in card["detail"]
    assert "WI.PA-1266" in card["links"][0]["label"]


@pytest.mark.crd("resp-10")
def test_no_link_stands_in_a_detail_alone() -> None:
    """A detail holds no link; a card has its links in `links`."""
    assert [
        card["detail"] for _, card in every_card() if MARKDOWN_LINK.search(card["detail"])
    ] == []


@pytest.mark.crd("resp-11")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_to_change_is_said_in_words(hook: str) -> None:
    """Without an EHR that applies suggestions a clinician reads what to do, and whom to fax."""
    unclear = ask(call(hook, asked_about(hook, UNLISTED), member=MEMBERS["commercial"]))
    elsewhere = ask(call(hook, member=MEMBERS["california"]))

    assert "say so plainly in the text of its code" in unclear["cards"][1]["detail"]
    assert "818-234-2767" in elsewhere["cards"][1]["detail"]


@pytest.mark.crd("resp-12")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_card_offers_what_no_annotation_can(hook: str, version: str) -> None:
    """A card has override reasons and links; no card is about coverage information itself."""
    cards = ask(call(hook, version=version))["cards"]

    assert cards
    for card in cards:
        assert card["overrideReasons"]
        assert card["links"]
        assert card["source"]["topic"]["code"] != "coverage-info"


@pytest.mark.crd("resp-17", "resp-23")
@pytest.mark.parametrize("kind", [REFERENCE, INSTRUCTIONS])
def test_no_card_sends_anyone_to_a_portal(kind: str) -> None:
    """Links lead to policy pages, and no text mentions a portal or a login."""
    for card in cards_of(kind):
        assert all(
            link["url"].startswith(f"{BASE_URL}/policies/") for link in card.get("links", ())
        )
        assert not PORTAL.search(encode(card).decode())


@pytest.mark.crd("resp-18", "resp-22")
def test_an_external_reference_has_a_link_and_no_suggestion() -> None:
    """Of the cards about policies, each."""
    for card in cards_of(REFERENCE):
        assert len(card["links"]) >= 1
        assert "suggestions" not in card


@pytest.mark.crd("resp-19", "resp-22")
def test_the_links_of_an_external_reference_are_absolute() -> None:
    """None launches an app, so none has a launch context."""
    links = [link for card in cards_of(REFERENCE) for link in card["links"]]

    assert links
    assert {link["type"] for link in links} == {"absolute"}
    assert not any("appContext" in link for link in links)


@pytest.mark.crd("resp-21")
def test_links_lead_to_the_very_rule_that_spoke(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The fragment of each link is the id of a section on its page."""
    settings = Settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('log') / 'log.sqlite3'}")
    service = build_service(settings, ehr=None)
    client = open_site(service, settings).app.test_client()
    urls = {
        link["url"].removeprefix(BASE_URL) for card in cards_of(REFERENCE) for link in card["links"]
    }
    pages = {url: client.get(url.split("#")[0]).text for url in urls if "#" in url}
    service.log.close()

    assert len(pages) >= 4
    assert all(f'id="{url.split("#")[1]}"' in page for url, page in pages.items())


@pytest.mark.crd("resp-24")
def test_instructions_have_a_detail_and_neither_links_nor_suggestions() -> None:
    """Instructions are text only."""
    for card in cards_of(INSTRUCTIONS):
        assert card["detail"]
        assert {"links", "suggestions"}.isdisjoint(card)


@pytest.mark.crd("resp-25")
def test_coverage_information_is_an_action_and_never_a_card() -> None:
    """No card has its topic or carries the extension; both come together all the same."""
    cards = [card for _, card in every_card()]

    assert {card["source"]["topic"]["code"] for card in cards} == {"guideline", "claim"}
    assert not any(COVERAGE_INFORMATION in encode(card).decode() for card in cards)
    assert any(updates(answered.response) and answered.cards for answered in every_answer())


@pytest.mark.crd("resp-8")
def test_what_a_decision_relies_on_comes_before_what_is_related() -> None:
    """A detail gives the reason, then what to do, then related policies and the order."""
    request = call(
        "order-sign",
        asked_about("order-sign", UNLISTED, PULSED_FIELD),
        member=MEMBERS["commercial"],
    )
    detail = ask(request)["cards"][0]["detail"]
    parts = [
        "investigational and not medically necessary",
        "relies on these words",
        "See also",
        "This is about the order",
    ]

    assert [detail.index(part) for part in parts] == sorted(detail.index(part) for part in parts)
