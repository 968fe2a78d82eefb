"""Configuration: what a client may switch, and that nonsense switches nothing."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.crd.codes import Topic
from cds_service.crd.request.configuration import (
    ALWAYS_EMITTED,
    Configuration,
    options,
    read_configuration,
)
from cds_service.crd.response.cards import CARD_TYPES

KEY = "davinci-crd.configuration"
TYPES = {"boolean": bool, "integer": int}
SENTENCE_END = re.compile(r"\.(?= |$)")

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
settings_asked = st.dictionaries(
    st.sampled_from([*Topic, "max-cards", "cost", "unsolicited-determ", ""]), junk, max_size=6
)


@pytest.mark.crd("dev-6", "dev-15", "dev-17")
@settings(max_examples=200, deadline=None)
@given(
    extension=st.fixed_dictionaries(
        {}, optional={KEY: settings_asked | junk, "com.example.else": junk}
    )
)
def test_no_nonsense_stops_a_call(extension: dict[str, Any]) -> None:
    """Whatever a client sends, there is a configuration, and its limit is one that can be kept."""
    read = read_configuration(extension)

    assert read.max_cards >= 0
    assert read.off <= set(Topic)


@pytest.mark.crd("dev-15", "dev-17")
@pytest.mark.parametrize(
    "asked",
    [
        None,
        {},
        [],
        "off",
        7,
        True,
        {"not-a-type": False},
        {"unheard-of": False},
        [{"unheard-of": 1}],
        {"Coverage-Info": False},
    ],
    ids=repr,
)
def test_no_settings_and_unknown_settings_change_nothing(asked: Any) -> None:
    """A client need not send settings, and codes we do not know are ignored."""
    assert read_configuration({KEY: asked}) == read_configuration({}) == Configuration()


@pytest.mark.crd("dev-14")
@pytest.mark.parametrize("topic", Topic)
def test_a_switch_switches_its_topic_and_no_other(topic: Topic) -> None:
    """`false` is heeded for one response type at a time."""
    read = read_configuration({KEY: {topic.value: False}})

    assert [other for other in Topic if not read.wants(other)] == [topic]
    assert read_configuration({KEY: {topic.value: True}}) == Configuration()


@pytest.mark.crd("dev-6")
@pytest.mark.parametrize("senseless", ["no", "false", 0, 1, None, [], {}, 0.0])
def test_a_switch_that_is_neither_true_nor_false_is_noted_and_ignored(senseless: Any) -> None:
    """`"no"` is not false: guessing would hide an answer."""
    read = read_configuration({KEY: {"coverage-info": senseless}})

    assert read.wants(Topic.COVERAGE_INFO)
    assert read.ignored == ("coverage-info",)


@pytest.mark.crd("dev-14")
@pytest.mark.parametrize("limit", [0, 1, 3, 10, 10**30])
def test_a_limit_is_kept(limit: int) -> None:
    """Any number of cards can be asked for, none too."""
    read = read_configuration({KEY: {"max-cards": limit}})

    assert (read.max_cards, read.ignored) == (limit, ())


@pytest.mark.crd("dev-6")
@pytest.mark.parametrize("senseless", [-1, True, False, "3", None, 2.5, [], {}])
def test_a_limit_that_is_no_number_of_cards_is_noted_and_ignored(senseless: Any) -> None:
    """The default holds, and the other settings of the call too."""
    read = read_configuration({KEY: {"max-cards": senseless, "guideline": False}})

    assert (read.max_cards, read.ignored) == (Configuration().max_cards, ("max-cards",))
    assert not read.wants(Topic.GUIDELINE)


@pytest.mark.crd("dev-4", "dev-8")
def test_the_options_are_complete_and_unlike_each_other() -> None:
    """Each has all its parts and a default of its type; no two share code, name or description."""
    offered = options(set(Topic))
    for option in offered:
        assert set(option) == {"code", "type", "name", "description", "default"}
        assert type(option["default"]) is TYPES[option["type"]]
        assert 1 <= len(SENTENCE_END.findall(option["description"])) <= 2
    for element in ("code", "name", "description"):
        assert len({option[element] for option in offered}) == len(offered)


@pytest.mark.crd("dev-5")
def test_every_response_type_we_send_can_be_switched() -> None:
    """Coverage information and each kind of card has its switch, what we never send has none."""
    for topics in (ALWAYS_EMITTED, ALWAYS_EMITTED | {Topic.COST}, set(Topic)):
        switches = {option["code"] for option in options(topics) if option["type"] == "boolean"}
        assert switches == topics

    assert {Topic.COVERAGE_INFO, Topic.UNSOLICITED_DETERM, *CARD_TYPES} == ALWAYS_EMITTED


def test_what_is_declared_as_default_is_the_default() -> None:
    """Discovery does not promise what the reader does not do."""
    declared = {option["code"]: option["default"] for option in options()}

    assert declared.pop("max-cards") == Configuration().max_cards
    assert all(declared.values())
