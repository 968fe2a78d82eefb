"""CRD page Conformance Expectations: what data may be relied on, and what decides nothing."""

import copy
import re
from collections.abc import Iterable
from typing import Any

import pytest
from beyond_profiles import BEYOND, OF_ALL, UNHEARD_OF, WORDS, with_more
from complete_resources import (
    ASKED,
    KINDS,
    REQUESTS,
    WRITTEN,
    complete_member,
    complete_orders,
    index_of,
    kinds_of,
    least_order,
    member,
    only,
    refusing,
    rule_for,
)
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    PULSED_FIELD,
    UNLISTED,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    covered,
    facts,
    reason_codes,
    with_token,
)
from hook_requests import patient
from order_profiles import MANDATORY, MUST_SUPPORT, OF_THE_MEMBER, names_of
from proposal_library import DEFINITIONS, EVERY_KIND, PROPOSED
from response_types import TYPES, response_type
from scripted_ehr import ScriptedEhr
from small_library import (
    AUTHORIZATION_NEEDED,
    applicability,
    instruction,
    reason,
)

from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.policy.run.index import PolicyIndex

# The types that CRD, HRex or US Core have a profile for, of those that anything here might ask for.
PROFILED = set(
    "Appointment CommunicationRequest Condition Coverage Device DeviceRequest DiagnosticReport "
    "Encounter Immunization Location Medication MedicationRequest NutritionOrder Observation "
    "Organization Patient Practitioner PractitionerRole Procedure ServiceRequest "
    "VisionPrescription".split()
)
# What an order of any kind is for.
REASONS = ("reasonCode", "reasonReference", "diagnosis")


def mandatory_member() -> list[JsonObject]:
    """Patient, Coverage and payer with no more than they must have."""
    resources = complete_member()
    return [only(resource, OF_THE_MEMBER[kind]) for kind, resource in resources.items()]


@pytest.mark.crd("conf-7", "conf-8", "hook-22")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_what_is_mandatory_and_no_more_is_enough(hook: str, kind: str, version: str) -> None:
    """An order, a Coverage and a Patient of nothing but that: a policy decides by the code."""
    request = call(hook, least_order(kind), version=version, member=mandatory_member())
    response = ask(request, index=refusing())
    decided = kind != "Appointment"  # it need not be coded, so no policy is met
    undecided = "indeterminate" if version == "2.2" else "conditional"

    if (hook, kind, version) not in WRITTEN:
        assert [card["indicator"] for card in response["cards"]] == ["warning"]
    else:
        assert covered(response) == ["not-covered" if decided else undecided]
        assert "technical" not in reason_codes(annotations(response)[0])


@pytest.fixture(scope="module")
def of_the_words() -> PolicyIndex:
    """Rules that refuse by the words of an order."""
    named = applicability("%words.where($this.contains('Pulsed field')).exists()")
    return index_of(rule_for(kind, condition=[named]) for kind in REQUESTS)


@pytest.fixture(scope="module")
def curious() -> PolicyIndex:
    """Rules that follow what an order refers to."""
    asked = applicability("%indications.where(code = 'C22.0').exists()")
    return index_of(rule_for(kind, condition=[asked]) for kind in REQUESTS)


@pytest.mark.crd("conf-7", "conf-8", "hook-22")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_data_beyond_the_profiles_decide_nothing(
    of_the_words: PolicyIndex, curious: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """Elements no profile promises, full of the words, codes and dates that a rule asks for."""
    complete = complete_orders()[kind]
    order = {name: complete[name] for name in complete if name not in REASONS}
    plain = call(hook, order, version=version, member=member())
    more = [with_more(resource) for resource in member()]
    rich = call(hook, with_more(order), version=version, member=more, sent=[UNHEARD_OF])

    for index in (of_the_words, curious, refusing()):
        assert facts(ask(rich, index=index)) == facts(ask(plain, index=index))


@pytest.mark.crd("conf-8")
@pytest.mark.parametrize("kind", KINDS)
def test_the_elements_that_the_service_reads_itself_are_promised(kind: str) -> None:
    """Where an order keeps its codes, its dates and its reasons."""
    read = ORDER_KINDS[kind]
    dates = (*read.date_of_service, read.written)
    paths = (*read.codes, *dates, *read.coded_by, *read.reasons, *read.reasons_by)
    promised = {path.split(".")[0] for path in f"{MANDATORY[kind]} {MUST_SUPPORT[kind]}".split()}

    for name, *_ in paths:
        assert any(names_of({name: None}, element) for element in promised), name


@pytest.mark.crd("conf-8")
@pytest.mark.parametrize(
    ("hook", "element", "value"),
    [
        ("appointment-book", "reasonCode", [WORDS]),
        ("encounter-start", "basedOn", [{"reference": "ServiceRequest/other"}]),
    ],
)
def test_a_visit_is_read_by_its_own_profile(hook: str, element: str, value: list[Any]) -> None:
    """What only the profile of ServiceRequest promises is unknown of it, whether there or not."""
    conditions = (f"%order.{element}.exists()", f"%order.{element}.empty()")
    for condition in map(applicability, conditions):
        index = index_of([rule_for("ServiceRequest", condition=[condition])])
        plain = ask(call(hook, asked_about(hook, "0001T"), member=member()), index=index)
        about = {**asked_about(hook, "0001T"), element: value}

        assert covered(plain) == ["conditional"]
        assert facts(ask(call(hook, about, member=member()), index=index)) == facts(plain)


@pytest.mark.crd("conf-8", "hook-22")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("code", [LISTED, UNLISTED])
def test_no_note_decides_for_a_code_that_must_be_specified(
    code: str, hook: str, version: str
) -> None:
    """On 93799 the words of the code decide; the same words in a note or a detail do not."""
    about = asked_about(hook, code)
    whose = MEMBERS["commercial"]
    plain = ask(call(hook, about, version=version, member=whose))
    specified = ask(
        call(hook, asked_about(hook, code, PULSED_FIELD), version=version, member=whose)
    )
    more = [with_more(resource) for resource in whose]
    rich = ask(call(hook, with_more(about), version=version, member=more, sent=[UNHEARD_OF]))

    assert covered(specified) == ["not-covered"]
    assert covered(plain) == (["conditional"] if code == UNLISTED else ["not-covered"])
    assert facts(rich) == facts(plain)


@pytest.mark.crd("conf-7")
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_nothing_is_asked_for_that_has_no_profile(
    curious: PolicyIndex, hook: str, kind: str
) -> None:
    """Neither of the client by a prefetch template nor of its EHR by a query."""
    templates = [template for _, template in HOOKS[hook].service().prefetch]
    order = complete_orders()[kind]
    ehr = ScriptedEhr([order, UNHEARD_OF, *member()])
    ask({**with_token(call(hook, order)), "prefetch": {}}, index=curious, ehr=ehr)
    of_templates, of_queries = (_types(queries) for queries in (templates, ehr.queries))

    assert {"Patient", "Coverage", "Organization"} <= of_templates <= PROFILED
    assert {"Patient", "Coverage", "Organization"} <= of_queries <= PROFILED


def _types(queries: Iterable[str]) -> set[str]:
    return {re.split(r"[/?]", query)[0] for query in queries}


@pytest.mark.crd("conf-8")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_where_a_patients_contacts_live_decides_nothing(hook: str) -> None:
    """One in California makes nobody a Californian."""
    whose = [patient("NV"), MEMBERS["california"][1]]
    more = [with_more(resource) for resource in whose]

    assert covered(ask(call(hook, member=more))) == covered(ask(call(hook, member=whose)))
    assert covered(ask(call(hook, member=more))) == ["not-covered"]


@pytest.fixture(scope="module")
def proposing() -> PolicyIndex:
    """A rule that demands an authorization and proposes one thing of each kind."""
    demand = [*AUTHORIZATION_NEEDED, reason(), instruction("Call the desk.")]
    determined = [{"url": COVERAGE_DETERMINATION, "extension": demand}]
    proposals = list(EVERY_KIND.values())
    demanding = rule_for("ServiceRequest", extension=determined, action=proposals)
    return index_of([demanding], *DEFINITIONS)


def shown(response: JsonObject) -> list[JsonObject]:
    """The cards of a response, less ids and what an updated resource held when it came."""
    cards: list[JsonObject] = copy.deepcopy(response["cards"])
    for card in cards:
        del card["uuid"]
        for suggestion in card.get("suggestions", ()):
            for action in suggestion.get("actions", ()):
                resource = action.get("resource", {})
                for name in (*OF_ALL, *BEYOND.get(resource.get("resourceType"), ())):
                    resource.pop(name, None)
    return cards


@pytest.mark.crd("conf-9")
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
def test_no_hint_comes_of_data_beyond_the_profiles(hook: str) -> None:
    """Which policy may be meant is told of the words of the code alone."""
    hinting = {"text": "NanoKnife ablation"}
    named = {**asked_about(hook), "code": hinting}
    noted = {**asked_about(hook), "code": {"text": "A procedure"}, "note": [hinting]}
    whose = MEMBERS["commercial"]

    assert len(ask(call(hook, named, member=whose))["cards"]) == 1
    assert ask(call(hook, noted, member=whose))["cards"] == []


@pytest.mark.crd("conf-9")
@pytest.mark.parametrize("version", VERSIONS)
def test_no_card_of_any_type_comes_of_data_beyond_the_profiles(
    proposing: PolicyIndex, version: str
) -> None:
    """Cards of all the types other than coverage information: their words, links and proposals."""
    seen: set[str] = set()
    for hook in HOOK_NAMES:
        order = complete_orders()[kinds_of(hook)[0]]
        whose = member(subscriberId="old")
        more = [with_more(resource) for resource in whose]
        plain = ask(call(hook, order, version=version, member=whose), index=proposing)
        rich = ask(
            call(hook, with_more(order), version=version, member=more, sent=[UNHEARD_OF]),
            index=proposing,
        )
        seen |= {response_type(card, PROPOSED) for card in plain["cards"]}

        assert shown(rich) == shown(plain)

    assert seen == {*TYPES.values(), *PROPOSED.values()}
