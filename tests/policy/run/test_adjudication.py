"""Adjudication: what the rules come to for one order of one member; no failure loosens it."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index
from hook_requests import COMMERCIAL_PPO, MEDICARE_HMO, coverage, patient, service_request
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    SOPT,
    instruction,
    insurance_plan,
    organization,
    part,
    policy,
    reason,
    rule,
    small_index,
)

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.codes import BILLING_OPTIONS, Covered, InfoNeeded, PaNeeded
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.order import Order, day_of_service, read_order
from cds_service.crd.request.requested_orders import Requested, read_requested_orders
from cds_service.crd.request.version import VERSIONS
from cds_service.fhir.coding import CPT
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth
from cds_service.policy.payers import resolve_membership
from cds_service.policy.run.adjudication import advise, determine
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

TODAY = date(2026, 11, 20)
NOW = Days(TODAY, TODAY)
ORDER_SIGN = HOOKS["order-sign"]
NOTHING = index_chart([], patient_id="member-1")
UNKNOWN, FALSE = "%order.performerType.text = 'x'", "%plan.exists()"
FAILING = "%order.code.coding.code.lower() = 'x'"
SEVERAL = {"coding": [{"system": CPT, "code": "0001T"}, {"system": CPT, "code": "0002T"}]}


def answer(
    index: PolicyIndex, order: JsonObject, of: JsonObject, member: JsonObject | None = None
) -> OrderAnswer:
    """What is determined for one order under one Coverage."""
    chart = index_chart(
        [Found(resource) for resource in (of, member or patient())], patient_id="member-1"
    )
    read = read_order(order)
    days = day_of_service(read, TODAY)
    return determine(
        read,
        resolve_membership(of, chart, index.payers),
        days,
        index=index,
        hook=HOOKS["order-sign"],
        chart=chart,
    )


def alone(found: OrderAnswer) -> Determination:
    (determination,) = found.determinations
    return determination


def acme(index: PolicyIndex, order: JsonObject | None = None, **elements: Any) -> OrderAnswer:
    """The same for a member of the invented payer and the first invented code."""
    return answer(index, order or service_request("0001T"), coverage("acme", None, **elements))


def coding_of(determination: Determination) -> list[str]:
    return [given.coding.code for given in determination.reasons if given.coding]


def words_of(determination: Determination) -> str:
    return " ".join(
        [
            *(given.text for given in determination.reasons),
            *(str(detail.value) for detail in determination.details),
        ]
    )


# One rule.


def test_a_rule_whose_conditions_hold_speaks_and_is_cited(tmp_path: Path) -> None:
    """With its own words and the code it was met by."""
    determination = alone(
        acme(
            small_index(
                tmp_path,
                policy(
                    rule(determination=(part("covered", "not-covered"), reason("its own words")))
                ),
            )
        )
    )

    assert determination.covered is Covered.NOT_COVERED
    assert [given.text for given in determination.reasons] == ["its own words"]
    assert [cited.rule_id for cited in determination.citations] == ["rule-1"]
    assert [coding.code for coding in determination.billing_codes] == ["0001T"]


def test_a_rule_with_a_false_condition_is_silent(tmp_path: Path) -> None:
    """Then no rule speaks, and nothing is determined (design 4.10)."""
    found = acme(small_index(tmp_path, policy(rule(conditions=("%order.exists()", FALSE)))))

    assert alone(found).covered is Covered.INDETERMINATE
    assert alone(found).pa_needed is None
    assert coding_of(alone(found)) == ["no-policy-found"]
    assert [trace.determination for trace in found.traces] == [None]


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize(
    "determination", [COVERED_WITHOUT_AUTHORIZATION, NOT_COVERED, AUTHORIZATION_NEEDED]
)
def test_a_condition_that_fails_makes_the_order_indeterminate(
    tmp_path: Path, determination: Iterable[JsonObject]
) -> None:
    """With the coding `technical` and details in words; the rule's own answer is not given."""
    found = alone(
        acme(
            small_index(tmp_path, policy(rule(conditions=(FAILING,), determination=determination))),
            service_with_two_codes(),
        )
    )

    assert found.covered is Covered.INDETERMINATE
    assert found.pa_needed is None
    assert coding_of(found) == ["technical"]
    assert "could not be applied" in words_of(found)


def service_with_two_codes() -> JsonObject:
    return {**service_request(), "code": SEVERAL}


@pytest.mark.parametrize(
    "conditions", [(UNKNOWN, FAILING), (FAILING, UNKNOWN), ("%order.exists()", FAILING)]
)
def test_a_failure_is_not_hidden_by_what_is_merely_unknown(
    tmp_path: Path, conditions: tuple[str, ...]
) -> None:
    """An error makes the order indeterminate wherever it stands among the conditions."""
    found = acme(
        small_index(tmp_path, policy(rule(conditions=conditions))), service_with_two_codes()
    )

    assert alone(found).covered is Covered.INDETERMINATE
    assert coding_of(alone(found)) == ["technical"]


def test_a_failure_beside_an_unknown_plan_is_still_a_failure(tmp_path: Path) -> None:
    """The line of business is a condition like any other."""
    plan = insurance_plan("acme-hmo", "511")
    index = small_index(
        tmp_path, plan, policy(rule(conditions=(FAILING,)), lines=("InsurancePlan/acme-hmo",))
    )

    assert coding_of(alone(acme(index, service_with_two_codes()))) == ["technical"]


@pytest.mark.parametrize(
    "determination", [COVERED_WITHOUT_AUTHORIZATION, NOT_COVERED, AUTHORIZATION_NEEDED]
)
def test_a_condition_that_cannot_be_told_makes_the_order_conditional(
    tmp_path: Path, determination: Iterable[JsonObject]
) -> None:
    """With a reason that names what could not be told; neither the rule's answer nor silence."""
    found = alone(
        acme(
            small_index(tmp_path, policy(rule(conditions=(UNKNOWN,), determination=determination)))
        )
    )

    assert (found.covered, found.pa_needed) == (Covered.CONDITIONAL, None)
    assert found.info_needed == {InfoNeeded.OTHER}
    assert coding_of(found) == ["condition-unknown"]
    assert UNKNOWN in words_of(found)


def test_a_false_condition_decides_even_beside_one_that_cannot_be_told(tmp_path: Path) -> None:
    """Unknown and false is false."""
    found = acme(small_index(tmp_path, policy(rule(conditions=(UNKNOWN, FALSE)))))

    assert [trace.determination for trace in found.traces] == [None]


def test_a_trace_shows_each_condition_and_what_was_missing(tmp_path: Path) -> None:
    """So that a person can see why."""
    (trace,) = acme(
        small_index(tmp_path, policy(rule(conditions=("%order.exists()", UNKNOWN))))
    ).traces

    assert [condition.value for condition in trace.conditions][-2:] == [Truth.TRUE, Truth.UNKNOWN]
    assert trace.missing == (UNKNOWN,)
    assert [coding.code for coding in trace.matched] == ["0001T"]


# Details that depend on the order.


def expression(text: str) -> JsonObject:
    return {"valueExpression": {"language": "text/fhirpath", "expression": text}}


@pytest.mark.parametrize(
    ("when", "given"), [("true", True), ("%order.exists()", True), (FALSE, False), (UNKNOWN, False)]
)
def test_a_detail_is_given_only_when_its_condition_holds(
    tmp_path: Path, when: str, given: bool
) -> None:
    """What cannot be told is not said."""
    determination = (*NOT_COVERED, instruction("only then", when=expression(when)))

    assert (
        "only then"
        in words_of(alone(acme(small_index(tmp_path, policy(rule(determination=determination))))))
    ) is given


@pytest.mark.crd("resp-43")
def test_a_detail_that_fails_makes_the_order_indeterminate(tmp_path: Path) -> None:
    """What should have been said beside the answer may have been what mattered."""
    determination = (
        *COVERED_WITHOUT_AUTHORIZATION,
        instruction("only then", when=expression(FAILING)),
    )
    found = alone(
        acme(
            small_index(tmp_path, policy(rule(determination=determination))),
            service_with_two_codes(),
        )
    )

    assert found.covered is Covered.INDETERMINATE
    assert coding_of(found) == ["technical"]


# Several rules.


def test_the_strictest_of_several_policies_wins(tmp_path: Path) -> None:
    """Whatever their order in the library."""
    index = small_index(
        tmp_path,
        policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION), name="a-loose"),
        policy(rule(determination=NOT_COVERED), name="b-strict"),
        policy(rule(determination=AUTHORIZATION_NEEDED), name="c-middle"),
    )

    assert [cited.policy_id for cited in alone(acme(index)).citations] == ["b-strict"]


@pytest.mark.parametrize("condition", [FAILING, UNKNOWN], ids=["failed", "unknown"])
def test_no_authorization_is_waived_while_another_policy_could_not_be_applied(
    tmp_path: Path, condition: str
) -> None:
    """The policy that failed may want one: whatever fails, the answer never gets looser."""
    index = small_index(
        tmp_path,
        policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION), name="waives"),
        policy(
            rule(determination=AUTHORIZATION_NEEDED, conditions=(condition,)),
            name="could-not-be-applied",
        ),
    )
    determination = alone(acme(index, service_with_two_codes()))

    assert determination.covered is not Covered.COVERED
    assert determination.pa_needed is not PaNeeded.NO_AUTH


# Lines of business.

LINE = ("InsurancePlan/acme-hmo",)


@pytest.mark.parametrize(
    ("plan_type", "covered", "reasons"),
    [
        ("511", Covered.NOT_COVERED, []),
        ("512", Covered.INDETERMINATE, ["no-policy-found"]),
        ("9", Covered.CONDITIONAL, ["plan-not-identified"]),
        ("", Covered.CONDITIONAL, ["plan-not-identified"]),
    ],
    ids=["in the line", "in another plan", "in an unknown plan", "of no type"],
)
def test_a_line_of_business_that_cannot_be_told_is_not_a_no(
    tmp_path: Path, plan_type: str, covered: Covered, reasons: list[str]
) -> None:
    """In it the rule speaks, outside it is silent; unknown is conditional, with the reason."""
    plans = (insurance_plan("acme-hmo", "511"), insurance_plan("acme-ppo", "512"))
    index = small_index(tmp_path, *plans, policy(lines=LINE))
    member = coverage(
        "acme", {"system": "https://nahdo.org/sopt", "code": plan_type} if plan_type else None
    )
    determination = alone(answer(index, service_request("0001T"), member))

    assert (determination.covered, coding_of(determination)) == (covered, reasons)
    assert determination.info_needed == (
        {InfoNeeded.OTHER} if covered is Covered.CONDITIONAL else set()
    )


def test_the_reason_names_the_plan_that_would_matter(tmp_path: Path) -> None:
    """A clinician can look at the member's card."""
    index = small_index(
        tmp_path, insurance_plan("acme-hmo", "511", name="Acme Invented HMO"), policy(lines=LINE)
    )

    assert "Acme Invented HMO" in words_of(alone(acme(index)))


# The member.


@pytest.mark.crd("resp-45")
@pytest.mark.parametrize(
    "elements",
    [{"status": "cancelled"}, {"period": {"end": "2026-10-31"}}, {"period": {"start": "2027"}}],
)
def test_without_active_coverage_no_policy_is_asked(tmp_path: Path, elements: JsonObject) -> None:
    """`not-covered`, `no-active-coverage`, and no rule cited."""
    found = acme(
        small_index(tmp_path, policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION))), **elements
    )

    assert alone(found).covered is Covered.NOT_COVERED
    assert coding_of(alone(found)) == ["no-active-coverage"]
    assert found.traces == ()


@pytest.mark.parametrize("period", [{"end": "2026-06-30"}, {"start": "2026-07-01"}])
def test_a_vague_day_that_may_lie_outside_the_coverage_is_not_covered_for_certain(
    tmp_path: Path, period: JsonObject
) -> None:
    """`2026` may be a day without coverage: nothing is `covered`, and the date is asked for."""
    index = small_index(tmp_path, policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION)))
    found = acme(index, service_request("0001T", occurrenceDateTime="2026"), period=period)

    assert alone(found).covered is Covered.CONDITIONAL
    assert alone(found).info_needed == {InfoNeeded.TIMEFRAME}


UNKNOWN_STATUSES: list[Any] = ["unknown-word", 5, {"value": "cancelled"}, ["cancelled"]]


@pytest.mark.parametrize("status", UNKNOWN_STATUSES, ids=repr)
def test_with_an_unknown_status_nothing_is_covered_for_certain(tmp_path: Path, status: Any) -> None:
    """The rule covers; whether the member is covered at all is left open, with a reason."""
    index = small_index(tmp_path, policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION)))
    determination = alone(acme(index, status=status))

    assert (determination.covered, determination.pa_needed) == (Covered.CONDITIONAL, None)
    assert determination.info_needed == {InfoNeeded.OTHER}
    assert coding_of(determination) == ["condition-unknown"]
    assert [cited.rule_id for cited in determination.citations] == ["rule-1"]


@pytest.mark.parametrize("status", UNKNOWN_STATUSES, ids=repr)
def test_an_unknown_status_makes_no_refusal_looser(tmp_path: Path, status: Any) -> None:
    """Active or not, the service is not covered: the policy's reason is given, and no other."""
    determination = alone(acme(small_index(tmp_path, policy()), status=status))

    assert determination.covered is Covered.NOT_COVERED
    assert [given.text for given in determination.reasons] == ["because"]


@pytest.mark.parametrize("status", UNKNOWN_STATUSES, ids=repr)
def test_an_unknown_status_without_a_rule_is_not_called_inactive(
    tmp_path: Path, status: Any
) -> None:
    """No policy addresses the order, and nobody said that the coverage ended."""
    found = acme(small_index(tmp_path, policy()), service_request("0999T"), status=status)

    assert alone(found).covered is Covered.INDETERMINATE
    assert coding_of(alone(found)) == ["no-policy-found"]


def test_an_unknown_status_waives_no_authorization_that_a_rule_wants(tmp_path: Path) -> None:
    """What the rule asks for stays beside the doubt."""
    index = small_index(tmp_path, policy(rule(determination=AUTHORIZATION_NEEDED)))
    determination = alone(acme(index, status="unknown-word"))

    assert determination.covered is Covered.CONDITIONAL
    assert determination.pa_needed is PaNeeded.AUTH_NEEDED


def test_a_payer_that_is_not_identified_is_conditional(tmp_path: Path) -> None:
    """With a reason that says so (design 4.3)."""
    found = answer(
        small_index(tmp_path, policy()), service_request("0001T"), coverage("unheard-of")
    )

    assert alone(found).covered is Covered.CONDITIONAL
    assert coding_of(alone(found)) == ["payer-not-identified"]


@pytest.mark.parametrize(
    "modifier", [[{"url": "https://e.invalid", "valueBoolean": True}], {"url": "https://e.invalid"}]
)
def test_an_order_with_a_modifier_we_do_not_know_is_conditional(
    tmp_path: Path, modifier: Any
) -> None:
    """A modifier extension can turn an order's meaning around."""
    index = small_index(tmp_path, policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION)))
    found = acme(index, service_request("0001T", modifierExtension=modifier))

    assert alone(found).covered is Covered.CONDITIONAL
    assert coding_of(alone(found)) == ["order-not-understood"]


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        ("VisionPrescription", "lensSpecification"),
        ("NutritionOrder", "oralDiet"),
        ("CommunicationRequest", "payload"),
        ("MedicationRequest", "dispenseRequest"),
    ],
)
def test_a_modifier_inside_the_order_counts_too(tmp_path: Path, kind: str, element: str) -> None:
    """They may stand on every backbone element, and turn its meaning around as well."""
    modified = {
        element: [{"modifierExtension": [{"url": "https://e.invalid", "valueBoolean": True}]}]
    }
    index = small_index(
        tmp_path, policy(rule(kind=kind, codes=(), determination=COVERED_WITHOUT_AUTHORIZATION))
    )

    assert (
        alone(acme(index, {"resourceType": kind, "id": "1", **modified})).covered
        is Covered.CONDITIONAL
    )


@pytest.mark.parametrize(
    "kind",
    [
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "VisionPrescription",
        "CommunicationRequest",
    ],
)
def test_a_rule_speaks_only_of_its_type_of_order(kind: str, tmp_path: Path) -> None:
    """A ServiceRequest rule is silent about a device with the same code."""
    found = acme(small_index(tmp_path, policy()), {"resourceType": kind, "id": "1"})

    assert alone(found).citations == ()


def test_a_payers_catch_all_rule_answers_instead_of_nothing(tmp_path: Path) -> None:
    """Then there is no order that no rule speaks of (design 4.10)."""
    index = small_index(tmp_path, policy(rule(codes=(), determination=AUTHORIZATION_NEEDED)))

    assert alone(acme(index, service_request("0999T"))).pa_needed is PaNeeded.AUTH_NEEDED


# Billing options (design 4.7).


def billed_as(*groups: tuple[str, ...]) -> JsonObject:
    concepts = [{"coding": [{"system": CPT, "code": code} for code in group]} for group in groups]
    extension = [{"url": BILLING_OPTIONS, "valueCodeableConcept": concept} for concept in concepts]
    return {**service_request(), "code": {"text": "invented", "extension": extension}}


TWO_ANSWERS = (
    rule("refuses", codes=("0001T",), determination=NOT_COVERED),
    rule("covers", codes=("0002T",), determination=COVERED_WITHOUT_AUTHORIZATION),
)


@pytest.mark.crd("billopt-3", "covinfo-1")
def test_billing_options_with_different_answers_are_answered_each(tmp_path: Path) -> None:
    """One determination a group, scoped by the codes that lead to it."""
    found = acme(
        small_index(tmp_path, policy(*TWO_ANSWERS)), billed_as(("0001T",), ("0002T",), ("0009T",))
    )
    answers = {
        tuple(coding.code for coding in determination.billing_codes): determination.covered
        for determination in found.determinations
    }

    assert answers == {
        ("0001T",): Covered.NOT_COVERED,
        ("0002T",): Covered.COVERED,
        ("0009T",): Covered.INDETERMINATE,
    }


@pytest.mark.crd("billopt-3")
def test_billing_options_with_one_answer_are_answered_once(tmp_path: Path) -> None:
    """With every code it holds for."""
    index = small_index(tmp_path, policy(rule(codes=("0001T", "0002T"))))
    determination = alone(acme(index, billed_as(("0001T",), ("0002T",))))

    assert [coding.code for coding in determination.billing_codes] == ["0001T", "0002T"]


@pytest.mark.crd("billopt-3")
def test_every_billing_option_appears_in_some_answer(tmp_path: Path) -> None:
    """Options that share an answer share a determination, and none is passed over."""
    index = small_index(tmp_path, policy(*TWO_ANSWERS))
    found = acme(index, billed_as(("0001T",), ("0002T",), ("0008T",), ("0009T",)))
    codes = [
        coding.code
        for determination in found.determinations
        for coding in determination.billing_codes
    ]

    assert sorted(codes) == ["0001T", "0002T", "0008T", "0009T"]
    assert len(found.determinations) == 3


def test_the_order_of_billing_options_changes_no_answer(tmp_path: Path) -> None:
    """Which comes first says nothing."""
    index = small_index(tmp_path, policy(*TWO_ANSWERS))
    first = acme(index, billed_as(("0001T",), ("0002T",))).determinations
    other = acme(index, billed_as(("0002T",), ("0001T",))).determinations

    assert sorted(map(repr, first)) == sorted(map(repr, other))


def test_synonyms_are_one_option(tmp_path: Path) -> None:
    """Codings of one concept are asked together, and the strictest wins."""
    determination = alone(
        acme(small_index(tmp_path, policy(*TWO_ANSWERS)), billed_as(("0002T", "0001T")))
    )

    assert determination.covered is Covered.NOT_COVERED


def test_a_code_on_the_order_itself_counts_beside_each_option(tmp_path: Path) -> None:
    """All codings of the order count, whatever it may be billed as."""
    order = billed_as(("0002T",), ("0009T",))
    order["code"]["coding"] = [{"system": CPT, "code": "0001T"}]
    found = acme(small_index(tmp_path, policy(*TWO_ANSWERS)), order)

    assert {determination.covered for determination in found.determinations} == {
        Covered.NOT_COVERED
    }


def test_each_group_is_asked_for_its_own_codes(tmp_path: Path) -> None:
    """`%codes` are the order's and those of one option: what another option has is no matter."""
    alone_only = rule(
        "alone", codes=("0002T",), conditions=("%codes.where(code = '0001T').empty()",)
    )
    index = small_index(tmp_path, policy(rule("refused", codes=("0001T",)), alone_only))
    found = acme(index, billed_as(("0001T",), ("0002T",)))
    cited = [
        [citation.rule_id for citation in determination.citations]
        for determination in found.determinations
    ]

    assert sorted(cited) == [["alone"], ["refused"]]


def test_a_code_that_a_set_covers_answers_for_a_local_one_beside_it(tmp_path: Path) -> None:
    """All codes of an order are of one thing: what CPT says of it is not open any more."""
    other = {
        "resourceType": "ValueSet",
        "id": "other",
        "url": "https://x.invalid/ValueSet/other",
        "version": "1",
        "status": "active",
        "compose": {"include": [{"system": CPT, "concept": [{"code": "0009T"}]}]},
    }
    written = rule(
        conditions=("%codes.where(memberOf('https://x.invalid/ValueSet/other|1')).empty()",)
    )
    index = small_index(tmp_path, other, policy(written))
    order = billed_as(("0001T",))
    order["code"]["coding"] = [{"system": "https://ehr.invalid/orders", "code": "42"}]

    assert alone(acme(index, order)).covered is Covered.NOT_COVERED


# Advice and hints, for calls without a Coverage and orders without a code.


def advice(index: PolicyIndex, order: Order) -> Determination | None:
    payer = next(hosted for hosted in index.payers.all if hosted.id in ("acme", "icare"))
    return advise(order, payer, NOW, index=index, hook=ORDER_SIGN, chart=NOTHING).from_policy


def test_advice_is_what_a_member_would_be_told(tmp_path: Path) -> None:
    """The line of business is taken for granted: the card is worded for its members."""
    index = small_index(tmp_path, insurance_plan("acme-hmo", "511"), policy(lines=LINE))
    determination = advice(index, read_order(service_request("0001T")))

    assert determination is not None
    assert determination.covered is Covered.NOT_COVERED


def test_no_advice_where_no_rule_speaks(tmp_path: Path) -> None:
    """Silence, not `indeterminate`."""
    assert advice(small_index(tmp_path, policy()), read_order(service_request("0999T"))) is None


def test_no_advice_on_an_order_with_a_modifier_we_do_not_know(tmp_path: Path) -> None:
    """What is not understood is not advised on as if it were."""
    modified = service_request(
        "0001T", modifierExtension=[{"url": "https://e.invalid", "valueBoolean": True}]
    )
    determination = advice(small_index(tmp_path, policy()), read_order(modified))

    assert determination is None or determination.covered is Covered.CONDITIONAL


def test_advice_on_a_vague_date_across_a_border_is_conditional(tmp_path: Path) -> None:
    """Advice is no looser than an answer."""
    index = small_index(tmp_path, policy(start="2026-06-01"))
    (payer,) = index.payers.all
    year = Days(date(2026, 1, 1), date(2026, 12, 31))
    order = read_order(service_request("0001T"))
    determination = advise(
        order, payer, year, index=index, hook=ORDER_SIGN, chart=NOTHING
    ).from_policy

    assert determination is not None
    assert determination.covered is Covered.CONDITIONAL


def test_a_hint_names_the_policy_and_the_term(tmp_path: Path) -> None:
    """Only of policies that are, or may be, in force."""
    topics = [{"text": "Invented ablation"}]
    index = small_index(
        tmp_path,
        policy(topic=topics, name="now"),
        policy(topic=topics, name="later", start="2030-01-01"),
    )
    order = read_order({**service_request(), "code": {"text": "invented ablation of something"}})
    (payer,) = index.payers.all

    advice_given = advise(order, payer, NOW, index=index, hook=ORDER_SIGN, chart=NOTHING)

    assert [(cited.policy_id, term) for cited, term in advice_given.hints] == [
        ("now", "Invented ablation")
    ]


def test_words_alone_decide_nothing(tmp_path: Path) -> None:
    """The order says the policy's subject, and nothing is determined."""
    index = small_index(tmp_path, policy(topic=[{"text": "Invented ablation"}]))
    found = acme(index, {**service_request(), "code": {"text": "Invented ablation"}})

    assert alone(found).covered is Covered.INDETERMINATE
    assert alone(found).citations == ()


# The built-in policies, where design.md says what they come to.


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    return builtin_index()


@pytest.mark.parametrize(
    "code", ["0600T", "0601T", "0600t", " 0600T ", "0600T:53", "0600T-53", "0600T53"]
)
@pytest.mark.parametrize(
    "diagnosis",
    [[], [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C25.0"}]}]],
)
def test_icare_refuses_ire_whatever_the_diagnosis(
    index: PolicyIndex, code: str, diagnosis: list[JsonObject]
) -> None:
    """WI.PA-1266, with number, effective date, words and reason (design 4.8)."""
    determination = alone(
        answer(index, service_request(code, reasonCode=diagnosis), coverage("icare", MEDICARE_HMO))
    )

    assert determination.covered is Covered.NOT_COVERED
    for words in (
        "WI.PA-1266",
        "2024-10-08",
        "not medically reasonable and necessary for any indication",
    ):
        assert words in words_of(determination)


@pytest.mark.parametrize("code", ["0602T", "93799", "0600", "600T", "0600TX9Z"])
def test_icare_says_nothing_of_other_codes(index: PolicyIndex, code: str) -> None:
    """Nothing else matches, and nothing is ever covered by not matching."""
    determination = alone(answer(index, service_request(code), coverage("icare", MEDICARE_HMO)))

    assert (determination.covered, determination.pa_needed, determination.citations) == (
        Covered.INDETERMINATE,
        None,
        (),
    )


def test_the_day_before_the_icare_policy_began_no_rule_of_it_speaks(index: PolicyIndex) -> None:
    """8 October 2024 is its first day."""
    before, first = (
        service_request(occurrenceDateTime=day) for day in ("2024-10-07", "2024-10-08")
    )

    assert alone(answer(index, before, coverage())).citations == ()
    assert alone(answer(index, first, coverage())).covered is Covered.NOT_COVERED


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("Pulsed field ablation", Covered.NOT_COVERED),
        ("PFA of the pulmonary veins", Covered.NOT_COVERED),
        ("not PFA: cryoablation", Covered.CONDITIONAL),
        ("PFA or cryoablation", Covered.CONDITIONAL),
        ("A procedure without a code of its own", Covered.CONDITIONAL),
        ("", Covered.CONDITIONAL),
    ],
)
def test_anthem_decides_93799_by_the_words_of_the_order_itself(
    index: PolicyIndex, text: str, covered: Covered
) -> None:
    """Named and not denied it is refused, else the order must say which procedure is meant."""
    order = {
        **service_request(),
        "code": {"coding": [{"system": CPT, "code": "93799"}], **({"text": text} if text else {})},
    }
    determination = alone(answer(index, order, coverage("anthem", COMMERCIAL_PPO)))

    assert determination.covered is covered
    assert determination.info_needed == (
        set() if covered is Covered.NOT_COVERED else {InfoNeeded.DETAIL_CODE}
    )
    assert ("these words of the order" in words_of(determination)) == (
        covered is Covered.NOT_COVERED
    )


def test_words_of_another_order_do_not_decide_93799(index: PolicyIndex) -> None:
    """A supporting note about something else is not the order's own word."""
    order = service_request(
        "93799", patientInstruction="PFA leaflet", reasonCode=[{"text": "after PFA"}]
    )

    assert (
        alone(answer(index, order, coverage("anthem", COMMERCIAL_PPO))).covered
        is Covered.CONDITIONAL
    )


def test_a_policy_hosted_for_another_payer_says_nothing(tmp_path: Path) -> None:
    """The member's payer alone is asked."""
    index = small_index(tmp_path, organization("other"), policy(payer="other"))

    assert alone(acme(index)).citations == ()


def test_a_policy_of_another_line_is_no_hint(tmp_path: Path) -> None:
    """Only a member who is, or may be, in the line is told of it."""
    plans = (insurance_plan("acme-hmo", "511"), insurance_plan("acme-ppo", "512"))
    index = small_index(tmp_path, *plans, policy(topic=[{"text": "Invented ablation"}], lines=LINE))
    order = {**service_request(), "code": {"text": "Invented ablation"}}
    terms = {}
    for code in ("511", "512", "513"):
        found = answer(index, order, coverage("acme", {"system": SOPT, "code": code}))
        terms[code] = [term for _, term in found.hints]

    assert terms == {"511": ["Invented ablation"], "512": [], "513": ["Invented ablation"]}


# What is ordered stands elsewhere.


RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
REFUSED_DRUG = {"path": "code", "code": [{"system": RXNORM, "code": "1"}]}
PRESCRIPTION: JsonObject = {
    "resourceType": "MedicationRequest",
    "id": "order-1",
    "subject": {"reference": "Patient/member-1"},
    "medicationReference": {"reference": "Medication/drug"},
}


def drugs(*conditions: str, catch_all: Iterable[JsonObject] = COVERED_WITHOUT_AUTHORIZATION) -> Any:
    """A policy that has something to say of every drug, and refuses one."""
    every = rule("every", codes=(), kind="MedicationRequest", determination=catch_all)
    if conditions:
        every = {**every, "condition": rule(conditions=conditions)["condition"]}
    refused = [{"type": "MedicationRequest", "codeFilter": [REFUSED_DRUG]}]
    return policy(every, rule("refused", input=refused))


def prescribed(index: PolicyIndex, **elements: Any) -> Determination:
    """What is determined for an order that refers to its drug, which is not at hand."""
    order = {**PRESCRIPTION, **elements}
    of = coverage("acme", None)
    chart = index_chart([Found(order), Found(of), Found(patient())], patient_id="member-1")
    hook, version = HOOKS["order-sign"], VERSIONS["2.2"]
    requested = Requested(resources=(order,), named=(), based_on=())
    (read,) = read_requested_orders(requested, chart, version)
    member = resolve_membership(of, chart, index.payers)
    return alone(determine(read, member, NOW, index=index, hook=hook, chart=chart))


@pytest.mark.parametrize(
    "reference", ["Medication/drug", "#drug", None], ids=["another", "contained", "a name"]
)
def test_a_rule_for_every_order_does_not_cover_one_whose_code_is_not_at_hand(
    tmp_path: Path, reference: str | None
) -> None:
    """It may have the very code that another rule refuses."""
    index = small_index(tmp_path, drugs())
    determination = prescribed(
        index, medicationReference={"reference": reference, "display": "a drug"}
    )

    assert (determination.covered, determination.pa_needed) == (Covered.CONDITIONAL, None)
    assert "was not sent" in words_of(determination)


def test_a_refusal_of_every_order_needs_no_code(tmp_path: Path) -> None:
    """Whatever the drug may be."""
    index = small_index(tmp_path, drugs(catch_all=NOT_COVERED))

    assert prescribed(index).covered is Covered.NOT_COVERED


@pytest.mark.parametrize("silent", ["%codes.exists()", "%words.exists()"])
def test_codes_and_words_that_are_not_at_hand_are_unknown(tmp_path: Path, silent: str) -> None:
    """Not none: a rule that asks for some is not silent, and its refusal is not lost."""
    index = small_index(tmp_path, drugs(silent, catch_all=NOT_COVERED))

    assert prescribed(index).covered is Covered.CONDITIONAL
