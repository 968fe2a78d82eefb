"""Membership: the payer by identifier, the plan by class, type and state, and who is refused."""

from datetime import date
from typing import Any

import pytest
from fakes import builtin_index
from hook_requests import COMMERCIAL_HMO, COMMERCIAL_PPO, MEDICARE_HMO, coverage, patient
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.codes import PAYER_ID
from cds_service.crd.request.chart import Chart, index_chart
from cds_service.crd.request.lookups import Lookup, Lookups
from cds_service.crd.request.membership import Activity, candidate_coverages
from cds_service.errors import DataUnavailable, InvalidRequest, PayerNotHandled
from cds_service.fhir.dates import Days
from cds_service.policy.payers import Payers, resolve_membership, resolve_memberships
from cds_service.policy.plans import names_other_line

JsonObject = dict[str, Any]

SOPT = "https://nahdo.org/sopt"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"
CALIFORNIA_HMO, COMMERCIAL, MEDICARE = (
    "anthem-california-commercial-hmo",
    "anthem-commercial",
    "icare-medicare-advantage",
)
ORGANIZATION: JsonObject = {
    "resourceType": "Organization",
    "id": "org-7",
    "identifier": [{"system": PAYER_ID, "value": "anthem"}],
}


@pytest.fixture(scope="module")
def payers() -> Payers:
    return builtin_index().payers


def chart_of(*resources: JsonObject, looked_for: tuple[str, ...] = (), full_url: str = "") -> Chart:
    found = [
        Found(resource, full_url if resource.get("resourceType") == "Organization" else "")
        for resource in resources
    ]
    lookups = Lookups(by_type=dict.fromkeys(looked_for, Lookup.ABSENT))
    return index_chart(found, patient_id="member-1", lookups=lookups)


def coded(*codes: tuple[str, str]) -> JsonObject:
    return {"type": {"coding": [{"system": system, "code": code} for system, code in codes]}}


def plan_class(value: Any, system: str = CLASS, code: str = "plan") -> JsonObject:
    return {"class": [{"type": {"coding": [{"system": system, "code": code}]}, "value": value}]}


def plan_of(payers: Payers, insured: JsonObject, member: JsonObject | None) -> str | None:
    resources = [insured, member] if member else [insured]
    plan = resolve_membership(insured, chart_of(*resources), payers).plan
    return plan.id if plan else None


def in_states(*states: str, **elements: Any) -> JsonObject:
    return patient(address=[{"state": state, **elements} for state in states])


WISCONSIN, CALIFORNIA = in_states("WI"), in_states("CA")
PLANS: list[tuple[str, str, JsonObject, JsonObject | None, str | None]] = [
    # The class `plan` names the plan.
    ("class names the plan", "anthem", plan_class(CALIFORNIA_HMO), WISCONSIN, CALIFORNIA_HMO),
    (
        "class beats type",
        "anthem",
        {**coded((SOPT, "512")), **plan_class(CALIFORNIA_HMO)},
        WISCONSIN,
        CALIFORNIA_HMO,
    ),
    ("class of iCare", "icare", plan_class(MEDICARE), None, MEDICARE),
    ("class with blanks", "icare", plan_class(f" {MEDICARE} "), None, MEDICARE),
    ("class code in capitals", "icare", plan_class(MEDICARE, code="PLAN"), None, MEDICARE),
    (
        "class system with https",
        "icare",
        plan_class(MEDICARE, system=CLASS.replace("http:", "https:")),
        None,
        MEDICARE,
    ),
    ("class of another kind", "icare", plan_class(MEDICARE, code="group"), None, None),
    (
        "class of another system",
        "icare",
        plan_class(MEDICARE, system="https://else.example.invalid"),
        None,
        None,
    ),
    ("class of another payer's plan", "icare", plan_class(COMMERCIAL), None, None),
    ("unknown class, no type", "anthem", plan_class("plan-77"), WISCONSIN, None),
    (
        "unknown class, known type",
        "anthem",
        {**coded((SOPT, "512")), **plan_class("plan-77")},
        WISCONSIN,
        COMMERCIAL,
    ),
    ("class that is a number", "anthem", plan_class(77), WISCONSIN, None),
    # The type names the plan.
    ("type Medicare", "icare", coded((SOPT, "1")), WISCONSIN, MEDICARE),
    ("type Medicare HMO", "icare", coded((SOPT, "111")), WISCONSIN, MEDICARE),
    ("type Medicaid", "icare", coded((SOPT, "2")), WISCONSIN, None),
    ("no type", "icare", {}, WISCONSIN, None),
    ("type in words alone", "icare", {"type": {"text": "Medicare Advantage HMO"}}, WISCONSIN, None),
    ("type without system", "icare", {"type": {"coding": [{"code": "111"}]}}, WISCONSIN, None),
    (
        "type of another system",
        "icare",
        coded(("https://else.example.invalid", "111")),
        WISCONSIN,
        None,
    ),
    (
        "type by OID",
        "icare",
        coded(("urn:oid:2.16.840.1.113883.3.221.5", "111")),
        WISCONSIN,
        MEDICARE,
    ),
    ("type by http", "icare", coded(("http://nahdo.org/sopt/", "111")), WISCONSIN, MEDICARE),
    ("generic commercial", "anthem", coded((SOPT, "5")), CALIFORNIA, None),
    ("commercial PPO", "anthem", coded((SOPT, "512")), WISCONSIN, COMMERCIAL),
    ("commercial PPO in California", "anthem", coded((SOPT, "512")), CALIFORNIA, COMMERCIAL),
    ("PPO by ActCode", "anthem", coded((ACT, "PPO")), None, COMMERCIAL),
    ("Medicare at Anthem", "anthem", coded((SOPT, "111")), WISCONSIN, None),
    # Code systems that contradict each other.
    ("Medicare that is an HMO", "anthem", coded((SOPT, "111"), (ACT, "HMO")), CALIFORNIA, None),
    (
        "HMO in both systems",
        "anthem",
        coded((SOPT, "511"), (ACT, "HMO")),
        CALIFORNIA,
        CALIFORNIA_HMO,
    ),
    (
        "a local code beside",
        "anthem",
        coded(("https://local.example.invalid", "H1"), (SOPT, "512")),
        None,
        COMMERCIAL,
    ),
    # The state decides between HMOs.
    ("HMO in California", "anthem", coded((SOPT, "511")), CALIFORNIA, CALIFORNIA_HMO),
    ("HMO elsewhere", "anthem", coded((SOPT, "511")), WISCONSIN, COMMERCIAL),
    ("HMO, state unknown", "anthem", coded((SOPT, "511")), patient(address=[]), None),
    ("HMO, no patient", "anthem", coded((SOPT, "511")), None, None),
    ("HMO, two states", "anthem", coded((SOPT, "511")), in_states("CA", "NV"), None),
    ("HMO, one state twice", "anthem", coded((SOPT, "511")), in_states("CA", "CA"), CALIFORNIA_HMO),
    (
        "HMO, state spelled out",
        "anthem",
        coded((SOPT, "511")),
        in_states("California"),
        CALIFORNIA_HMO,
    ),
    (
        "HMO, state in small letters",
        "anthem",
        coded((SOPT, "511")),
        in_states("ca"),
        CALIFORNIA_HMO,
    ),
    ("HMO, state by ISO code", "anthem", coded((SOPT, "511")), in_states("US-CA"), CALIFORNIA_HMO),
    (
        "HMO, state both ways",
        "anthem",
        coded((SOPT, "511")),
        in_states("CA", "California"),
        CALIFORNIA_HMO,
    ),
    ("HMO, another state spelled out", "anthem", coded((SOPT, "511")), in_states("Nevada"), None),
    ("HMO, misspelled", "anthem", coded((SOPT, "511")), in_states("Californa"), None),
    ("HMO, blank state", "anthem", coded((SOPT, "511")), in_states(" "), None),
    (
        "HMO, moved from California",
        "anthem",
        coded((SOPT, "511")),
        patient(address=[{"state": "CA", "use": "old"}, {"state": "NV"}]),
        COMMERCIAL,
    ),
    ("HMO, only an old address", "anthem", coded((SOPT, "511")), in_states("CA", use="old"), None),
    ("HMO by the word alone", "anthem", coded((ACT, "HMO")), CALIFORNIA, None),
    ("indemnity", "anthem", coded((SOPT, "621")), WISCONSIN, COMMERCIAL),
    ("supplement to Medicare", "anthem", coded((SOPT, "523")), WISCONSIN, None),
]


@pytest.mark.parametrize(
    ("payer", "elements", "member", "expected"),
    [row[1:] for row in PLANS],
    ids=[row[0] for row in PLANS],
)
def test_the_plan_is_told_by_class_then_type_then_state(
    payers: Payers,
    payer: str,
    elements: JsonObject,
    member: JsonObject | None,
    expected: str | None,
) -> None:
    """Design 4.4 as a table; what cannot be told is unknown, and never a guess."""
    assert plan_of(payers, coverage(payer, None, **elements), member) == expected


@pytest.mark.parametrize(
    ("payor", "payer"),
    [
        ([{"identifier": {"system": PAYER_ID, "value": "icare"}}], "icare"),
        ([{"identifier": {"system": f"{PAYER_ID}/", "value": " icare "}}], "icare"),
        ({"identifier": {"system": PAYER_ID, "value": "icare"}}, "icare"),
        ([{"identifier": [{"system": PAYER_ID, "value": "icare"}]}], "icare"),
        ([{"identifier": {"system": PAYER_ID, "value": "else"}}], None),
        ([{"identifier": {"value": "icare"}}], None),
        ([{"identifier": {"system": "https://else.example.invalid", "value": "icare"}}], None),
        ([{"display": "Independent Care Health Plan"}], None),
        ([{"display": "iCare", "reference": "Organization/icare"}], None),
        ([{"reference": "Organization/org-7"}], "anthem"),
        ([{"reference": "https://ehr.example.invalid/fhir/Organization/org-7"}], "anthem"),
        ([{"reference": "Organization/org-7/_history/3"}], "anthem"),
        ([{"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}], "anthem"),
        ([{"reference": "Organization/missing"}], None),
        ([{"reference": "#contained"}], "icare"),
        ([{"reference": "#dangling"}], None),
        (
            [{"reference": "#contained", "identifier": {"system": PAYER_ID, "value": "else"}}],
            "icare",
        ),
        (
            [
                {"reference": "Organization/org-7"},
                {"identifier": {"system": PAYER_ID, "value": "icare"}},
            ],
            "anthem",
        ),
        ([{"reference": "Patient/member-1"}], None),
        ([], None),
        (None, None),
        ("icare", None),
    ],
    ids=repr,
)
def test_the_payer_is_whoever_the_first_payor_leads_to(
    payers: Payers, payor: Any, payer: str | None
) -> None:
    """By identifier, on the Reference or on the Organization it leads to; never by name."""
    contained = {
        **ORGANIZATION,
        "id": "contained",
        "identifier": {"system": PAYER_ID, "value": "icare"},
    }
    insured = {**coverage(), "payor": payor, "contained": [contained]}
    chart = chart_of(
        insured, patient(), ORGANIZATION, full_url="urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    )
    found = resolve_membership(insured, chart, payers).payer

    assert (found.id if found else None) == payer


@pytest.mark.parametrize("kind", ["Patient", "RelatedPerson"])
def test_a_person_who_pays_is_no_payer(payers: Payers, kind: str) -> None:
    """Only an Organization's identifiers make a payer, whatever identifiers a person carries."""
    person = {
        "resourceType": kind,
        "id": "member-1",
        "identifier": [{"system": PAYER_ID, "value": "icare"}],
    }
    insured = {**coverage(), "payor": [{"reference": f"{kind}/member-1"}]}

    assert resolve_membership(insured, chart_of(insured, person), payers).payer is None


def test_the_organization_is_found_under_any_prefetch_key_and_without_being_contained(
    payers: Payers,
) -> None:
    """The standard prefetch never names the Organization, so it is looked for everywhere."""
    insured = {**coverage(), "payor": [{"reference": "Organization/org-7"}]}
    membership = resolve_membership(insured, chart_of(insured, ORGANIZATION), payers)

    assert membership.payer is not None
    assert membership.payer.brand == "Anthem"


ACTIVE, CANCELLED = coverage(id="active"), coverage(id="cancelled", status="cancelled")


@pytest.mark.parametrize(
    ("coverages", "kept"),
    [
        ([], []),
        ([ACTIVE], ["active"]),
        ([ACTIVE, CANCELLED], ["active"]),
        ([CANCELLED, ACTIVE], ["active"]),
        ([CANCELLED], ["cancelled"]),
        ([CANCELLED, coverage(id="draft", status="draft")], ["cancelled", "draft"]),
        ([ACTIVE, ACTIVE], ["active"]),
        ([ACTIVE, coverage(id="second")], ["active", "second"]),
        ([coverage(id="theirs", beneficiary={"reference": "Patient/another"})], []),
        ([ACTIVE, coverage(id="theirs", beneficiary={"reference": "Patient/another"})], ["active"]),
        (
            [
                coverage(
                    id="absolute", beneficiary={"reference": "https://e.invalid/Patient/member-1"}
                )
            ],
            ["absolute"],
        ),
        ([coverage(id="nobody", beneficiary={})], ["nobody"]),
        ([{key: value for key, value in ACTIVE.items() if key != "status"}], ["active"]),
        ([coverage(id="capitals", status="ACTIVE"), CANCELLED], ["capitals"]),
        ([coverage(id="shouted", status="CANCELLED"), ACTIVE], ["active"]),
        ([coverage(id="unknown", status="5"), CANCELLED], ["unknown"]),
        ([coverage(id="object", status={"value": "cancelled"}), CANCELLED], ["object"]),
        ([ACTIVE, coverage(id="unknown", status="unknown-word")], ["active", "unknown"]),
    ],
)
def test_the_patients_own_active_coverages_count(
    coverages: list[JsonObject], kept: list[str]
) -> None:
    """Each once, none of another patient, and inactive ones only if there is no other.

    One whose status is unknown may be active, so it stands beside an active one.
    """
    assert [insured["id"] for insured in candidate_coverages(chart_of(*coverages))] == kept


def resolve(
    payers: Payers, *coverages: JsonObject, must: bool = True, looked_for: tuple[str, ...] = ()
) -> list[str]:
    chart = chart_of(*coverages, patient(), looked_for=looked_for)
    return [
        str(membership.coverage_key)
        for membership in resolve_memberships(chart, payers, must_have_one=must)
    ]


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize(
    "coverages",
    [
        [ACTIVE, coverage(id="second")],
        [coverage(payor=[])],
        [coverage(payor=[{"display": "iCare"}])],
        [coverage("unheard-of")],
        [coverage(id=None)],
    ],
    ids=["several", "no payor", "no identifier", "another payer", "no id"],
)
def test_a_client_that_must_have_one_coverage_is_refused_without_a_usable_one(
    payers: Payers, coverages: list[JsonObject]
) -> None:
    """Several, no identifier, or a payer that is not hosted: 400."""
    with pytest.raises(PayerNotHandled) as caught:
        resolve(payers, *coverages)

    assert (caught.value.status, caught.value.where) == (400, "$.prefetch")


@pytest.mark.crd("hook-13", "found-32")
def test_no_coverage_is_refused_differently_if_nobody_looked_for_it(payers: Payers) -> None:
    """Looked for and not there is 400; neither sent nor looked for is 412."""
    with pytest.raises(PayerNotHandled) as not_there:
        resolve(payers, looked_for=("Coverage",))
    with pytest.raises(DataUnavailable) as out_of_reach:
        resolve(payers)

    assert (not_there.value.status, out_of_reach.value.status) == (400, 412)


NO_REFERENCE_CARRIES = [
    "a b/c",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "a|b",
    "a\\b",
    "a\tb",
    "a\x00b",
    "a\x7fb",
]


@pytest.mark.parametrize("must", [True, False], ids=["2.1 and 2.2", "older"])
@pytest.mark.parametrize("identity", NO_REFERENCE_CARRIES, ids=repr)
def test_a_coverage_whose_id_no_reference_can_carry_is_refused(
    payers: Payers, identity: str, must: bool
) -> None:
    """What is said of a Coverage names it by `Coverage/id`: 400, whatever the version."""
    with pytest.raises(InvalidRequest, match="id") as caught:
        resolve(payers, coverage(id=identity), must=must)

    assert (caught.value.status, caught.value.where) == (400, "$.prefetch")


@pytest.mark.parametrize("must", [True, False], ids=["2.1 and 2.2", "older"])
@pytest.mark.parametrize(
    "identity",
    ["a_b", "a:b", "a.b", "a-b", "x" * 194, "Überweisung-①", "a+b=c", "a%20b", "a@b", " padded "],
)
def test_a_coverage_with_an_id_that_ehrs_are_known_to_send_is_taken(
    payers: Payers, identity: str, must: bool
) -> None:
    """FHIR allows letters, digits, `-` and `.`, up to 64 of them; real systems send more."""
    assert resolve(payers, coverage(id=identity), must=must) == [f"Coverage/{identity.strip()}"]


def test_a_coverage_that_is_not_answered_may_have_any_id(payers: Payers) -> None:
    """Of an older client's Coverages those of payers hosted elsewhere are named nowhere."""
    elsewhere = coverage("unheard-of", id="a b/c")

    assert resolve(payers, elsewhere, ACTIVE, must=False) == ["Coverage/active"]


def test_a_refusal_tells_how_many_coverages_came_and_nothing_of_them(payers: Payers) -> None:
    """The message helps a developer, and holds no patient data."""
    with pytest.raises(PayerNotHandled, match="several") as caught:
        resolve(payers, ACTIVE, coverage(id="second"))

    assert "member-1" not in str(caught.value)


def test_two_cancelled_coverages_are_not_called_active(payers: Payers) -> None:
    """The message says what came."""
    with pytest.raises(PayerNotHandled) as caught:
        resolve(payers, CANCELLED, coverage(id="second", status="cancelled"))

    assert "active" not in str(caught.value)


@pytest.mark.parametrize(
    ("coverages", "kept"),
    [
        ([], []),
        ([ACTIVE], ["Coverage/active"]),
        ([ACTIVE, coverage("anthem", id="second")], ["Coverage/active", "Coverage/second"]),
        ([coverage("unheard-of", id="unknown"), ACTIVE], ["Coverage/active"]),
        ([coverage("unheard-of", id="one"), coverage("unheard-of", id="two")], ["Coverage/one"]),
    ],
    ids=["none", "one", "two hosted", "one hosted of two", "none hosted"],
)
def test_an_older_client_is_never_refused(
    payers: Payers, coverages: list[JsonObject], kept: list[str]
) -> None:
    """Every Coverage of a hosted payer counts, or else the first."""
    assert resolve(payers, *coverages, must=False) == kept


MID_JUNE = Days(date(2026, 6, 15), date(2026, 6, 15))


@pytest.mark.parametrize(
    ("elements", "active"),
    [
        ({}, True),
        ({"status": "cancelled"}, False),
        ({"status": "draft"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": None}, True),
        ({"period": {}}, True),
        ({"period": None}, True),
        ({"period": {"start": "2026-01-01"}}, True),
        ({"period": {"end": "2026-06-15"}}, True),
        ({"period": {"end": "2026-06-14"}}, False),
        ({"period": {"start": "2026-06-16"}}, False),
        ({"period": {"start": "2026-06-15T23:59:59-08:00"}}, True),
        ({"period": {"start": "2026-06", "end": "2026-06"}}, True),
        ({"period": {"end": "2026"}}, True),
        ({"period": {"end": "2025"}}, False),
        ({"period": {"start": "06/16/2026"}}, True),
    ],
    ids=repr,
)
def test_a_coverage_is_inactive_only_where_it_says_so(
    payers: Payers, elements: JsonObject, active: bool
) -> None:
    """Status and period, both bounds included; what is absent or unreadable excludes nothing."""
    insured = coverage(**elements)

    assert resolve_membership(insured, chart_of(insured), payers).activity_on(MID_JUNE) is (
        Activity.ACTIVE if active else Activity.INACTIVE
    )


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["coding", "reference", "identifier", "value", "system", "start"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    elements=st.dictionaries(
        st.sampled_from(["payor", "type", "class", "period", "status", "contained"]), junk
    )
)
def test_a_malformed_element_of_a_coverage_takes_nothing_else_along(
    payers: Payers, elements: JsonObject
) -> None:
    """Payer, plan and activity are what the sound elements say, and unknown where none is."""
    malformed = {**coverage(), **elements}
    membership = resolve_membership(malformed, chart_of(malformed, patient()), payers)
    has_payer = "payor" not in elements

    assert (membership.payer is not None) is has_payer
    assert (membership.plan is not None) is (has_payer and "type" not in elements)
    assert membership.activity_on(MID_JUNE) is Activity.ACTIVE or not {
        "status",
        "period",
    }.isdisjoint(elements)


def test_medicare_and_commercial_types_used_by_other_tests_are_what_they_are_called(
    payers: Payers,
) -> None:
    """The request builders' plan types lead to the plans their names promise."""
    assert plan_of(payers, coverage("icare", MEDICARE_HMO), WISCONSIN) == MEDICARE
    assert plan_of(payers, coverage("anthem", COMMERCIAL_PPO), WISCONSIN) == COMMERCIAL
    assert plan_of(payers, coverage("anthem", COMMERCIAL_HMO), CALIFORNIA) == CALIFORNIA_HMO


@pytest.mark.parametrize("must", [True, False], ids=["2.1 and later", "older"])
@pytest.mark.parametrize("reverse", [True, False])
def test_two_coverages_that_differ_under_one_id_are_refused(
    payers: Payers, must: bool, reverse: bool
) -> None:
    """Which of them counts must not hang on their order."""
    forms = [coverage(), coverage(status="cancelled")]
    with pytest.raises(InvalidRequest, match="two different Coverages have one id"):
        resolve(payers, *(reversed(forms) if reverse else forms), must=must)


def test_a_coverage_that_came_twice_with_the_same_facts_is_one(payers: Payers) -> None:
    """What else differs, such as `meta`, decides nothing."""
    memberships = resolve(payers, coverage(), coverage(meta={"versionId": "2"}))

    assert memberships


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["2"], True),
        (["211"], True),
        (["512"], True),
        (["611"], True),
        (["3"], True),
        (["1"], False),
        (["12"], False),
        (["111", "2"], False),
        (["7"], False),
        (["9999"], False),
        ([], False),
    ],
)
def test_a_coverage_names_another_line_only_if_none_of_its_codes_is_of_this_one(
    payers: Payers, codes: list[str], expected: bool
) -> None:
    """Medicaid is no Medicare plan; managed care unspecified may be any."""
    (medicare,) = payers.get("icare").plans
    typed = coverage(
        "icare", None, type={"coding": [{"system": SOPT, "code": code} for code in codes]}
    )

    assert names_other_line(typed, medicare) is expected


def test_words_name_no_line(payers: Payers) -> None:
    """A type in another system says nothing of Source of Payment."""
    (medicare,) = payers.get("icare").plans

    assert not names_other_line(coverage("icare", None, **coded((ACT, "HMO"))), medicare)
    assert not names_other_line(coverage("icare", None, type={"text": "Medicaid"}), medicare)
