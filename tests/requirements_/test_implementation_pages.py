"""CRD pages Implementation Guidance and Operational: failing EHRs, and what is assumed."""

import pytest
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    PRIMARY,
    VERSIONS,
    annotations,
    ask,
    asked_about,
    call,
    covered,
    facts,
    with_token,
)
from hook_requests import coverage, patient
from scripted_ehr import ScriptedEhr, always


@pytest.mark.crd("impl-2", "found-34")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_with_the_ehr_away_what_was_sent_is_answered_as_ever(hook: str, version: str) -> None:
    """A failing query changes nothing if the determination does not depend on it."""
    request = call(hook, version=version)
    without_patient = call(hook, version=version, member=MEMBERS["medicare"][1:])
    response = ask(with_token(without_patient), ehr=ScriptedEhr(fails=always))

    assert facts(response) == facts(ask(request))


@pytest.mark.crd("found-34")
@pytest.mark.parametrize("hook", PRIMARY)
def test_an_answer_given_without_knowing_the_plan_says_so(hook: str) -> None:
    """The reason of a determination says what depends on the plan."""
    (parts,) = annotations(ask(call(hook, member=[patient("NV"), coverage("anthem", None)])))

    assert "could not be told here whether the member is in" in str(parts["reason"])


@pytest.mark.crd("impl-5")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_codes_an_answer_was_given_for_are_named(hook: str, version: str) -> None:
    """The annotation holds the code that the policy matched on."""
    (parts,) = annotations(ask(call(hook, version=version)))

    assert [code["code"] for code in parts["billingCode"]] == ["0600T"]


@pytest.mark.crd("ops-1")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["encounter-start", "order-select"])
def test_the_hooks_before_signing_are_supported(hook: str, version: str) -> None:
    """Early hooks carry what is certain already, and nothing for orders without a policy."""
    silent = ask(call(hook, asked_about(hook, "99213"), version=version))

    assert covered(ask(call(hook, version=version))) == ["not-covered"]
    assert (covered(silent), silent["cards"]) == ([], [])
