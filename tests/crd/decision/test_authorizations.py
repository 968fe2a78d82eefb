"""Authorizations on file: they stand in for a demand, and never for anything in doubt."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hook_requests import coverage, service_request
from hypothesis import given, settings
from made_determinations import citation, determinations

from cds_service.crd.codes import (
    BILLING_OPTIONS,
    Covered,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.authorizations import (
    AuthorizationsOfCall,
    Sought,
    satisfied,
    with_authorization,
)
from cds_service.crd.decision.determination import Determination, Reason
from cds_service.crd.decision.trace import ConditionKind, ConditionTrace, RuleTrace
from cds_service.crd.request.membership import Membership, Payer
from cds_service.crd.request.order import read_order
from cds_service.fhir.coding import CPT, Coding
from cds_service.fhir.dates import ANY_DAY, Days
from cds_service.fhir.truth import Truth

BECAUSE = (Reason(text="because"),)
CODE = Coding(CPT, "0001T")
DAY = date(2026, 6, 1)
THAT_DAY = Days(DAY, DAY)
ORDER = read_order(service_request("0001T"))
MEMBER = Membership(
    coverage=coverage("acme", None, subscriberId="M-1"),
    coverage_key=None,
    payer=Payer(id="acme", brand="Acme", identifiers=frozenset(), plans=()),
    plan=None,
    patient=None,
)
DEMANDING = Determination(
    covered=Covered.COVERED,
    pa_needed=PaNeeded.AUTH_NEEDED,
    doc_needed=frozenset({DocNeeded.CLINICAL}),
    doc_purpose=frozenset({DocPurpose.WITH_PA}),
    reasons=BECAUSE,
    questionnaires=("https://forms.example.invalid/Questionnaire/1",),
)


@dataclass(slots=True)
class Register:
    """Finds the same number for whatever is sought, and remembers what that was."""

    number: str = "PA-1"
    asked: list[Sought] = field(default_factory=list)

    def find(self, sought: Sought) -> str:
        """The number."""
        self.asked.append(sought)
        return self.number


def trace(
    determination: Determination | None = DEMANDING,
    *values: Truth,
    matched: tuple[Coding, ...] = (CODE,),
) -> RuleTrace:
    """A rule that determined this, its conditions having come to these."""
    conditions = (
        ConditionTrace(kind=ConditionKind.OF_THE_RULE, description="", expression="", value=value)
        for value in values or (Truth.TRUE,)
    )
    return RuleTrace(
        citation=citation(),
        matched=matched,
        conditions=tuple(conditions),
        determination=determination,
    )


def looked_up(given: RuleTrace, register: Register, **elements: Any) -> Determination | None:
    """What the rule determines with this register."""
    call = {"order": ORDER, "membership": MEMBER, "days": THAT_DAY, **elements}
    return with_authorization(given, authorizations=register, **call).determination


@pytest.mark.parametrize("demand", [PaNeeded.AUTH_NEEDED, PaNeeded.PERFORM_PA])
def test_an_authorization_on_file_satisfies_the_demand(demand: PaNeeded) -> None:
    """Under its number, and a reason says so beside the rule's own."""
    found = looked_up(trace(replace(DEMANDING, pa_needed=demand)), Register())

    assert found is not None
    assert (found.pa_needed, found.satisfied_pa_id) == (PaNeeded.SATISFIED, "PA-1")
    assert found.reasons[1:] == BECAUSE
    assert "PA-1" in found.reasons[0].text


def test_it_is_sought_for_this_payers_member_code_and_day() -> None:
    """And for nothing less."""
    register = Register()
    looked_up(trace(), register)

    assert register.asked == [
        Sought(payer_id="acme", member_ids=frozenset({"M-1"}), codings=(CODE,), day=DAY)
    ]


def test_a_rule_without_codes_is_sought_for_all_that_may_be_billed() -> None:
    """Such a rule is met by whatever is ordered."""
    option = {
        "url": BILLING_OPTIONS,
        "valueCodeableConcept": {"coding": [{"system": CPT, "code": "0002T"}]},
    }
    code = {"coding": [{"system": CPT, "code": "0001T"}], "extension": [option]}
    register = Register()
    looked_up(trace(matched=()), register, order=read_order({**service_request(), "code": code}))

    assert register.asked[0].codings == (CODE, Coding(CPT, "0002T"))


@pytest.mark.parametrize(
    "elements",
    [
        {"days": ANY_DAY},
        {"days": Days(date(2026, 6, 1), date(2026, 6, 30))},
        {"membership": replace(MEMBER, coverage=coverage("acme", None))},
        {"membership": replace(MEMBER, payer=None)},
        {"membership": replace(MEMBER, coverage={})},
    ],
    ids=["any day", "some day of June", "no member id", "no payer", "no Coverage"],
)
def test_what_is_vague_is_not_looked_up(elements: dict[str, Any]) -> None:
    """An unknown member or a vague date is not found, whatever is on file."""
    register = Register()

    assert looked_up(trace(), register, **elements) == DEMANDING
    assert register.asked == []


def test_an_order_without_a_code_is_not_looked_up() -> None:
    """Words are no code."""
    register = Register()
    named = read_order({**service_request(), "code": {"text": "something"}})

    assert looked_up(trace(matched=()), register, order=named) == DEMANDING
    assert register.asked == []


@pytest.mark.parametrize("unsure", [Truth.UNKNOWN, Truth.FALSE])
def test_a_rule_that_perhaps_holds_is_never_satisfied(unsure: Truth) -> None:
    """Only where every condition is true."""
    assert looked_up(trace(DEMANDING, Truth.TRUE, unsure), Register()) == DEMANDING


@settings(max_examples=100, deadline=None)
@given(determination=determinations())
def test_nothing_but_a_demand_is_ever_satisfied(determination: Determination) -> None:
    """And what is, is a determination the guide allows, with all its other parts."""
    found = looked_up(trace(determination), Register())

    assert found is not None
    if determination.pa_needed in (PaNeeded.AUTH_NEEDED, PaNeeded.PERFORM_PA):
        assert found.pa_needed is PaNeeded.SATISFIED
        assert found.covered is determination.covered
        assert found.details == determination.details
    else:
        assert found == determination


def test_without_one_the_demand_stays() -> None:
    """The register knows none."""
    assert looked_up(trace(), Register(number="")) == DEMANDING


def test_a_silent_rule_stays_silent() -> None:
    """It demands nothing."""
    assert looked_up(trace(None), Register()) is None


def test_documents_for_the_authorization_alone_go_with_the_demand() -> None:
    """Nobody needs them any more."""
    found = satisfied(DEMANDING, "PA-1")

    assert (found.doc_needed, found.doc_purpose, found.questionnaires) == (
        frozenset(),
        frozenset(),
        (),
    )


@pytest.mark.parametrize(
    "purposes", [frozenset(), frozenset({DocPurpose.WITH_PA, DocPurpose.WITH_CLAIM})]
)
def test_documents_for_anything_else_stay(purposes: frozenset[DocPurpose]) -> None:
    """What they are for is not only the authorization, or is not said."""
    found = satisfied(replace(DEMANDING, doc_purpose=purposes), "PA-1")

    assert found.doc_needed == DEMANDING.doc_needed
    assert found.doc_purpose == purposes - {DocPurpose.WITH_PA}
    assert found.questionnaires == DEMANDING.questionnaires


def test_documents_that_depend_on_something_stay() -> None:
    """What is undecided is not settled by an authorization."""
    undecided = replace(
        DEMANDING,
        doc_needed=frozenset({DocNeeded.CONDITIONAL}),
        info_needed=frozenset({InfoNeeded.LOCATION}),
    )

    assert satisfied(undecided, "PA-1").doc_needed == undecided.doc_needed


class Watched(dict[str, Any]):
    """An order's JSON that counts how often its extensions are read."""

    reads = 0

    def get(self, name: str, default: Any = None) -> Any:
        """The member."""
        self.reads += name == "extension"
        return super().get(name, default)


def test_what_an_order_states_is_read_once_however_many_rules_seek_an_authorization() -> None:
    """An order may state thousands of answers, and be billed as a thousand things; or seek none."""
    stated = Watched(ORDER.resource)
    order, register = replace(ORDER, resource=stated), Register()
    left = AuthorizationsOfCall(register).left_for(order, MEMBER)
    before = stated.reads
    for _ in range(3):
        with_authorization(trace(), order, MEMBER, THAT_DAY, left)

    assert (before, stated.reads, len(register.asked)) == (0, 1, 3)
