"""The payers' own cases: each is a test, and the runner notices what differs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index
from proposal_library import DEFINITIONS, addition
from small_library import COVERED_WITHOUT_AUTHORIZATION, part, policy, reason, rule, small_index

from cds_service.authoring.case_runs import differences, run_case
from cds_service.authoring.cases import Case, read_cases
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.errors import ArtifactError
from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.fhir.resource import JsonObject, encode
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.run.index import PolicyIndex

CASES = list(read_cases(builtin_library()))


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    return builtin_index()


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.file.parent.name}: {case.name}" for case in CASES]
)
def test_the_library_answers_each_case_as_its_payer_expects(case: Case, index: PolicyIndex) -> None:
    """Coverage, rule, information needed and words of one order of one member on one day."""
    assert differences(case, run_case(case, index)) == []


@pytest.mark.parametrize(("payer", "least"), [("icare", 25), ("anthem", 40)])
def test_there_are_enough_cases(payer: str, least: int) -> None:
    """A policy without cases is a policy nobody checked."""
    names = [case.name for case in CASES if payer in case.file.parts]

    assert len(names) >= least
    assert len(set(names)) == len(names)


def test_every_rule_of_the_library_speaks_in_some_case(index: PolicyIndex) -> None:
    """And in some case none does."""
    spoken = {case.expect["rule"] for case in CASES}

    assert spoken == {rule.citation.rule_id for rule in index.rules} | {None}


SAMPLE = next(
    case
    for case in CASES
    if case.expect["rule"] == "ire-any-indication" and case.expect["covered"] == "not-covered"
)


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        ({"covered": "covered"}, "covered is not-covered, expected covered"),
        ({"rule": None}, "rule is ['ire-any-indication'], expected []"),
        ({"rule": "another"}, "rule is ['ire-any-indication'], expected ['another']"),
        ({"info-needed": ["OTH"]}, "info-needed is [], expected ['OTH']"),
        ({"says": ["words it does not say"]}, "does not say `words it does not say`"),
    ],
)
def test_a_wrong_expectation_is_noticed(
    index: PolicyIndex, expected: dict[str, object], difference: str
) -> None:
    """A runner that finds no difference must be able to find one."""
    case = replace(SAMPLE, expect={**SAMPLE.expect, **expected})

    assert differences(case, run_case(case, index)) == [difference]


def test_an_expectation_that_is_no_expectation_is_noticed(index: PolicyIndex) -> None:
    """A misspelled key of `expect` would pass for ever."""
    case = replace(SAMPLE, expect={**SAMPLE.expect, "sayz": ["anything"]})

    assert differences(case, run_case(case, index)) != []


def test_an_answer_in_several_determinations_is_judged_whole(index: PolicyIndex) -> None:
    """A case that expects one answer is not met by the first of two."""
    run = run_case(SAMPLE, index)
    silent = run_case(next(case for case in CASES if case.expect["rule"] is None), index)
    both = replace(run, answers=(*run.answers, *silent.answers))

    assert differences(SAMPLE, both) == ["is answered in 2 determinations"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"members":{},"cases":[{}]}'])
def test_a_cases_file_that_is_none_is_named(tmp_path: Path, body: bytes) -> None:
    """`crd check` says which file is broken."""
    (tmp_path / "cases.json").write_bytes(body)
    with pytest.raises(ArtifactError) as caught:
        list(read_cases(tmp_path))

    assert caught.value.path == tmp_path / "cases.json"


CASE = {
    "name": "the first",
    "order": {},
    "member": "m",
    "date": "2025-01-01",
    "expect": {"covered": "covered", "rule": None},
}
MEMBERS: dict[str, Any] = {"m": {"coverage": {}}}


def write_cases(directory: Path, members: object, *cases: object) -> None:
    """A cases file."""
    (directory / "cases.json").write_bytes(encode({"members": members, "cases": list(cases)}))


@pytest.mark.parametrize(
    ("written", "whose", "when"),
    [
        ({}, "subject", "occurrenceDateTime"),
        ({"resourceType": "DeviceRequest"}, "subject", "occurrenceDateTime"),
        ({"resourceType": "CommunicationRequest"}, "subject", "occurrenceDateTime"),
        ({"resourceType": "MedicationRequest"}, "subject", "authoredOn"),
        ({"resourceType": "NutritionOrder"}, "patient", "dateTime"),
        ({"resourceType": "VisionPrescription"}, "patient", "dateWritten"),
        ({"resourceType": "Appointment"}, "participant", "start"),
        ({"resourceType": "Encounter"}, "subject", "period"),
    ],
    ids=lambda value: value.get("resourceType", "ServiceRequest") if type(value) is dict else None,
)
def test_a_case_is_read_with_the_order_completed(
    tmp_path: Path, written: JsonObject, whose: str, when: str
) -> None:
    """An author writes only what matters: whose it is and for which day is given."""
    write_cases(tmp_path, MEMBERS, {**CASE, "order": written})

    (case,) = read_cases(tmp_path)

    assert case.order["resourceType"] == written.get("resourceType", "ServiceRequest")
    assert "Patient/member" in str(case.order[whose])
    assert "2025-01-01" in str(case.order[when])


def test_every_kind_of_order_can_be_in_a_case(tmp_path: Path) -> None:
    """And is the patient's own there, so that it is answered."""
    cases = [{**CASE, "order": {"resourceType": kind}} for kind in ORDER_KINDS]
    write_cases(tmp_path, {"m": MEMBER}, *cases)
    index = small_index(tmp_path / "library", policy(rule()))

    runs = [run_case(case, index) for case in read_cases(tmp_path)]

    assert [len(run.answers) for run in runs] == [1] * len(ORDER_KINDS)
    assert {str(run.answers[0].days.first) for run in runs} == {"2025-01-01"}


@pytest.mark.parametrize(
    "own", [{"occurrencePeriod": {"start": "2024-05-05"}}, {"occurrenceDateTime": "2024-05-05"}]
)
def test_an_order_may_state_its_own_day(tmp_path: Path, own: JsonObject) -> None:
    """The date of the case is the day of the call then."""
    write_cases(tmp_path, {"m": MEMBER}, {**CASE, "order": own})
    (case,) = read_cases(tmp_path)
    (answer,) = run_case(case, small_index(tmp_path / "library", policy(rule()))).answers

    assert str(answer.days.first) == "2024-05-05"


def test_an_order_without_a_day_is_for_the_day_of_the_case(tmp_path: Path) -> None:
    """As one that states none is for the day of the call."""
    write_cases(tmp_path, {"m": MEMBER}, {**CASE, "order": {"occurrenceDateTime": None}})
    (case,) = read_cases(tmp_path)
    (answer,) = run_case(case, small_index(tmp_path / "library", policy(rule()))).answers

    assert str(answer.days.first) == "2025-01-01"


def test_an_order_that_asks_for_nothing_is_noticed(tmp_path: Path) -> None:
    """`doNotPerform` gets no answer, so nothing can be expected of it."""
    write_cases(tmp_path, {"m": MEMBER}, {**CASE, "order": {"doNotPerform": True}})
    (case,) = read_cases(tmp_path)
    run = run_case(case, small_index(tmp_path / "library", policy(rule())))

    assert differences(case, run) == ["is answered in 0 determinations"]


FAULTS: list[tuple[object, object, str]] = [
    ({}, CASE, "no member is called `m`"),
    (MEMBERS, {**CASE, "order": []}, "`order` is not a resource"),
    (MEMBERS, {**CASE, "order": {"resourceType": "Condition"}}, "`Condition` is no kind of order"),
    (MEMBERS, {**CASE, "date": "tomorrow"}, "`tomorrow` is no date"),
    (MEMBERS, {**CASE, "char": []}, "a case has no `char`"),
    (MEMBERS, {**CASE, "chart": {}}, "`chart` is a list of resources"),
    (MEMBERS, {**CASE, "unreadable": ["everything"]}, "`unreadable` is a list of reads"),
    (MEMBERS, {**CASE, "unreadable": 1}, "`unreadable` is a list of reads"),
    (MEMBERS, {**CASE, "expect": {}}, "expects `covered` and `rule`"),
    (MEMBERS, {**CASE, "expect": "not-covered"}, "expects `covered` and `rule`"),
    (MEMBERS, {**CASE, "expect": {"rule": "r"}}, "expects `covered` and `rule`"),
]
FAULTS += [
    (MEMBERS, {**CASE, "expect": {"covered": "covered", "rule": None, **wrong}}, problem)
    for wrong, problem in (
        ({"sayz": ["x"]}, "and at most pa-needed"),
        ({"pa-needed": ["no-auth"]}, "`pa-needed` is expected as a text, or null"),
        ({"doc-needed": "clinical"}, "`doc-needed` is expected as a list of texts"),
        ({"says": "x"}, "`says` is expected as a list of texts"),
        ({"needs": [1]}, "`needs` is expected as a list of texts"),
        ({"rule": [None]}, "`rule` is expected as a list of texts"),
    )
]


@pytest.mark.parametrize(("members", "case", "problem"), FAULTS)
def test_a_case_that_cannot_be_run_is_named(
    tmp_path: Path, members: object, case: object, problem: str
) -> None:
    """What is misspelled would be passed over, and the case met for ever."""
    write_cases(tmp_path, members, case)
    with pytest.raises(ArtifactError) as caught:
        list(read_cases(tmp_path))

    assert caught.value.path == tmp_path / "cases.json"
    assert caught.value.where == "$.cases[0]"
    assert caught.value.problem.startswith("case `the first`: ")
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ({}, "a member has a `coverage`"),
        ([], "a member is an object"),
        ({"coverage": "Coverage/1"}, "`coverage` is not a resource"),
        ({"coverage": {}, "patient": 1}, "`patient` is not a resource"),
        ({"coverage": {}, "char": []}, "a member has no `char`, but chart, coverage"),
        ({"coverage": {}, "chart": [{"id": "1"}]}, "`chart` is a list of resources"),
        ({"coverage": {}, "unreadable": ["all"]}, "`unreadable` is a list of reads"),
    ],
)
def test_a_member_that_cannot_be_read_is_named_once(
    tmp_path: Path, member: object, problem: str
) -> None:
    """However many cases are of that member; and every other such member with it."""
    write_cases(tmp_path, {"m": member, "n": 1}, CASE, CASE)
    with pytest.raises(ArtifactError) as caught:
        read_cases(tmp_path)

    first, second = caught.value.faults
    assert (first.where, second.where) == ("$.members.m", "$.members.n")
    assert problem in first.problem


def test_a_case_without_a_name_is_found_by_its_place(tmp_path: Path) -> None:
    """The second of two."""
    write_cases(tmp_path, MEMBERS, CASE, {"order": {}})
    with pytest.raises(ArtifactError) as caught:
        list(read_cases(tmp_path))

    assert (caught.value.where, caught.value.problem) == ("$.cases[1]", "a case has a `date`")


# A policy that reads all that a case can hold, and determines all that it can expect.

MEMBER: JsonObject = {
    "coverage": {
        "resourceType": "Coverage",
        "id": "coverage",
        "status": "active",
        "beneficiary": {"reference": "Patient/member"},
        "payor": [
            {
                "identifier": {
                    "system": "https://coverage-policies.invalid/fhir/NamingSystem/payer-id",
                    "value": "acme",
                }
            }
        ],
    },
    "patient": {"resourceType": "Patient", "id": "member"},
}
EVERYTHING = (
    part("covered", "covered"),
    part("pa-needed", "auth-needed"),
    part("doc-needed", "clinical"),
    part("doc-needed", "admin"),
    part("doc-purpose", "OTH"),
    {"url": "doc-with-authorization", "valueBoolean": True},
    {"url": "questionnaire", "valueCanonical": "https://forms.example.invalid/form|1"},
    {"url": "dependency", "valueReference": {"reference": "ServiceRequest/other"}},
    {"url": "expiry-date", "valueDate": "2030-12-31"},
    reason("all of it"),
)
LAB: JsonObject = {"system": "http://loinc.org", "code": "4548-4"}


def asking(name: str, kind: str, *codings: JsonObject) -> JsonObject:
    """An input of a rule: the patient's history of one type, with one of these codes."""
    return {"id": name, "type": kind, "codeFilter": [{"path": "code", "code": list(codings)}]}


def filtered(code: str) -> JsonObject:
    """The input of a rule that its order is."""
    coding = {"system": CPT, "code": code}
    return {"type": "ServiceRequest", "codeFilter": [{"path": "code", "code": [coding]}]}


HISTORIES: Mapping[str, JsonObject] = {
    "0002T": asking("scan", "Procedure", {"system": CPT, "code": "70551"}),
    "0003T": asking("test", "Observation", LAB),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """The index over one policy: an indication, two histories, and a rule that says everything."""
    rules = [
        rule("indicated", conditions=["%indications.where(code = 'I48.91').exists()"]),
        *(
            rule(
                f"after-{wanted['type']}",
                conditions=[f"%{wanted['id']}.exists()"],
                determination=COVERED_WITHOUT_AUTHORIZATION,
                input=[filtered(code), wanted],
            )
            for code, wanted in HISTORIES.items()
        ),
        rule("all", codes=["0004T"], determination=EVERYTHING, action=[addition()]),
        rule("too", codes=["0005T"], determination=EVERYTHING[:1]),
        rule("and-so", codes=["0005T"], determination=EVERYTHING[:1]),
    ]
    return small_index(tmp_path_factory.mktemp("small"), *DEFINITIONS, policy(*rules))


def ordered(code: str, **elements: Any) -> JsonObject:
    """An order with one code."""
    return {"code": {"coding": [{"system": CPT, "code": code}]}, **elements}


def found_different(
    directory: Path, index: PolicyIndex, expect: JsonObject, **written: Any
) -> list[str]:
    """What is found when one case of the small policy is read and run."""
    expect = {"covered": "covered", "rule": None, **expect}
    write_cases(directory, {"m": MEMBER}, {**CASE, **written, "expect": expect})
    (case,) = read_cases(directory)
    return differences(case, run_case(case, index))


AF = {"coding": [{"system": ICD_10_CM, "code": "I48.91"}]}
CONDITION: JsonObject = {
    "resourceType": "Condition",
    "id": "af",
    "subject": {"reference": "Patient/member"},
    "code": AF,
}
REFERRING = ordered("0001T", reasonReference=[{"reference": "Condition/af"}])
REFUSED = {"covered": "not-covered", "rule": "indicated"}
LEFT_OPEN = {"covered": "conditional", "rule": "indicated", "info-needed": ["OTH"]}
UNREAD = {"covered": "indeterminate", "rule": "indicated", "info-needed": []}


def test_a_reference_leads_to_what_the_chart_of_the_case_holds(
    tmp_path: Path, small: PolicyIndex
) -> None:
    """And the case may expect that it had to be read."""
    expect = {**REFUSED, "needs": ["Condition/af"]}

    assert found_different(tmp_path, small, expect, order=REFERRING, chart=[CONDITION]) == []


def test_the_chart_of_a_member_is_that_of_every_case(tmp_path: Path, small: PolicyIndex) -> None:
    """What all cases need is written once."""
    write_cases(
        tmp_path,
        {"m": {**MEMBER, "chart": [CONDITION]}},
        {**CASE, "order": REFERRING, "expect": REFUSED},
        {**CASE, "order": REFERRING, "expect": UNREAD, "unreadable": ["Condition/af"]},
    )

    assert [differences(case, run_case(case, small)) for case in read_cases(tmp_path)] == [[], []]


@pytest.mark.parametrize(
    ("besides", "expect"),
    [({}, LEFT_OPEN), ({"chart": [CONDITION], "unreadable": ["Condition/af"]}, UNREAD)],
    ids=["not in the chart", "unreadable"],
)
def test_what_is_not_in_the_chart_leaves_it_open_and_what_is_unreadable_undetermined(
    tmp_path: Path, small: PolicyIndex, besides: JsonObject, expect: JsonObject
) -> None:
    """No reference can be followed to it; the one may be mended by the order, the other not."""
    needing = {**expect, "needs": ["Condition/af"]}

    assert found_different(tmp_path, small, needing, order=REFERRING, **besides) == []


def test_what_an_order_contains_is_at_hand(tmp_path: Path, small: PolicyIndex) -> None:
    """Nothing is asked for it."""
    contained = [{**CONDITION, "id": "c"}]
    order = ordered("0001T", contained=contained, reasonReference=[{"reference": "#c"}])

    assert found_different(tmp_path, small, {**REFUSED, "needs": []}, order=order) == []


SCAN: JsonObject = {
    "resourceType": "Procedure",
    "id": "scan",
    "status": "completed",
    "subject": {"reference": "Patient/member"},
    "code": {"coding": [{"system": CPT, "code": "70551"}]},
}
TEST: JsonObject = {**SCAN, "resourceType": "Observation", "code": {"coding": [LAB]}}
# In another system: a search by code would not bring it, and who saw it could not tell.
OTHER_TEST: JsonObject = {
    **TEST,
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "43396009"}]},
}
OBSERVED = "Observation?patient=member&code=http://loinc.org|4548-4"
NONE = {"covered": "indeterminate", "rule": None}


@pytest.mark.parametrize(
    ("code", "besides", "expect"),
    [
        ("0002T", {"chart": [SCAN]}, {"rule": "after-Procedure"}),
        ("0002T", {}, NONE),
        (
            "0002T",
            {"chart": [SCAN], "unreadable": ["Procedure?patient=member"]},
            {**UNREAD, "rule": "after-Procedure"},
        ),
        ("0003T", {"chart": [TEST]}, {"rule": "after-Observation", "needs": [OBSERVED]}),
        ("0003T", {"chart": [OTHER_TEST]}, NONE),
        (
            "0003T",
            {"chart": [TEST], "unreadable": ["Observation?patient=member"]},
            {**UNREAD, "rule": "after-Observation", "needs": [OBSERVED]},
        ),
    ],
)
def test_a_history_is_what_the_chart_holds_unless_it_is_unreadable(
    tmp_path: Path, small: PolicyIndex, code: str, besides: JsonObject, expect: JsonObject
) -> None:
    """A search by code brings what has the code, and one that fails fails however narrow."""
    assert found_different(tmp_path, small, expect, order=ordered(code), **besides) == []


SIGNED = {"authoredOn": "2024-12-31", "requester": {"reference": "Practitioner/1"}}
ALL: JsonObject = {
    "covered": "covered",
    "rule": "all",
    "pa-needed": "auth-needed",
    "info-needed": [],
    "doc-needed": ["admin", "clinical"],
    "doc-purpose": ["OTH"],
    "questionnaire": ["https://forms.example.invalid/form|1"],
    "dependency": ["ServiceRequest/other"],
    "expiry-date": "2030-12-31",
    "says": ["all of it"],
    "proposes": ["addition"],
    "needs": [],
}


def test_a_case_can_expect_all_that_a_determination_can_hold(
    tmp_path: Path, small: PolicyIndex
) -> None:
    """The documents that go with the authorization are `OTH`, as the policy states them."""
    assert found_different(tmp_path, small, ALL, order=ordered("0004T", **SIGNED)) == []


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"says"}))
def test_every_part_that_differs_is_noticed(tmp_path: Path, small: PolicyIndex, name: str) -> None:
    """One finding, which names the part."""
    other = ["something"] if isinstance(ALL[name], list) else "something"
    order = ordered("0004T", **SIGNED)

    (found,) = found_different(tmp_path, small, {**ALL, name: other}, order=order)

    assert found.startswith(f"{name} is ")
    assert "something" in found


def test_null_is_expected_where_nothing_is_stated(tmp_path: Path, small: PolicyIndex) -> None:
    """A policy that comes to state it is noticed."""
    nothing = {"pa-needed": None, "expiry-date": None}
    expect = {"covered": "covered", "rule": ["and-so", "too"]}
    of_all = {**ALL, **nothing}

    assert found_different(tmp_path, small, {**expect, **nothing}, order=ordered("0005T")) == []
    assert found_different(tmp_path, small, of_all, order=ordered("0004T", **SIGNED)) == [
        "pa-needed is auth-needed, expected None",
        "expiry-date is 2030-12-31, expected None",
    ]


def test_several_rules_are_expected_in_any_order(tmp_path: Path, small: PolicyIndex) -> None:
    """Where rules are combined, none of them comes first."""
    order = ordered("0005T")

    assert found_different(tmp_path, small, {"rule": ["too", "and-so"]}, order=order) == []
    assert found_different(tmp_path, small, {"rule": "too"}, order=order) == [
        "rule is ['and-so', 'too'], expected ['too']"
    ]
