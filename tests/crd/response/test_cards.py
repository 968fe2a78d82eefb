"""Cards: each fits one CRD response type, names its payer and order, and carries no markup."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from fakes import BASE_URL, CountingIds, builtin_index
from hypothesis import given, settings
from hypothesis import strategies as st
from library_answers import answered_cases
from made_determinations import citation, determinations, words
from response_types import (
    TOPIC_SYSTEMS,
    card_problems,
    hidden_characters,
    misfits,
    response_type,
    texts,
)

from cds_service.cds_hooks.plain_text import label, plain, shorten
from cds_service.cds_hooks.response import Card, Indicator, Link
from cds_service.crd.codes import (
    CONDITION_UNKNOWN,
    COVERAGE_DETAIL,
    TECHNICAL,
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
    Topic,
)
from cds_service.crd.decision.combination import without_documentation
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import Citation, Contact, Detail, Determination, Reason
from cds_service.crd.request.configuration import Configuration
from cds_service.crd.request.order import Order, read_order
from cds_service.crd.request.version import VERSIONS
from cds_service.crd.response.card_text import CardText, Subject
from cds_service.crd.response.cards import CARD_TYPES, CardMaker, most_urgent
from cds_service.crd.response.markdown import escape, prose
from cds_service.crd.response.versions import WRITTEN_VERSIONS
from cds_service.fhir.coding import CPT, Coding

JsonObject = dict[str, Any]

BRAND = "Invented Plan"
TAGS = '<script>alert(1)</script><img src=x onerror=alert(1)><!-- --><b title="&lt;">'
MARKDOWN = (
    "[x](https://bad.example.invalid) ![x](y) *a* _b_ `c` ~d~ | "
    "https://bad.invalid www.bad.invalid a@b.invalid"
)
HIDDEN = (
    "one\u202etwo\u200bthree\u2066four\x00five\x1b[31msix\ufeffseven\u00adeight\u2028nine\u200f"
)
HOSTILE = (TAGS, MARKDOWN, HIDDEN, "x" * 1000, "\n\n# Heading\n\n---\n\n1. one", "\u202e")
REFUSED = Determination(
    covered=Covered.NOT_COVERED,
    reasons=(Reason(text="It is investigational."),),
    citations=(citation(),),
)
OPEN = Determination(
    covered=Covered.CONDITIONAL,
    info_needed=frozenset({InfoNeeded.DETAIL_CODE}),
    reasons=(Reason(text="The code says too little."),),
    citations=(citation(),),
)


def maker() -> CardMaker:
    reasons = (Coding("https://reasons.example.invalid", "other", "Another reason"),)
    return CardMaker(CardText({}), reasons, CountingIds())


def order(text: str = "An invented procedure", **elements: Any) -> Order:
    code = {"coding": [{"system": CPT, "code": "0000T"}], "text": text}
    return read_order({"resourceType": "ServiceRequest", "id": "order-1", "code": code, **elements})


def every_card(
    determination: Determination, of: Order | None = None, brand: str = BRAND
) -> list[Card]:
    """Each card that can be made of a determination, asked for or not."""
    subject = Subject(order=of or order(), brand=brand, determination=determination)
    made = maker()
    return [
        *made.cards(subject, Configuration()),
        made.advice(subject),
        made.hint(subject.order, brand, subject.citation, "an invented term"),
    ]


def shown(
    determination: Determination, of: Order | None = None, version: str = "2.2"
) -> list[JsonObject]:
    return [WRITTEN_VERSIONS[version].card(card) for card in every_card(determination, of)]


def instruction(words: str) -> Detail:
    code = Coding(COVERAGE_DETAIL, "instructions")
    return Detail(category=DetailCategory.OTHER, code=code, value_type="valueString", value=words)


def problems(card: JsonObject, version: str) -> list[str]:
    """What in a card breaks CDS Hooks, the general model, or that of its topic's type."""
    return [*card_problems(card, version), *misfits(card, version)]


@pytest.mark.crd("resp-13", "resp-22", "resp-24", "resp-25", "resp-5")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_card_of_the_library_fits_its_response_type(version: str) -> None:
    """Each card of the built-in policies' cases satisfies its type's model and CDS Hooks."""
    answers = [answer for _, answer in answered_cases(builtin_index()) if answer.from_policy]
    cards = [
        card
        for answer in answers
        if answer.from_policy
        for card in shown(answer.from_policy, answer.order, version)
    ]

    assert len(cards) > 100
    assert {response_type(card) for card in cards} == {"externalReference", "instructions"}
    assert [problem for card in cards for problem in problems(card, version)] == []


@pytest.mark.crd("resp-13", "resp-22", "resp-24", "resp-25")
@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=50, deadline=None)
@given(determination=determinations(), text=words)
def test_every_card_of_any_determination_fits_its_response_type(
    version: str, determination: Determination, text: str
) -> None:
    """The same for whatever a policy may say and an order may be called."""
    cards = shown(replace(determination, citations=(citation(),)), order(text), version)

    assert cards
    assert [problem for card in cards for problem in problems(card, version)] == []


def test_a_policy_card_is_an_external_reference_and_what_to_do_are_instructions() -> None:
    """The two card types we make, and what an open question adds."""
    assert list(map(response_type, shown(OPEN)[:2])) == ["externalReference", "instructions"]
    assert [card.topic for card in every_card(REFUSED)] == [Topic.GUIDELINE] * 3


@pytest.mark.crd("resp-25", "resp-12")
def test_coverage_information_is_never_a_card() -> None:
    """No card has the topic of the system action."""
    assert Topic.COVERAGE_INFO not in CARD_TYPES
    assert {
        str(card.topic) for determination in (REFUSED, OPEN) for card in every_card(determination)
    } <= {
        "guideline",
        "claim",
    }


@pytest.mark.crd("resp-4")
def test_a_card_carries_the_payers_brand() -> None:
    """The label is the insurer's own name, not ours."""
    assert {
        card["source"]["label"]
        for determination in (REFUSED, OPEN)
        for card in shown(determination)
    } == {BRAND}


@pytest.mark.crd("resp-1", "resp-2")
@pytest.mark.parametrize(
    ("determination", "indicator"),
    [
        (REFUSED, "warning"),
        (OPEN, "info"),
        (Determination(covered=Covered.COVERED, citations=(citation(),)), "info"),
    ],
)
def test_only_a_refusal_is_a_warning(determination: Determination, indicator: str) -> None:
    """What will not be paid stops a clinician, and nothing else; `critical` is never ours."""
    assert shown(determination)[0]["indicator"] == indicator


def test_every_card_has_an_id_of_its_own() -> None:
    """Feedback names cards by their uuid."""
    cards = every_card(OPEN)

    assert len({card.uuid for card in cards}) == len(cards)


@pytest.mark.crd("dev-25")
def test_a_card_names_its_order_in_words_and_by_reference() -> None:
    """A clinician who signs several orders sees which one is meant."""
    for card in every_card(OPEN, order("Invented ablation of the left something")):
        assert "Invented ablation of the left something" in card.detail
        assert card.about == ("ServiceRequest/order-1",)


@pytest.mark.parametrize("text", ["\u200b", "\u202e", " \u00ad ", "\x00"])
def test_an_order_whose_words_show_nothing_is_named_by_its_code(text: str) -> None:
    """“” names no order."""
    (card, *_) = every_card(REFUSED, order(text))

    assert "“0000T”" in card.detail


def test_an_order_without_an_id_is_named_in_words_alone() -> None:
    """There is nothing a reference could point to."""
    (card, *_) = every_card(REFUSED, order(id=None))

    assert card.about == ()
    assert "An invented procedure" in card.detail


def test_the_detail_says_what_why_what_to_do_and_which_order_in_this_order() -> None:
    """Critical first, as the guide asks (resp-8)."""
    related = citation(related=("OTHER-1 Another policy",))
    determination = replace(
        REFUSED, details=(instruction("Appeal in writing."),), citations=(related,)
    )
    detail = every_card(determination)[0].detail
    asked = [
        "P-1",
        "not covered",
        "It is investigational",
        "Appeal in writing",
        "OTHER-1 Another policy",
        "order “",
    ]

    assert [detail.index(part) for part in asked] == sorted(detail.index(part) for part in asked)


@pytest.mark.crd("resp-11")
def test_what_to_do_and_whom_to_ask_stand_on_the_instructions_card() -> None:
    """A clinician can act on the card alone."""
    desk = Contact(name="Desk", telecom=(("fax", "555-0100"), ("phone", "555-0101")))
    determination = replace(OPEN, details=(instruction("Name the procedure."),), contacts=(desk,))
    detail = every_card(determination)[1].detail

    assert "Name the procedure." in detail
    assert "555-0100" in detail
    assert "555-0101" in detail


def test_what_to_do_is_said_on_advice_too() -> None:
    """Without a Coverage no Instructions card is made, so the one card there is says it."""
    determination = replace(OPEN, details=(instruction("Name the procedure."),))

    assert (
        "Name the procedure."
        in maker().advice(Subject(order=order(), brand=BRAND, determination=determination)).detail
    )


def test_a_refusal_has_the_verdict_of_the_document_as_its_headline() -> None:
    """`not-covered` is the guide's word; the reason's coding has the payer's (design: 4.9a)."""
    verdict = Coding("https://reasons.invalid", "inv", "Investigational and not proven")
    named = replace(REFUSED, reasons=(Reason(text="Because.", coding=verdict),))

    assert (
        every_card(named)[0]
        .detail.partition("\n")[0]
        .endswith(": investigational and not proven.**")
    )
    assert ": not covered.**" in every_card(REFUSED)[0].detail


@pytest.mark.parametrize("reason", [TECHNICAL, CONDITION_UNKNOWN], ids=["technical", "unknown"])
def test_a_rule_that_could_not_be_applied_does_not_lend_the_card_its_title(reason: Coding) -> None:
    """A card for a determination that is not the rule's own must not have the rule's title."""
    undecided = Covered.INDETERMINATE if reason is TECHNICAL else Covered.CONDITIONAL
    determination = Determination(
        covered=undecided,
        info_needed=frozenset({InfoNeeded.OTHER})
        if undecided is Covered.CONDITIONAL
        else frozenset(),
        reasons=(Reason(text="It could not be told.", coding=reason),),
        citations=(citation(rule_title="Covered: no authorization is needed"),),
    )

    cards = list(
        maker().cards(
            Subject(order=order(), brand=BRAND, determination=determination), Configuration()
        )
    )
    assert [card.summary for card in cards if "no authorization" in card.summary] == []


@pytest.mark.crd("resp-18", "resp-19", "resp-21", "resp-22")
def test_each_policy_is_linked_at_its_rule() -> None:
    """Our page comes first; the payer's own document follows if its address is known."""
    published, other = (
        citation("one", document_url="https://payer.example.invalid/policy.pdf"),
        citation("two"),
    )
    links = every_card(replace(REFUSED, citations=(published, other)))[0].links

    assert [link.url for link in links] == [
        published.page_url,
        "https://payer.example.invalid/policy.pdf",
        other.page_url,
    ]
    assert {link.to_json()["type"] for link in links} == {"absolute"}


@pytest.mark.crd("resp-18", "resp-19", "resp-22")
def test_a_hint_links_to_the_whole_policy() -> None:
    """No rule spoke, so none is pointed at."""
    card = maker().hint(order(), BRAND, citation(""), "an invented term")

    assert [link.url for link in card.links] == [f"{BASE_URL}/policies/policy-1"]
    assert [link.to_json()["type"] for link in card.links] == ["absolute"]


def test_links_lead_to_policies_only() -> None:
    """Where the payer's own document is not known."""
    for card in every_card(OPEN):
        assert all(link.url.startswith(f"{BASE_URL}/policies/") for link in card.links)


def test_advice_is_worded_for_members_of_the_plan() -> None:
    """Without a Coverage nobody is known to be a member, and nothing is a warning."""
    card = maker().advice(Subject(order=order(), brand=BRAND, determination=REFUSED))

    assert "Invented Plan" in card.summary
    assert "No coverage came with this call" in card.detail
    assert card.indicator is Indicator.INFO


# What must be done first.


AUTHORIZED_FIRST = Determination(
    covered=Covered.COVERED,
    pa_needed=PaNeeded.AUTH_NEEDED,
    doc_needed=frozenset({DocNeeded.CLINICAL}),
    doc_purpose=frozenset({DocPurpose.WITH_PA}),
    reasons=(Reason(text="The policy wants proof of a failed drug."),),
    details=(instruction("Fax the chart."),),
    questionnaires=("https://forms.example.invalid/Questionnaire/1|1",),
    contacts=(Contact(name="Desk", telecom=(("fax", "555-0100"),)),),
    billing_codes=(Coding(CPT, "0000T"),),
    citations=(citation(rule_title="Covered: order it"),),
)


def test_what_must_be_done_first_stands_before_the_rules_title() -> None:
    """A title that says `covered` hides nothing."""
    reference, instructions, advice, _ = every_card(AUTHORIZED_FIRST)
    needed = (
        "prior authorization needed; clinical documentation needed with the authorization request"
    )

    assert reference.summary == f"Covered; {needed}: Covered: order it"
    assert instructions.summary == f"P{needed[1:]}: Covered: order it"
    assert advice.summary.startswith(f"Covered; {needed}, for Invented Plan")


def test_the_bold_line_says_what_must_be_done_first() -> None:
    """Authorization, documents, and what they are for."""
    bold, *_ = every_card(AUTHORIZED_FIRST)[0].detail.split("\n\n")

    assert bold == (
        "**Invented Plan policy P-1, An invented policy: covered; prior authorization needed; "
        "clinical documentation needed with the authorization request.**"
    )


def test_the_instructions_say_which_authorization_which_documents_and_what_for() -> None:
    """And the form by its title, the payer's own words, and whom to ask; nothing is said twice."""
    titles = {"https://forms.example.invalid/Questionnaire/1|1": "Proof of a failed drug"}
    made = CardMaker(CardText({}, titles), (), CountingIds())
    subject = Subject(order=order(), brand=BRAND, determination=AUTHORIZED_FIRST)
    reference, instructions = made.cards(subject, Configuration())
    steps = [line for line in instructions.detail.splitlines() if line.startswith("- ")]

    assert instructions.topic == Topic.CLAIM
    assert steps == [
        "- Prior authorization is needed.",
        "- Clinical documentation is needed.",
        "- Send the documentation with the request for prior authorization.",
        "- Form: Proof of a failed drug.",
        "- Fax the chart.",
        "- Contact Desk: fax 555-0100.",
    ]
    assert "billed as 0000T" in instructions.detail
    assert [step for step in steps if step in reference.detail] == []


def test_a_form_of_another_library_is_named_by_its_canonical() -> None:
    """A form without a title here still has a name."""
    assert (
        "Form: https://forms.example.invalid/Questionnaire/1"
        in every_card(AUTHORIZED_FIRST)[1].detail
    )


def test_limits_and_dependencies_are_told_among_the_steps() -> None:
    """Whatever qualifies the coverage can be read on the card."""
    visits = replace(
        instruction(""),
        code=Coding(COVERAGE_DETAIL, "allowed-quantity"),
        value_type="valueQuantity",
        value={"value": 3, "unit": "visits"},
    )
    determination = replace(
        AUTHORIZED_FIRST,
        details=(visits,),
        dependencies=(Dependency(reference="ServiceRequest/other"),),
    )
    detail = every_card(determination)[1].detail

    assert "- Allowed quantity: 3 visits." in detail
    assert "- Depends on ServiceRequest/other." in detail


def test_what_is_already_authorized_needs_no_instructions() -> None:
    """There is nothing to do before the service."""
    determination = replace(
        AUTHORIZED_FIRST,
        pa_needed=PaNeeded.SATISFIED,
        satisfied_pa_id="PA-1",
        doc_needed=frozenset(),
        doc_purpose=frozenset(),
        questionnaires=(),
    )
    reference, *others = every_card(determination)

    assert reference.summary == "Covered; prior authorization already given: Covered: order it"
    assert [card.topic for card in others if card.topic == Topic.CLAIM] == []


@pytest.mark.parametrize("title", ["Covered", "Covered: order it " * 20, "No authorization needed"])
@settings(max_examples=150, deadline=None)
@given(determination=determinations())
def test_no_card_says_covered_alone_if_something_must_be_done_first(
    title: str, determination: Determination
) -> None:
    """Whatever a policy says and however long its title: summary and bold line have the words."""
    cited = replace(determination, citations=(citation(rule_title=title),))
    reference, *others, advice, _ = every_card(cited)
    bold, *_ = reference.detail.split("\n\n")

    for line in (reference.summary, bold, advice.summary):
        assert missing_words(cited, line) == []
    if must_be_done_first(cited):
        (instructions,) = others
        assert missing_words(cited, f"{instructions.summary} {instructions.detail}") == []


def must_be_done_first(determination: Determination) -> bool:
    """Read from the codes alone, whether the service has to wait for something."""
    return determination.covered is not Covered.NOT_COVERED and bool(
        determination.info_needed
        or determination.doc_needed
        or determination.pa_needed
        in (
            PaNeeded.AUTH_NEEDED,
            PaNeeded.PERFORM_PA,
            PaNeeded.CONDITIONAL,
            PaNeeded.INDETERMINATE,
        )
    )


def missing_words(determination: Determination, line: str) -> list[str]:
    """What must be done first and has no word in the line."""
    if not must_be_done_first(determination):
        return []
    wanted = []
    if determination.pa_needed not in (None, PaNeeded.NO_AUTH, PaNeeded.SATISFIED):
        wanted.append("authorization")
    if determination.doc_needed:
        wanted.append("documentation")
    return [word for word in wanted if word not in line]


@pytest.mark.crd("hook-19")
@settings(max_examples=50, deadline=None)
@given(determination=determinations())
def test_an_early_hooks_cards_ask_for_no_clinical_or_administrative_documentation(
    determination: Determination,
) -> None:
    """What is stripped from the determination is on none of its cards."""
    cited = replace(determination, citations=(citation(),), details=(), reasons=PLAIN)
    early = without_documentation(cited)

    for card in every_card(early):
        words = f"{card.summary} {card.detail}".lower()
        assert "clinical" not in words
        assert "administrative" not in words
        assert early.doc_needed or early.doc_purpose or "documentation" not in words


PLAIN = (Reason(text="because"),)


# Hostile words: first in the order, then in the policy.


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_an_order_says_becomes_markup(hostile: str) -> None:
    """No tag, link, emphasis or hidden character passes from an order's words into a card."""
    cards = shown(OPEN, order(hostile))

    assert [problem for card in cards for problem in card_problems(card, "2.2")] == []
    assert [problem for card in cards for problem in markup(card["detail"], "bad")] == []


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=200))
def test_no_words_at_all_break_out_of_the_quotes(text: str) -> None:
    """Whatever an order is called, the card stays plain prose around it."""
    detail = every_card(REFUSED, order(text))[0].detail

    assert markup(detail, "://") == []
    assert hidden_characters(detail) == []


def hostile_policy(hostile: str) -> Determination:
    """A determination of a policy whose every free word is hostile."""
    cited = Citation(
        policy_id="policy-1",
        canonical="https://policies.example.invalid/PlanDefinition/policy-1|1",
        number=hostile,
        policy_title=hostile,
        page_url=f"{BASE_URL}/policies/policy-1#rule-1",
        rule_id="rule-1",
        rule_title=f"Act: {hostile}",
        section=hostile,
        related=(hostile,),
        audience=hostile,
    )
    desk = Contact(name=hostile, telecom=(("fax", hostile),))
    return replace(
        OPEN,
        reasons=(Reason(text=f"{hostile} ", coding=None),),
        details=(instruction(hostile),),
        contacts=(desk,),
        citations=(cited,),
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_policy_smuggles_tags_or_hidden_characters_into_a_card(hostile: str) -> None:
    """A deployer's policy is data too: summary, detail, links and label stay plain text."""
    cards = shown(hostile_policy(hostile))

    assert [problem for card in cards for problem in card_problems(card, "2.2")] == []


def test_a_brand_is_shown_without_hidden_characters() -> None:
    """The label of a card is read as text."""
    (card, *_) = every_card(REFUSED, brand="Inven\u202eted")

    assert hidden_characters(card.source_label) == []


def test_no_summary_and_no_link_label_holds_a_tag() -> None:
    """They are plain text, and shown by clients that trust us."""
    found = [
        words for card in shown(hostile_policy(TAGS)) for words in texts({**card, "detail": ""})
    ]

    assert [words for words in found if re.search(r"<\w", words)] == []


@pytest.mark.parametrize(
    "reason", ["# Now", "- Now", "+ Now", "> Now", "---", "    Now", "```", "***"]
)
def test_a_reason_starts_no_markdown_block(reason: str) -> None:
    """It stands at the start of a line, where markdown reads headings, lists, quotes and rules."""
    detail = every_card(replace(REFUSED, reasons=(Reason(text=reason),)))[0].detail
    _, paragraph, _ = detail.split("\n\n")

    assert re.match(r"#{1,6} |[-+*] |>|-{3}|    |`{3}|[*]{3}", paragraph) is None


def markup(detail: str, sign: str) -> list[str]:
    """What a markdown reader takes for more than text: tags, links, images, emphasis, addresses."""
    bare = re.sub(r"\\[!-/:-@\[-`{-~]|`@+`", "", detail)
    quoted = bare[bare.rindex("“") :]
    found = [mark for mark in ("<", ">", "](", "*", "_", "`", "~", "|", "[") if mark in quoted]
    return [*found, *(["a bare address"] if re.search(r"https?://|www\.|\w@\w", quoted) else [])]


# The judge of cards itself.


@pytest.mark.parametrize(
    "change",
    [
        {"suggestions": [{"label": "x", "uuid": "x"}]},
        {
            "links": [
                {"label": "x", "url": "https://x.example.invalid", "type": kind}
                for kind in ("absolute", "smart")
            ]
        },
        {"links": [{"label": "x", "url": "javascript:alert(1)", "type": "absolute"}]},
        {"summary": "x" * 140},
        {"summary": ""},
        {"summary": "x\u202ey"},
        {"indicator": "hard-stop"},
        {"detail": "<b>x</b>"},
        {"source": {"label": BRAND}},
        {"source": {"label": "", "topic": {"system": TOPIC_SYSTEMS["2.2"], "code": "guideline"}}},
        {
            "source": {
                "label": BRAND,
                "topic": {"system": TOPIC_SYSTEMS["2.2"], "code": "coverage-info"},
            }
        },
        {
            "source": {
                "label": BRAND,
                "topic": {"system": TOPIC_SYSTEMS["2.0"], "code": "guideline"},
            }
        },
        {"overrideReasons": [{"system": "https://x.example.invalid", "code": "x"}]},
        {"extension": {"davinci-crd.associated-resource": ["ServiceRequest/1"]}},
        {"unheardOf": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_judge_objects_to_what_cds_hooks_or_crd_forbids(change: JsonObject) -> None:
    """Each change to a sound card is one that its model or CDS Hooks forbids."""
    (sound, *_) = shown(REFUSED)

    assert card_problems(sound, "2.2") == []
    assert card_problems({**sound, **change}, "2.2") != []


# Wording.


@settings(max_examples=100, deadline=None)
@given(text=st.text())
def test_plain_text_shows_all_it_holds(text: str) -> None:
    """One line, no hidden characters, and reading it again changes nothing."""
    line = plain(text)

    assert hidden_characters(line) == []
    assert "\n" not in line
    assert plain(line) == line


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=400), limit=st.integers(2, 200))
def test_shortened_text_never_exceeds_its_limit(text: str, limit: int) -> None:
    """Longer text ends in an ellipsis, shorter text is as it was."""
    short = shorten(text, limit)

    assert len(short) <= limit
    assert short == label(text) or short.endswith("…")


@settings(max_examples=100, deadline=None)
@given(text=st.text())
def test_escaped_words_hold_no_tag_and_no_entity_of_their_own(text: str) -> None:
    """`<`, `>` and `&` are entities, markdown's marks are escaped."""
    for said in (prose(text), escape(text)):
        assert not set(said) & set("<>")
        assert re.sub(r"&(amp|lt|gt);", "", said).count("&") == 0


def test_words_without_marks_are_left_alone() -> None:
    """Escaping is for marks, not for people's words."""
    assert (
        escape("Ablation, 2. Versuch: naïve (links) – 100 %")
        == "Ablation, 2. Versuch: naïve (links) – 100 %"
    )


@pytest.mark.parametrize("run", ["@", "@ ", "www.", "://", "`@"])
def test_words_are_escaped_in_time(run: str) -> None:
    """However long they are: a request may hold a code of a megabyte."""
    started = time.process_time()

    assert escape(run * 100_000)
    assert time.process_time() - started < 2


# Which cards are shown.


def cards_with(*indicators: Indicator) -> list[Card]:
    link = Link(label="x", url=f"{BASE_URL}/policies/x")
    return [
        Card(
            uuid=str(number),
            summary="x",
            detail="x",
            indicator=indicator,
            source_label="x",
            topic="guideline",
            links=(link,),
        )
        for number, indicator in enumerate(indicators)
    ]


INFO, WARNING = Indicator.INFO, Indicator.WARNING


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(0, []), (1, ["1"]), (2, ["1", "3"]), (3, ["1", "3", "0"]), (9, ["1", "3", "0", "2"])],
)
def test_warnings_are_kept_before_the_rest(limit: int, kept: list[str]) -> None:
    """Of too many cards the most urgent stay, otherwise in their order."""
    shown_first = most_urgent(cards_with(INFO, WARNING, INFO, WARNING), limit)

    assert [card.uuid for card in shown_first] == kept


@pytest.mark.crd("dev-5", "dev-14")
@pytest.mark.parametrize(
    ("off", "topics"),
    [
        (set(), ["guideline", "claim"]),
        ({"guideline"}, ["claim"]),
        ({"claim"}, ["guideline"]),
        ({"guideline", "claim"}, []),
        ({"coverage-info"}, ["guideline", "claim"]),
    ],
)
def test_each_kind_of_card_has_its_switch(off: set[str], topics: list[str]) -> None:
    """A type that is switched off is not made; the others are."""
    subject = Subject(order=order(), brand=BRAND, determination=OPEN)
    cards = maker().cards(subject, Configuration(off=frozenset(off)))

    assert [str(card.topic) for card in cards] == topics


@pytest.mark.parametrize("length", [1, 139, 140, 141, 10_000])
def test_a_summary_is_shorter_than_140_characters(length: int) -> None:
    """140 itself is too long; characters are counted, not bytes."""
    determination = replace(REFUSED, citations=(citation(rule_title="é" * length),))

    assert 0 < len(every_card(determination)[0].summary) < 140


def test_a_long_summary_is_cut_at_a_word() -> None:
    """What is left is readable, and shows that there was more."""
    determination = replace(REFUSED, citations=(citation(rule_title="word " * 60),))

    assert re.fullmatch(r"(word ){2,}word…", every_card(determination)[0].summary)
