"""CRD page Supported Hooks: what secondary hooks do not ask for, which comes later."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from every_hook import (
    BILLING_OPTIONS,
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    PRIMARY,
    SECONDARY,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    concept,
)
from hook_requests import coverage, patient
from proposal_library import DEFINITIONS, form, proposing
from response_types import texts
from small_library import part, policy, reason, rule, small_index

from cds_service.policy.run.index import PolicyIndex

FORM = "https://forms.example.invalid/Questionnaire/1"
ACME = (patient(), coverage("acme", None))
KINDS = ("admin", "clinical", "patient")
NEEDS = [needs for many in (1, 2, 3) for needs in combinations(KINDS, many)]
# 2.0 has one word, and none for what the patient must supply.
IN_2_0 = {
    ("admin",): "admin",
    ("clinical",): "clinical",
    ("patient",): "admin",
    ("admin", "clinical"): "both",
    ("admin", "patient"): "admin",
    ("clinical", "patient"): "both",
    ("admin", "clinical", "patient"): "both",
}
WORDS = {
    "admin": "administrative documentation",
    "clinical": "clinical documentation",
    "patient": "documentation from the patient",
}


@pytest.fixture(scope="module", params=NEEDS, ids=" and ".join)
def needs(request: pytest.FixtureRequest) -> Sequence[str]:
    """Which documentation the policy wants."""
    kinds: Sequence[str] = request.param
    return kinds


@pytest.fixture(scope="module")
def index(needs: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """A policy that wants documentation on all hooks, names a form, and proposes to fill one in."""
    wanted = (
        part("covered", "covered"),
        part("pa-needed", "auth-needed"),
        *(part("doc-needed", kind) for kind in needs),
        part("doc-purpose", "withclaim"),
        reason("the policy has its reasons"),
        {"url": "questionnaire", "valueCanonical": FORM},
    )
    asking = proposing(form(), codes=(LISTED,), determination=wanted, hooks=HOOK_NAMES)
    return small_index(tmp_path_factory.mktemp("asking"), *DEFINITIONS, asking)


def asked_in_words(response: JsonObject) -> set[str]:
    """The kinds of documentation that the words of its cards ask for."""
    words = " ".join(word for card in response["cards"] for word in texts(card)).lower()
    return {kind for kind, phrase in WORDS.items() if phrase in words}


def forms_in(response: JsonObject) -> list[str]:
    """What in its cards names a form or is a Task to fill one in."""
    words = [word for card in response["cards"] for word in texts(card)]
    return [sign for sign in ("Form: ", "Questionnaire", "Task") if sign in " ".join(words)]


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
def test_a_secondary_hook_asks_for_no_clinical_or_administrative_documentation(
    hook: str, version: str, needs: Sequence[str], index: PolicyIndex
) -> None:
    """Nor for `both`; the patient's stays where the version has a word for it, forms with it."""
    response = ask(call(hook, asked_about(hook), version=version, member=ACME), index=index)
    (parts,) = annotations(response)
    early = [kind for kind in needs if kind == "patient" and version != "2.0"]
    with_it = bool(early) and needs == ("patient",)

    assert parts["covered"] == ["covered"]
    assert parts.get("doc-needed", []) == early
    assert ("doc-purpose" in parts, "questionnaire" in parts) == (with_it, with_it)


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
def test_a_secondary_hooks_cards_ask_for_none_of_it(
    hook: str, version: str, needs: Sequence[str], index: PolicyIndex
) -> None:
    """Neither in words nor by a form to complete."""
    response = ask(call(hook, asked_about(hook), version=version, member=ACME), index=index)

    assert response["cards"]
    assert asked_in_words(response) == {kind for kind in needs if kind == "patient"}
    assert needs == ("patient",) or forms_in(response) == []


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize("hook", SECONDARY)
def test_a_secondary_hooks_advice_asks_for_none_of_it_either(
    hook: str, needs: Sequence[str], index: PolicyIndex
) -> None:
    """An older client without a Coverage reads what holds for members, and as early."""
    response = ask(call(hook, version="2.0", member=MEMBERS["nobody"]), index=index)

    assert response["cards"]
    assert asked_in_words(response) == {kind for kind in needs if kind == "patient"}
    assert needs == ("patient",) or forms_in(response) == []


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
def test_a_secondary_hook_asks_for_none_of_it_whatever_the_order_is_billed_as(
    hook: str, version: str, tmp_path: Path
) -> None:
    """Billing options with different answers: each is rid of what is asked later."""
    billed_as = ("0001T", "0002T")
    rules = [
        rule(
            f"rule-{kind}",
            codes=[code],
            determination=(part("covered", "covered"), part("doc-needed", kind), reason(kind)),
        )
        for code, kind in zip(billed_as, ("clinical", "admin"), strict=True)
    ]
    index = small_index(tmp_path, policy(*rules, hooks=HOOK_NAMES))
    about = asked_about(hook)
    (holder,) = (name for name in ("code", "serviceType", "type") if name in about)
    coded = {"coding": [], "extension": [billing_option(code) for code in billed_as]}
    about[holder] = coded if holder == "code" else [coded]
    stated = annotations(ask(call(hook, about, version=version, member=ACME), index=index))

    assert [parts["billingCode"][0]["code"] for parts in stated] == list(billed_as)
    assert [parts for parts in stated if "doc-needed" in parts] == []


def billing_option(code: str) -> JsonObject:
    """A code that an order may be billed under."""
    return {"url": BILLING_OPTIONS, "valueCodeableConcept": concept(code)}


@pytest.mark.crd("resp-38")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_a_primary_hook_asks_for_all_of_it_and_names_the_form_beside(
    hook: str, version: str, needs: Sequence[str], index: PolicyIndex
) -> None:
    """The documentation that a policy wants comes with its questionnaire, in each version."""
    response = ask(call(hook, asked_about(hook), version=version, member=ACME), index=index)
    (parts,) = annotations(response)

    assert parts["doc-needed"] == ([IN_2_0[tuple(needs)]] if version == "2.0" else list(needs))
    assert (parts["doc-purpose"], parts["questionnaire"]) == (["withclaim"], [FORM])
    assert asked_in_words(response) == set(needs)
    assert forms_in(response) == ["Form: ", "Questionnaire", "Task"]
