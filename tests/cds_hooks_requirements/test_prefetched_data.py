"""CDS Hooks, Providing FHIR Resources: what came, what was looked for in vain, what is queried."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest
from every_hook import (
    HOOK_NAMES,
    VERSIONS,
    JsonObject,
    asked_about,
    call,
    covered,
    facts,
    with_token,
)
from hook_requests import bundle, patient, payer_by_reference
from scripted_ehr import ScriptedEhr, always
from wire import open_wire

from cds_service.fhir.resource import decode

BY_REFERENCE, PAYER = payer_by_reference()
FAILED: JsonObject = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout"}],
}


class Serving:
    """The service over HTTP, and an EHR of its own for each call."""

    def __init__(self, directory: Path) -> None:
        self._ehr = ScriptedEhr()
        self._wire = open_wire(directory, ehr=self._ehr)

    def status(self, request: JsonObject, ehr: ScriptedEhr) -> int:
        """The status of the answer to a call whose EHR is this one."""
        self._ehr.resources, self._ehr.fails, self._ehr.queries = ehr.resources, ehr.fails, []
        response = self._wire.send(request)
        ehr.queries = self._ehr.queries
        if response.status_code != 200:
            assert decode(response.data)["resourceType"] == "OperationOutcome"
        return response.status_code

    def answer(self, request: JsonObject, ehr: ScriptedEhr) -> JsonObject:
        """The body of the answer to a call whose EHR is this one."""
        assert self.status(request, ehr) == 200
        return self._wire.answer(request)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """The service over HTTP."""
    return Serving(tmp_path_factory.mktemp("wire") / "library")


def held(hook: str) -> list[JsonObject]:
    """All that a call of a hook needs, the Coverage with its payer by reference."""
    return [patient(), BY_REFERENCE, PAYER, asked_about(hook)]


def kinds(queries: Iterable[str]) -> set[str]:
    """The types of resource that queries ask for."""
    return {query.replace("?", "/").split("/")[0] for query in queries}


def sent(hook: str, version: str) -> JsonObject:
    """A call that may query, with all that it needs in its prefetch."""
    return with_token(call(hook, version=version, member=[patient(), BY_REFERENCE], sent=[PAYER]))


def out_of_reach(hook: str, version: str) -> list[tuple[JsonObject, ScriptedEhr]]:
    """Calls that send nothing, and have no server, no token, or no answer from the server."""
    alone = {**call(hook, version=version), "prefetch": {}}
    asking = with_token(alone)
    without_token = {**asking, "fhirAuthorization": {"token_type": "Bearer"}}
    willing = ScriptedEhr(held(hook))
    return [(alone, willing), (without_token, willing), (asking, ScriptedEhr(fails=always))]


@pytest.mark.cds_hooks("prefetch-7")
@pytest.mark.parametrize(
    ("hook", "version"),
    [
        *product(HOOK_NAMES, ("2.1", "2.2")),
        *product(("order-dispatch", "encounter-start", "encounter-discharge"), ("2.0",)),
    ],
)
def test_needed_data_that_cannot_be_had_is_a_412(serving: Serving, hook: str, version: str) -> None:
    """The Coverage, or what the hook is about; with a server that has it there is an answer."""
    statuses = [serving.status(request, ehr) for request, ehr in out_of_reach(hook, version)]
    request = with_token({**call(hook, version=version), "prefetch": {}})

    assert statuses == [412, 412, 412]
    assert serving.status(request, ScriptedEhr(held(hook))) == 200


@pytest.mark.cds_hooks("prefetch-7")
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "appointment-book"])
def test_for_a_client_of_2_0_no_coverage_is_needed(serving: Serving, hook: str) -> None:
    """It reads on cards what holds for the members of each payer: there is something to answer."""
    for request, ehr in out_of_reach(hook, "2.0"):
        answer = serving.answer(request, ehr)
        assert {card["source"]["label"] for card in answer["cards"]} == {"iCare", "Anthem"}
        assert answer.get("systemActions", []) == []


@pytest.mark.cds_hooks("prefetch-8")
@pytest.mark.parametrize("nothing", [None, {"resourceType": "Bundle", "type": "searchset"}])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_key_without_data_was_looked_for_and_is_not_queried_again(
    serving: Serving, hook: str, version: str, nothing: JsonObject | None
) -> None:
    """Nor is it a 412: CRD 2.0 answers without a Coverage, later versions refuse with 400."""
    ehr = ScriptedEhr(held(hook))
    request = sent(hook, version)
    empty = {**request["prefetch"], "coverage": nothing, "patient": nothing}
    status = serving.status({**request, "prefetch": empty}, ehr)

    assert status == (200 if version == "2.0" else 400)
    assert not kinds(ehr.queries) & {"Coverage", "Patient"}


@pytest.mark.cds_hooks("prefetch-9")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_was_not_sent_is_queried(serving: Serving, hook: str, version: str) -> None:
    """Each key left out alone, and all at once: the answer is as if all had come."""
    request, ehr = sent(hook, version), ScriptedEhr(held(hook))
    complete = serving.answer(request, ehr)
    assert covered(complete) == ["not-covered"]
    assert ehr.queries == []

    for key, kind in (
        ("coverage", "Coverage"),
        ("patient", "Patient"),
        ("organization", "Organization"),
    ):
        rest = {name: value for name, value in request["prefetch"].items() if name != key}
        ehr = ScriptedEhr(held(hook))
        answer = serving.answer({**request, "prefetch": rest}, ehr)
        assert facts(answer) == facts(complete)
        assert kinds(ehr.queries) == {kind}
    ehr = ScriptedEhr(held(hook))
    assert facts(serving.answer({**request, "prefetch": {}}, ehr)) == facts(complete)


@pytest.mark.cds_hooks("prefetch-9")
@pytest.mark.parametrize("failed", [FAILED, bundle(FAILED)], ids=["bare", "in a Bundle"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_key_that_the_client_could_not_fill_is_no_data(
    serving: Serving, hook: str, failed: JsonObject
) -> None:
    """An OperationOutcome is not taken for what was asked: the service tries itself."""
    request, ehr = sent(hook, "2.2"), ScriptedEhr(held(hook))
    unfilled = {**request["prefetch"], "coverage": failed}

    assert covered(serving.answer({**request, "prefetch": unfilled}, ehr)) == ["not-covered"]
    assert kinds(ehr.queries) == {"Coverage"}
