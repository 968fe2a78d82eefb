"""The index: its fast door and its slow one lead to the same rules."""

from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index, fake_pipeline
from hook_requests import bundle, coverage, order_sign, patient, service_request
from hypothesis import example, given, settings
from hypothesis import strategies as st
from library_answers import answered_cases
from small_library import organization, policy, rule, small_index
from steps import count_steps

from cds_service.crd.codes import Covered
from cds_service.fhir.coding import CPT, HCPCS, Coding
from cds_service.fhir.resource import encode
from cds_service.pipeline import Pipeline
from cds_service.policy.language.mentions import find_mentions, read_phrases
from cds_service.policy.run.index import Candidates, PolicyIndex

CODES = ("0001T", "0002T", "0003T")
KINDS = ("ServiceRequest", "DeviceRequest")
HOOKS = ("order-sign", "order-select")
PAYERS = ("acme", "other")

rules = st.builds(
    lambda codes, kind: {"codes": codes, "kind": kind},
    st.lists(st.sampled_from(CODES), max_size=2, unique=True),
    st.sampled_from(KINDS),
)
policies = st.builds(
    lambda rules, payer, hooks: {"rules": rules, "payer": payer, "hooks": hooks},
    st.lists(rules, min_size=1, max_size=3),
    st.sampled_from(PAYERS),
    st.lists(st.sampled_from(HOOKS), min_size=1, unique=True),
)
codings = st.lists(
    st.builds(
        Coding,
        st.sampled_from(
            [CPT, CPT.replace("http:", "https:"), "urn:oid:2.16.840.1.113883.6.12", HCPCS, ""]
        ),
        st.sampled_from([*CODES, "0001t", " 0001T ", "0001T-53", "0001T:26", "0009T", ""]),
    ),
    max_size=4,
)


def index_of(directory: Path, generated: list[dict[str, Any]]) -> PolicyIndex:
    """The index over generated policies of two payers."""
    written = [
        policy(
            *(rule(f"rule-{at}", **elements) for at, elements in enumerate(made["rules"])),
            name=f"policy-{number}",
            payer=made["payer"],
            hooks=made["hooks"],
        )
        for number, made in enumerate(generated)
    ]
    return small_index(directory, organization("other"), *written)


def named(candidates: Candidates) -> list[tuple[str, str, tuple[Coding, ...]]]:
    return sorted(
        (rule.policy.id, rule.citation.rule_id, matched) for rule, matched in candidates.items()
    )


@settings(max_examples=75, deadline=None)
@given(
    generated=st.lists(policies, min_size=1, max_size=4),
    asked=st.lists(
        st.tuples(st.sampled_from(PAYERS), st.sampled_from(KINDS), codings, st.sampled_from(HOOKS)),
        max_size=8,
    ),
)
def test_the_index_finds_what_asking_every_rule_finds(
    tmp_path_factory: pytest.TempPathFactory, generated: list[dict[str, Any]], asked: list[Any]
) -> None:
    """For any library, payer, order and hook: the same rules by the same codings, each once."""
    index = index_of(tmp_path_factory.mktemp("library"), generated)
    for question in asked:
        assert named(index.candidates(*question)) == named(index.ask_every_rule(*question))


def test_both_doors_agree_on_every_case_of_the_library() -> None:
    """The same for the built-in policies and their own cases."""
    index = builtin_index()
    for _, answer in answered_cases(index):
        for payer in index.payers.all:
            question = (payer.id, answer.order.type, answer.order.codings, "order-sign")
            assert named(index.candidates(*question)) == named(index.ask_every_rule(*question))


def test_another_payers_rules_are_never_found(tmp_path: Path) -> None:
    """A code is looked up under its payer."""
    index = small_index(tmp_path, organization("other"), policy(payer="other"))

    assert index.candidates("acme", "ServiceRequest", [Coding(CPT, "0001T")], "order-sign") == {}


def test_a_code_of_another_system_is_another_code(tmp_path: Path) -> None:
    """Coding is system and code."""
    index = small_index(tmp_path, policy())

    assert (
        index.candidates(
            "acme", "ServiceRequest", [Coding(HCPCS, "0001T"), Coding("", "0001T")], "order-sign"
        )
        == {}
    )


def test_a_rule_met_by_several_codings_is_one_candidate(tmp_path: Path) -> None:
    """It speaks once, and knows each coding it was met by."""
    index = small_index(tmp_path, policy(rule(codes=("0001T", "0002T"))))
    both = [Coding(CPT, "0001T"), Coding(CPT, "0002T"), Coding(CPT, "0009T")]
    (matched,) = index.candidates("acme", "ServiceRequest", both, "order-sign").values()

    assert matched == tuple(both[:2])


def test_index_terms_are_found_in_the_words_of_an_order() -> None:
    """The built-in policies' topics, however they are written; with whose policy and which term."""
    index = builtin_index()
    found = {
        words: [
            (mentioned.citation.number, term)
            for mentioned, term in index.mentioned("anthem", [words])
        ]
        for words in (
            "NanoKnife for pancreas",
            "nano-knife",
            "soft  tissue-ablation",
            "an ablation",
            "not NanoKnife",
            "",
        )
    }

    assert found["NanoKnife for pancreas"] == [("SURG.00126", "NanoKnife")]
    assert found["soft  tissue-ablation"] == [("SURG.00126", "Soft Tissue Ablation")]
    assert [found[words] for words in ("nano-knife", "an ablation", "not NanoKnife", "")] == [
        [],
        [],
        [],
        [],
    ]


@pytest.mark.parametrize(
    "words",
    ["NanoKnife, left lobe", "ablation (NanoKnife)", "Ablation by NanoKnife.", "“NanoKnife”"],
)
def test_punctuation_beside_a_term_does_not_hide_it(words: str) -> None:
    """People write commas and brackets."""
    assert [term for _, term in builtin_index().mentioned("anthem", [words])] == ["NanoKnife"]


@settings(max_examples=75, deadline=None)
@given(
    topics=st.lists(
        st.sampled_from(["Invented ablation", "inv", "The-Thing", "(abc) thing", "é"]),
        min_size=1,
        unique=True,
    ),
    words=st.lists(
        st.sampled_from("an invented ablation inv the thing The-Thing (abc) abc É not".split()),
        max_size=5,
    ),
)
@example(topics=["(abc) thing"], words=["abc", "thing"])
def test_a_hint_is_found_exactly_if_a_topic_is_said(
    tmp_path_factory: pytest.TempPathFactory, topics: list[str], words: list[str]
) -> None:
    """Looking up first words misses no policy that reading every topic would find."""
    text = " ".join(words)
    index = small_index(
        tmp_path_factory.mktemp("library"), policy(topic=[{"text": words} for words in topics])
    )

    assert bool(index.mentioned("acme", [text])) == bool(
        find_mentions([text], read_phrases(topics))
    )


def test_versions_of_one_policy_hint_once_each(tmp_path: Path) -> None:
    """A policy is an id; each version is hinted at under its own."""
    topic = [{"text": "Invented ablation"}]
    index = small_index(tmp_path, policy(name="one", topic=topic), policy(name="two", topic=topic))

    assert [
        mentioned.id
        for mentioned, _ in index.mentioned("acme", ["invented ablation", "Invented Ablation"])
    ] == ["one", "two"]


FEW, MANY = 50, 5_000  # codes of one rule
SAME = 1.1  # what a call may cost that does not depend on the number of codes


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Pipeline]:
    """A rule of few codes and a rule of many, each behind a pipeline."""
    directory = tmp_path_factory.mktemp("rules")
    rules = {count: rule(codes=[f"{code:05}" for code in range(count)]) for count in (FEW, MANY)}
    return {
        count: fake_pipeline(small_index(directory / str(count), policy(listing)))
        for count, listing in rules.items()
    }


# The first code, one among them, the last, and several at once.
PLACES = ([0], [25], [-1], [0, 25, -1])


def call_about(count: int, places: list[int]) -> bytes:
    """A call about an order of the codes at these places among so many."""
    codes = [{"system": CPT, "code": f"{range(count)[place]:05}"} for place in places]
    order = {**service_request(), "code": {"coding": codes}}
    prefetch = {"patient": patient(), "coverage": bundle(coverage("acme"))}
    return encode(order_sign(order, version="2.2", prefetch=prefetch))


@pytest.mark.parametrize("places", PLACES, ids=str)
def test_a_call_costs_the_same_however_many_codes_its_rule_lists(
    pipelines: dict[int, Pipeline], places: list[int]
) -> None:
    """A rule's codes are looked up, never gone through."""

    def steps(count: int) -> int:
        body = call_about(count, places)
        pipelines[count].respond(body)  # the first call of a pipeline does more
        return count_steps(lambda: pipelines[count].respond(body))

    assert steps(MANY) <= SAME * steps(FEW)


@pytest.mark.parametrize("places", PLACES, ids=str)
def test_one_code_of_thousands_is_met_as_one_of_a_few(
    pipelines: dict[int, Pipeline], places: list[int]
) -> None:
    """The calls above are refused, for as many codes as they name."""
    determined = {}
    for count, pipeline in pipelines.items():
        decisions = pipeline.evaluate(call_about(count, places)).decisions
        (determination,) = decisions.answers[0].determinations
        determined[count] = determination.covered, len(determination.billing_codes)

    assert determined == dict.fromkeys((FEW, MANY), (Covered.NOT_COVERED, len(places)))
