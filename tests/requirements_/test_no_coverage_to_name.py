"""Where no valid coverage information can be written, for it names exactly one Coverage.

The guide contradicts itself here: it wants `indeterminate` or `not-covered` (resp-43, resp-45), a
part `coverage` in every repetition of the extension, and a 400 (hook-13); CDS Hooks wants a 412.
"""

from typing import Any

import pytest
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    SECONDARY,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    status_of,
    updates,
    with_token,
)
from hook_requests import COMMERCIAL_PPO, bundle, coverage, patient
from scripted_ehr import ScriptedEhr

from cds_service.errors import DataUnavailable, PayerNotHandled

NEWER = ("2.1", "2.2")
OLDER = (None, "2.0")
OUTCOME: JsonObject = {"resourceType": "OperationOutcome", "issue": []}
SEVERAL = (*MEMBERS["medicare"], coverage("anthem", COMMERCIAL_PPO, id="coverage-2"))
# What the client found when it looked for the Coverage.
FOUND_NONE: dict[str, Any] = {"null": None, "an empty Bundle": bundle(), "nothing": {}}


def cannot_search(query: str) -> bool:
    """An EHR that fails where it is asked for Coverages."""
    return query.startswith("Coverage")


def without_coverage(hook: str, version: str | None, *sent: Any) -> JsonObject:
    """A call whose prefetch has no Coverage, or this in its place."""
    request = call(hook, version=version)
    rest = {name: value for name, value in request["prefetch"].items() if name != "coverage"}
    return {**request, "prefetch": {**rest, **({"coverage": sent[0]} if sent else {})}}


def unread(hook: str, version: str | None) -> list[tuple[JsonObject, ScriptedEhr | None]]:
    """Calls whose Coverage could not be read: not sent, not to be had by the client, nor by us."""
    nowhere = without_coverage(hook, version)
    held = ScriptedEhr([patient(), asked_about(hook)], fails=cannot_search)
    return [
        (nowhere, None),
        (without_coverage(hook, version, OUTCOME), None),
        (without_coverage(hook, version, bundle(OUTCOME)), None),
        (with_token(nowhere), held),
    ]


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("found", FOUND_NONE.values(), ids=FOUND_NONE)
def test_no_coverage_is_a_400(found: Any, hook: str, version: str) -> None:
    """Nobody can be told from it, so no payer here can have a say (hook-13)."""
    with pytest.raises(PayerNotHandled, match="no Coverage") as refusal:
        ask(without_coverage(hook, version, found))

    assert refusal.value.status == 400


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_coverage_in_the_ehr_is_a_400(hook: str, version: str) -> None:
    """The service looked itself, and found none."""
    request = with_token(without_coverage(hook, version))
    with pytest.raises(PayerNotHandled, match="no Coverage") as refusal:
        ask(request, ehr=ScriptedEhr([patient(), asked_about(hook)]))

    assert refusal.value.status == 400


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_several_coverages_are_a_400(hook: str, version: str) -> None:
    """Which of them is the primary one nobody may guess, be it for `coverage-not-found`."""
    with pytest.raises(PayerNotHandled, match="several Coverages") as refusal:
        ask(call(hook, version=version, member=SEVERAL))

    assert refusal.value.status == 400


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_several_coverages_in_the_ehr_are_a_400(hook: str, version: str) -> None:
    """The service looked itself, and found more than one."""
    request = with_token(without_coverage(hook, version))
    ehr = ScriptedEhr([*SEVERAL, asked_about(hook)])
    with pytest.raises(PayerNotHandled, match="several Coverages") as refusal:
        ask(request, ehr=ehr)

    assert refusal.value.status == 400
    assert "Coverage?patient=member-1&status=active" in ehr.queries


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_coverage_that_nothing_can_name_is_a_400(hook: str, version: str) -> None:
    """Without an id no repetition of the extension could refer to it."""
    assert status_of(call(hook, version=version, member=[patient(), coverage(id=None)])) == 400


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_coverage_that_could_not_be_read_is_a_412(hook: str, version: str) -> None:
    """CDS Hooks: what is needed was neither sent nor can it be queried. It may be there."""
    for request, ehr in unread(hook, version):
        with pytest.raises(DataUnavailable) as refusal:
            ask(request, ehr=ehr)
        assert refusal.value.status == 412


@pytest.mark.parametrize("version", OLDER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("found", FOUND_NONE.values(), ids=FOUND_NONE)
def test_an_older_client_without_coverage_gets_cards_and_no_annotation(
    found: Any, hook: str, version: str | None
) -> None:
    """CRD 2.0 knows no such error: what the payers' policies say is shown, nothing is written."""
    response = ask(without_coverage(hook, version, found))

    assert response.get("systemActions") == (None if hook in SECONDARY else [])
    assert {card["source"]["label"] for card in response["cards"]} == {"iCare", "Anthem"}


@pytest.mark.parametrize("version", OLDER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_older_client_whose_coverage_could_not_be_read_gets_the_same(
    hook: str, version: str | None
) -> None:
    """Cards for members of any payer, and nothing written."""
    for request, ehr in unread(hook, version):
        response = ask(request, ehr=ehr)
        assert updates(response) == []
        assert {card["source"]["label"] for card in response["cards"]} == {"iCare", "Anthem"}


@pytest.mark.crd("found-15")
@pytest.mark.parametrize("version", OLDER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_older_client_gets_an_annotation_for_each_of_several_coverages(
    hook: str, version: str | None
) -> None:
    """CRD 2.0 does not ask for one: each is named in a repetition of its own."""
    stated = annotations(ask(call(hook, version=version, member=SEVERAL)))

    assert [parts["coverage"][0]["reference"] for parts in stated] == [
        "Coverage/coverage-1",
        "Coverage/coverage-2",
    ]


@pytest.mark.crd("found-34")
@pytest.mark.parametrize("version", OLDER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_older_client_is_answered_for_the_coverage_that_is_of_a_payer_here(
    hook: str, version: str | None
) -> None:
    """Another one beside it, of a payer that nobody here knows, takes nothing away."""
    member = (*MEMBERS["medicare"], coverage("somebody-else", id="coverage-2"))
    (stated,) = annotations(ask(call(hook, version=version, member=member)))

    assert stated["coverage"][0]["reference"] == "Coverage/coverage-1"
    assert stated["covered"] == ["not-covered"]


@pytest.mark.parametrize("version", OLDER)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_older_client_whose_coverage_has_no_id_gets_a_card_and_no_annotation(
    hook: str, version: str | None
) -> None:
    """The payer is known, and what it determines can be shown."""
    response = ask(call(hook, version=version, member=[patient(), coverage(id=None)]))

    assert updates(response) == []
    assert [card["source"]["label"] for card in response["cards"]] == ["iCare"]
