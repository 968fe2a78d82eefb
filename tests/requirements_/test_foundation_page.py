"""CRD page Foundation: codes, cards, endpoints, missing data and records."""

import json
from typing import Any

import pytest
from every_answer import Answered, every_card
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    PRIMARY,
    UNLISTED,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    covered,
    facts,
    hosted,
    minimal_orders,
    with_token,
)
from fake_web import fake_web
from fakes import fake_pipeline
from flask.testing import FlaskClient
from hook_requests import MEDICARE_HMO, coverage, patient
from scripted_ehr import ScriptedEhr, always
from small_library import insurance_plan, organization, policy, small_index

from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import encode
from cds_service.policy.run.index import PolicyIndex

BRANDS = {"icare": "iCare", "anthem": "Anthem"}  # by the payer's identifier


@pytest.mark.crd("found-10")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://www.ama-assn.org/go/cpt", "0600t"),
        ("http://www.ama-assn.org/go/cpt", " 0600T "),
        ("http://www.ama-assn.org/go/cpt", "0600T-53"),
        ("http://www.ama-assn.org/go/cpt", "0600T:53"),
        ("https://www.ama-assn.org/go/cpt/", "0600T"),
        ("urn:oid:2.16.840.1.113883.6.12", "0600T"),
    ],
)
def test_one_service_written_in_many_ways_gets_one_answer(
    hook: str, system: str, code: str
) -> None:
    """Case, blanks, modifiers and the spelling of code systems change no determination."""
    about = asked_about(hook, "CODE")
    written = json.loads(json.dumps(about).replace('"CODE"', json.dumps(code)).replace(CPT, system))

    assert covered(ask(call(hook, written))) == ["not-covered"]


@pytest.mark.crd("found-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_order_no_policy_speaks_of_earns_no_card(hook: str, version: str) -> None:
    """An order without a policy gets no card."""
    response = ask(call(hook, asked_about(hook, NOT_IN_A_POLICY), version=version))

    assert response["cards"] == []


@pytest.mark.crd("found-13")
def test_each_card_is_for_the_member_or_says_first_for_whom_it_is() -> None:
    """A card is of the payer of the Coverage; where none came it says that, and whose it is."""
    seen = set()
    for answered, card in every_card():
        payers = brands_sent(answered)
        label, detail = card["source"]["label"], card["detail"]
        if payers:
            assert label in payers
        else:
            assert answered.version == "2.0"
            assert detail.startswith("No coverage came with this call")
            assert f"What follows holds for members of {label}" in detail.split("\n")[0]
        seen.add((bool(payers), label))

    assert seen == {(known, brand) for known in (True, False) for brand in BRANDS.values()}


def brands_sent(answered: Answered) -> set[str]:
    """Those of the payers whose identifiers stand anywhere in what was prefetched."""
    sent = json.dumps(answered.request["prefetch"], default=str)
    return {brand for payer, brand in BRANDS.items() if f'"value": "{payer}"' in sent}


@pytest.mark.crd("found-13")
@pytest.mark.parametrize("version", [None, "2.0"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    ("code", "brands"),
    [(LISTED, {"iCare", "Anthem"}), (UNLISTED, {"Anthem"}), (NOT_IN_A_POLICY, set())],
)
def test_where_no_payer_is_known_the_cards_are_of_the_policies_on_the_code_ordered(
    hook: str, version: str | None, code: str, brands: set[str]
) -> None:
    """A payer whose policies do not address the code is not spoken of."""
    request = call(hook, asked_about(hook, code), version=version, member=MEMBERS["nobody"])

    assert {card["source"]["label"] for card in ask(request)["cards"]} == brands


@pytest.mark.crd("found-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_member_is_shown_no_policy_on_what_their_payer_has_none_on(
    hook: str, version: str
) -> None:
    """The code is in another payer's policy alone."""
    request = call(hook, asked_about(hook, UNLISTED), version=version, member=MEMBERS["medicare"])

    assert ask(request)["cards"] == []


@pytest.mark.crd("found-13")
@pytest.mark.parametrize("version", [None, "2.0"])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_members_of_a_payer_not_hosted_here_are_shown_nobodys_policy(
    hook: str, version: str | None
) -> None:
    """Their payer is known, though not here: what others have is not for them."""
    assert ask(call(hook, version=version, member=MEMBERS["elsewhere"]))["cards"] == []


@pytest.mark.crd("found-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_words_of_an_order_lead_to_the_policies_of_the_members_payer_and_plan(
    hook: str, version: str, alike: PolicyIndex
) -> None:
    """Others are about the same, but another payer's, or for members of another plan."""
    about = asked_about(hook, NOT_IN_A_POLICY, "Invented ablation")
    member = (patient(), coverage("acme", MEDICARE_HMO))
    response = ask(call(hook, about, version=version, member=member), index=alike)
    links = [link["url"] for card in response["cards"] for link in card["links"]]

    assert links
    assert [link for link in links if "the-members-own" not in link] == []


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """Policies whose subject has one name: of the member's plan, of another, of another payer."""
    named: JsonObject = {"hooks": HOOK_NAMES, "topic": [{"text": "Invented ablation"}]}
    plans = insurance_plan("senior", "111"), insurance_plan("hmo", "511")
    return small_index(
        tmp_path_factory.mktemp("alike"),
        organization("beta"),
        *plans,
        policy(name="the-members-own", lines=["InsurancePlan/senior"], **named),
        policy(name="another-plans", lines=["InsurancePlan/hmo"], **named),
        policy(name="another-payers", payer="beta", **named),
    )


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """The service over HTTP."""
    pipelines = {f"{hook}-crd": fake_pipeline(hosted(), hook=hook) for hook in HOOK_NAMES}
    return fake_web(pipelines).test_client()


@pytest.mark.crd("found-15")
def test_the_one_endpoint_has_one_service_a_hook(client: FlaskClient) -> None:
    """Whatever payers and plans are hosted: discovery is one list, and no hook is in it twice."""
    services = client.get("/cds-services").get_json()["services"]

    assert len(hosted().payers.all) > 1
    assert sorted(service["hook"] for service in services) == sorted(HOOK_NAMES)
    assert len({service["id"] for service in services}) == len(HOOK_NAMES)


@pytest.mark.crd("found-15")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_it_answers_for_every_payer_and_plan(hook: str, version: str) -> None:
    """The same service gives each member the determination of their own payer and plan."""
    answers = {
        member: ask(call(hook, version=version, member=MEMBERS[member]))
        for member in ("medicare", "commercial", "california")
    }

    assert {member: covered(answer) for member, answer in answers.items()} == {
        "medicare": ["not-covered"],
        "commercial": ["not-covered"],
        "california": ["conditional"],
    }
    assert [answer["cards"][0]["source"]["label"] for answer in answers.values()] == [
        "iCare",
        "Anthem",
        "Anthem",
    ]


def with_surprises(value: Any) -> Any:
    """The same JSON with an unexpected element in every object."""
    if isinstance(value, dict):
        return {
            **{name: with_surprises(inner) for name, inner in value.items()},
            "unexpected": {"of": ["us"]},
        }
    return [with_surprises(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.crd("found-33", "hook-23")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_unexpected_elements_everywhere_change_nothing(hook: str, version: str) -> None:
    """Those of envelope, context, prefetch and resources are ignored, sent or queried."""
    request = with_token(call(hook, version=version))
    unsent = {**request, "prefetch": {}}
    held = [*MEMBERS["medicare"], asked_about(hook)]
    plain, surprising = ScriptedEhr(held), ScriptedEhr(with_surprises(held))

    assert facts(ask(with_surprises(request))) == facts(ask(request))
    assert facts(ask(with_surprises(unsent), ehr=surprising)) == facts(ask(unsent, ehr=plain))
    assert surprising.queries == plain.queries != []


@pytest.mark.crd("found-34")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_is_not_known_is_named_and_the_rest_is_said(hook: str, version: str) -> None:
    """With an unknown plan the response names the policy and what it depends on."""
    response = ask(call(hook, version=version, member=MEMBERS["plan unknown"]))

    assert covered(response) == ["conditional"]
    assert annotations(response)[0]["info-needed"] == ["OTH"]
    assert "which plan" in response["cards"][1]["summary"]


@pytest.mark.crd("found-34", "impl-2")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_cannot_be_read_does_not_take_the_others_with_it(version: str) -> None:
    """If the code of one order cannot be read from the EHR, the other order is answered."""
    drug = {
        **minimal_orders()["MedicationRequest"],
        "medicationReference": {"reference": "Medication/m"},
    }
    del drug["medicationCodeableConcept"]
    request = with_token(call("order-sign", drug, asked_about("order-sign"), version=version))

    assert covered(ask(request, ehr=ScriptedEhr(fails=always))) == [
        "indeterminate" if version == "2.2" else "conditional",
        "not-covered",
    ]


@pytest.mark.crd("found-34")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_without_a_coverage_an_older_client_learns_of_the_policies_there_are(hook: str) -> None:
    """Without a Coverage no order is annotated, but the policy of each payer has a card."""
    response = ask(call(hook, version="2.0", member=MEMBERS["nobody"]))

    assert annotations(response) == []
    assert {card["source"]["label"] for card in response["cards"]} == {"iCare", "Anthem"}


@pytest.mark.crd("found-40")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_white_space_is_sent_that_says_nothing(client: FlaskClient, hook: str) -> None:
    """Discovery, responses and errors are JSON without insignificant white space."""
    url = f"/cds-services/{hook}-crd"
    sent = [
        client.get("/cds-services"),
        client.post(url, data=encode(call(hook))),
        client.post(url, data=encode(call(hook, version="9.9"))),
    ]

    assert [response.status_code for response in sent] == [200, 200, 422]
    assert [response.text for response in sent] == [
        json.dumps(json.loads(response.text), separators=(",", ":"), ensure_ascii=False)
        for response in sent
    ]
