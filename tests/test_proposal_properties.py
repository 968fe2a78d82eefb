"""Whatever a policy proposes, and whatever the order looks like, the response fits the models."""

from pathlib import Path
from tempfile import TemporaryDirectory

from every_hook import HOOK_NAMES, VERSIONS, ask, asked_about, call
from hook_requests import coverage, patient
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_values
from proposal_library import (
    DEFINITIONS,
    EVERY_KIND,
    addition,
    app,
    correction,
    dynamic,
    form,
    proposing,
    replacement,
    update,
)
from response_models import response_problems
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    applicability,
    small_index,
)

from cds_service.errors import HookError
from cds_service.fhir.resource import JsonObject

# What a dynamicValue may yield: what fits, what does not, nothing, several, an error.
EXPRESSIONS = (
    "'2026-12-24'",
    "'x' | 'y'",
    "7",
    "true",
    "%order.code",
    "%order.status",
    "%coverage.payor",
    "%order.identifier.value",
    "%order.code.coding.code.lower()",
)
CONDITIONS = (
    "%order.exists()",
    "%order.performerType.coding.code = 'x'",
    "%plan.exists()",
    "%order.status",
)
ELEMENTS = ("status", "intent", "subject", "authoredOn", "requester", "reasonCode", "encounter")


def dynamic_values(*paths: str) -> st.SearchStrategy[JsonObject]:
    """At most two dynamicValues as the members of a proposal."""
    pairs = st.dictionaries(st.sampled_from(paths), st.sampled_from(EXPRESSIONS), max_size=2)
    return pairs.map(
        lambda drawn: (
            {"dynamicValue": [dynamic(path, how) for path, how in drawn.items()]} if drawn else {}
        )
    )


OF_ORDERS = dynamic_values("occurrenceDateTime", "category", "performerType")
PROPOSALS = st.one_of(
    dynamic_values("category", "performerType").map(lambda more: update(**more)),
    st.just(replacement()),
    st.sampled_from(["test", "drug", "device"]).map(lambda defined: addition(defined=defined)),
    OF_ORDERS.map(lambda more: addition(**more)),
    st.just(form()),
    dynamic_values("subscriberId", "order", "class").map(lambda more: correction(**more)),
    dynamic_values("appContext").map(lambda more: app(**more)),
    st.sampled_from(sorted(EVERY_KIND)).map(EVERY_KIND.__getitem__),
)
ANSWERS = st.sampled_from([NOT_COVERED, COVERED_WITHOUT_AUTHORIZATION, AUTHORIZATION_NEEDED])


def named(number: int, proposal: JsonObject, title: str, condition: str | None) -> JsonObject:
    """A proposal with an id of its own, other words, and perhaps a condition."""
    conditional = {"condition": [applicability(condition)]} if condition else {}
    return {**proposal, "id": f"p-{number}", "title": f"T {title}", **conditional}


WORDED = st.tuples(
    PROPOSALS,
    st.text(max_size=200).map(lambda words: words.replace("\x00", "")),
    st.none() | st.sampled_from(CONDITIONS),
)


@settings(max_examples=150, deadline=None)
@given(
    drawn=st.lists(WORDED, max_size=5),
    determination=ANSWERS,
    hook=st.sampled_from(HOOK_NAMES),
    version=st.sampled_from(VERSIONS),
    dirt=st.dictionaries(st.sampled_from(ELEMENTS), json_values, max_size=2),
    member=st.sampled_from([{}, {"subscriberId": "S"}, {"id": ""}, {"payor": []}]),
)
def test_whatever_a_policy_proposes_the_response_fits_the_models(
    drawn: list[tuple[JsonObject, str, str | None]],
    determination: tuple[JsonObject, ...],
    hook: str,
    version: str,
    dirt: JsonObject,
    member: JsonObject,
) -> None:
    """Orders with anything in place of what profiles require, or policies with any expression."""
    below = [named(number, *parts) for number, parts in enumerate(drawn)]
    with TemporaryDirectory() as directory:
        policy = proposing(*below, determination=determination)
        index = small_index(Path(directory) / "library", *DEFINITIONS, policy)
    order = {**asked_about(hook, "0001T"), **dirt}
    members = (patient(), coverage("acme", None, **member))

    try:
        answered = ask(call(hook, order, version=version, member=members), index=index)
    except HookError as error:
        assert 400 <= error.status < 500  # noqa: PT017
        return
    assert response_problems(answered, version) == []
