"""CRD page Deviations and Extensions: versions, options, settings and associated resources."""

import re
from collections.abc import Collection
from typing import Any

import pytest
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    ORDER_HOOKS,
    UNLISTED,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    facts,
    status_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from response_types import TOPICS, topic

from cds_service.crd.codes import Topic
from cds_service.crd.request.configuration import ALWAYS_EMITTED
from cds_service.crd.request.hooks import HOOKS

OPTIONS = "davinci-crd.configuration-options"
DECLARABLE = re.compile(r"[1-9]\d*\.[1-9]\d*")  # crdver-1, which refuses `2.0`
WORDS = re.compile(r"[a-z]+(-[a-z]+)*")
TYPES = {"boolean": bool, "integer": int}
HISTORY = (("conditions", "Condition?patient={{context.patientId}}"),)
ALL_OFF = dict.fromkeys(("coverage-info", "unsolicited-determ", "guideline", "claim"), False)
ALL_ON = dict.fromkeys(ALL_OFF, True)


def options(hook: str, topics: Collection[Topic] = ALWAYS_EMITTED) -> list[JsonObject]:
    """The configuration options a service offers whose policies emit these response types."""
    offered: list[JsonObject] = HOOKS[hook].service(topics).to_json()["extension"][OPTIONS]
    return offered


def open_question(hook: str, **call_with: Any) -> JsonObject:
    """A call whose response has all types made here: an action, a policy and a next-step card."""
    return call(hook, asked_about(hook, UNLISTED), member=MEMBERS["commercial"], **call_with)


def given_types(response: JsonObject) -> set[str]:
    """The response types in an answer, by the codes of their switches."""
    topics = set(map(topic, response["cards"]))
    return topics | ({"coverage-info"} if annotations(response) else set())


@pytest.mark.crd("dev-1")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_each_service_declares_versions_and_speaks_them(hook: str) -> None:
    """Those that crdver-1 lets it declare: 2.0, which it refuses, is spoken and not declared."""
    services = (HOOKS[hook].service(), HOOKS[hook].service(set(Topic), HISTORY))
    declared, *others = [
        service.to_json()["extension"]["davinci-crd.version"] for service in services
    ]

    assert declared == ["2.1", "2.2"]
    assert others == [declared]  # whatever the policies propose and read
    assert all(DECLARABLE.fullmatch(version) for version in declared)
    assert {status_of(call(hook, version=version)) for version in declared} == {200}


@pytest.mark.crd("dev-4")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_option_has_a_code_a_type_a_name_a_description_and_a_default_of_its_type(
    hook: str,
) -> None:
    """An option has everything that an EHR's settings screen needs."""
    assert options(hook)
    for option in options(hook):
        assert set(option) == {"code", "type", "name", "description", "default"}
        assert all(option[name] for name in ("code", "name", "description"))
        assert type(option["default"]) is TYPES[option["type"]]


@pytest.mark.crd("dev-7")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_codes_are_names_of_properties_and_the_guides_own_for_response_types(hook: str) -> None:
    """A switch for a response type has the guide's code for that type; all codes are words."""
    offered = options(hook, set(Topic))
    switches = {option["code"] for option in offered if option["type"] == "boolean"}

    assert switches == TOPICS | {"coverage-info", "unsolicited-determ"}
    assert all(WORDS.fullmatch(option["code"]) for option in offered)
    assert [option for option in options(hook) if option not in offered] == []


@pytest.mark.crd("dev-8")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("name", ["code", "name", "description"])
def test_no_two_options_of_a_service_share_anything(hook: str, name: str) -> None:
    """Codes, names and descriptions of a service's options are unique."""
    values = [option[name] for option in options(hook)]

    assert len(set(values)) == len(values)


@pytest.mark.crd("dev-9", "dev-10")
def test_every_hook_offers_the_same_options() -> None:
    """All hooks have the same options."""
    offered = [options(hook) for hook in HOOK_NAMES]

    assert all(offer == offered[0] != [] for offer in offered)


@pytest.mark.crd("dev-5", "dev-14", "dev-10", "resp-28")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_each_response_type_can_be_switched_off_and_the_rest_stays(hook: str, version: str) -> None:
    """`false` removes exactly the type it names, on primary hooks too."""
    usual = ask(open_question(hook, version=version))
    types = given_types(usual)
    switches = {option["code"] for option in options(hook) if option["type"] == "boolean"}

    assert types == {"coverage-info", "guideline", "claim"}
    assert types <= switches
    for code in types:
        assert given_types(
            ask(open_question(hook, version=version, settings={code: False}))
        ) == types - {code}


@pytest.mark.crd("dev-14")
@pytest.mark.parametrize("limit", [0, 1, 2, 9])
@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_a_limit_of_cards_is_kept_and_leaves_the_most_urgent(hook: str, limit: int) -> None:
    """Actions do not count, and warnings come before the rest."""
    unclear = {**asked_about(hook, UNLISTED), "id": "order-2"}
    orders = (unclear, asked_about(hook))
    response = ask(call(hook, *orders, member=MEMBERS["commercial"], settings={"max-cards": limit}))

    assert [card["indicator"] for card in response["cards"]] == ["warning", "info", "info"][:limit]
    assert len(annotations(response)) == 2


@pytest.mark.crd("dev-6", "dev-17")
@settings(max_examples=60, deadline=None)
@given(
    hook=st.sampled_from(HOOK_NAMES),
    asked=st.dictionaries(
        st.sampled_from(
            ["coverage-info", "guideline", "claim", "max-cards", "cost", "unheard-of", ""]
        ),
        st.none()
        | st.booleans()
        | st.integers(-5, 5)
        | st.text(max_size=5)
        | st.lists(st.none(), max_size=1),
    ),
)
def test_senseless_settings_never_fail_a_call(hook: str, asked: JsonObject) -> None:
    """Settings of wrong types, negative limits and all switches off get a 200."""
    assert status_of(open_question(hook, settings=asked)) == 200


@pytest.mark.crd("dev-6")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    "asked", [ALL_OFF, {**ALL_OFF, "max-cards": 9}, {**ALL_ON, "max-cards": 0}], ids=str
)
def test_settings_that_leave_no_card_leave_none(hook: str, asked: JsonObject) -> None:
    """A limit of none beside switches that are on, and everything off, as far as that goes."""
    answered = ask(open_question(hook, settings=asked))

    assert answered["cards"] == []
    assert bool(annotations(answered)) is asked["coverage-info"]


@pytest.mark.crd("dev-5", "dev-14")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_advice_without_a_coverage_is_configured_likewise(hook: str) -> None:
    """For a client that asks for no version, there are a card a payer and nothing else."""

    def cards(**asked: Any) -> int:
        answered = ask(call(hook, version=None, member=MEMBERS["nobody"], settings=asked))
        return len(answered["cards"])

    assert cards() == 2
    assert cards(**{"max-cards": 1}) == 1
    assert cards(guideline=False) == 0


@pytest.mark.crd("dev-17")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    "asked",
    [{"cost": False}, {"insurance": True}, {"unheard-of": 7}, {"guideline": "off"}, [], "x"],
)
def test_settings_that_are_not_ours_change_nothing(hook: str, asked: Any) -> None:
    """Unknown settings are ignored: a client may send one configuration to all its payers."""
    assert facts(ask(open_question(hook, settings=asked))) == facts(ask(open_question(hook)))


@pytest.mark.crd("dev-15")
@pytest.mark.parametrize("version", [None, *VERSIONS])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_call_needs_settings(hook: str, version: str | None) -> None:
    """Without a configuration the defaults hold."""
    defaults = {option["code"]: option["default"] for option in options(hook)}

    assert facts(ask(open_question(hook, version=version))) == facts(
        ask(open_question(hook, version=version, settings=defaults))
    )
