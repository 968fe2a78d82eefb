"""The coverage list: a row a rule and code, whose it is, on which days it stands."""

from datetime import date
from pathlib import Path

import pytest
from hosted_policies import TODAY, numbered, two_versions
from listed_coverage import SINCE, coverage_of, filtered_on, like, listed, shipped, value_set
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    insurance_plan,
    organization,
    part,
    policy,
    reason,
    rule,
)

from cds_service.crd.codes import Covered
from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.pages.coverage.listing import CoverageList, Selection, list_coverage
from cds_service.policy.library.snapshot import digest

CLINICAL_DOCUMENTS = (*COVERED_WITHOUT_AUTHORIZATION, part("doc-needed", "clinical"))


def codes(coverage: CoverageList, day: date = TODAY) -> list[str]:
    """What each row is about."""
    return [row.code.shown for row in listed(coverage, day)]


def test_a_row_is_a_rule_and_one_of_its_codes(tmp_path: Path) -> None:
    """In the order of the codes, whatever order rules and their codes are in."""
    coverage = coverage_of(
        tmp_path,
        policy(rule("second", codes=["0002T", "0001T"]), rule("first", codes=["0003T"])),
    )

    assert codes(coverage) == ["CPT 0001T", "CPT 0002T", "CPT 0003T"]


def test_payers_stand_apart(tmp_path: Path) -> None:
    """By their brands, each with its own codes, what is about any code last."""
    coverage = coverage_of(
        tmp_path,
        organization("zenith"),
        policy(rule(codes=["0009T"]), rule("any", codes=[]), name="acme-1"),
        policy(rule(codes=["0001T"]), name="zenith-1", payer="zenith"),
    )

    rows = listed(coverage)

    assert [(row.listed.payer.id, row.code.shown) for row in rows] == [
        ("acme", "CPT 0009T"),
        ("acme", "any code"),
        ("zenith", "CPT 0001T"),
    ]


def test_a_rule_without_plans_is_for_all_members(tmp_path: Path) -> None:
    """Also of a payer that has no plans in the library."""
    coverage = coverage_of(tmp_path, policy())

    [row] = coverage.as_of(TODAY)

    assert row.members == "all members"
    assert row.plan_unknown == ""


def test_a_policy_of_some_plans_tells_what_holds_where_the_plan_is_not_known(
    tmp_path: Path,
) -> None:
    """By the very words that an order of such a member gets."""
    coverage = coverage_of(
        tmp_path,
        insurance_plan("gold", "11"),
        insurance_plan("silver", "512"),
        policy(lines=["InsurancePlan/gold"]),
    )

    [row] = coverage.as_of(TODAY)

    assert row.members == "Gold"
    assert "applies to members of Gold; this member's plan could not be told" in row.plan_unknown


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ("%plan.where(id = 'gold').exists()", "Gold"),
        ("%plan.where(id != 'gold').exists()", "Silver"),
        ("%plan.empty()", "members whose plan is not known"),
        ("%plan.where(id = 'gold').empty()", "Silver or members whose plan is not known"),
        ("%plan.exists()", "Gold or Silver"),
        ("%plan.exists() or %plan.empty()", "all members"),
        ("%plan.where(id = 'bronze').exists()", "members of no plan listed here"),
        ("%plan.where(id = 'gold').exists() or %order.exists()", "all members"),
        ("%plan.type.where(coding.code = '11').exists()", "Gold"),
    ],
)
def test_a_condition_on_the_plan_alone_tells_whose_rule_it_is(
    tmp_path: Path, condition: str, members: str
) -> None:
    """One that reads more leaves every plan in."""
    coverage = coverage_of(
        tmp_path,
        insurance_plan("gold", "11"),
        insurance_plan("silver", "512"),
        policy(rule(conditions=[condition])),
    )

    [row] = coverage.as_of(TODAY)

    assert row.members == members


def test_a_family_of_codes_is_one_row(tmp_path: Path) -> None:
    """As people write families; codes that are listed beside it are rows of their own."""
    coverage = coverage_of(
        tmp_path,
        value_set(
            "heart",
            like(ICD_10_CM, r"I48\..*"),
            like(ICD_10_CM, "I4[79].*"),
            {"system": CPT, "concept": [{"code": "33340"}]},
        ),
        policy(rule(input=filtered_on("heart"))),
    )

    assert codes(coverage) == ["CPT 33340", "ICD-10-CM I48.-", "ICD-10-CM codes like I4[79].*"]
    assert [str(row.code.kind) for row in listed(coverage)] == ["code", "family", "family"]


def test_what_is_taken_out_of_a_family_is_named_with_it(tmp_path: Path) -> None:
    """In words, some of the codes by name."""
    few = [{"code": f"I48.{at}"} for at in range(2)]
    many = [{"code": f"I49.{at}"} for at in range(7)]
    coverage = coverage_of(
        tmp_path,
        value_set(
            "few",
            like(ICD_10_CM, r"I48\..*"),
            exclude=[{"system": ICD_10_CM, "concept": few}],
        ),
        value_set(
            "many",
            like(ICD_10_CM, r"I49\..*"),
            exclude=[{"system": ICD_10_CM, "concept": many}],
        ),
        policy(
            rule("few", input=filtered_on("few")),
            rule("many", input=filtered_on("many")),
        ),
    )

    assert codes(coverage) == [
        "ICD-10-CM I48.- except I48.0, I48.1",
        "ICD-10-CM I49.- except I49.0, I49.1, I49.2, I49.3, I49.4, 2 more codes",
    ]


def test_a_whole_code_system_narrowed_by_a_set_is_in_words(tmp_path: Path) -> None:
    """Where a set names a system and another set at once."""
    narrowed = {"system": ICD_10_CM, "valueSet": ["https://payer.example/ValueSet/b|1"]}
    coverage = coverage_of(
        tmp_path,
        value_set("b", like(ICD_10_CM, "I48.*")),
        value_set("narrowed", narrowed),
        policy(rule(input=filtered_on("narrowed"))),
    )

    assert codes(coverage) == ["ICD-10-CM every code of ICD-10-CM that are also I48-"]


def test_what_has_to_be_in_two_sets_at_once_is_in_words(tmp_path: Path) -> None:
    """Neither of them alone is the family."""
    both = {
        "valueSet": ["https://payer.example/ValueSet/broad|1", "https://payer.example/ValueSet/b|1"]
    }
    coverage = coverage_of(
        tmp_path,
        value_set("broad", like(ICD_10_CM, "I4.*")),
        value_set("b", like(ICD_10_CM, "I48.*")),
        value_set("both", both),
        policy(rule(input=filtered_on("both"))),
    )

    assert codes(coverage) == ["ICD-10-CM I4- that are also I48-"]


def test_a_catch_all_rule_is_a_row_about_any_code(tmp_path: Path) -> None:
    """It names what kind of order it is about."""
    coverage = coverage_of(tmp_path, policy(rule(codes=[], kind="DeviceRequest")))

    [row] = coverage.as_of(TODAY)

    assert (row.code.shown, row.order_kind) == ("any code", "device or supply")


def test_codes_bear_our_own_words_for_them() -> None:
    """As the policy's ValueSets have them, and never their owner's."""
    coverage = list_coverage(*shipped())

    labels = {row.code.code: row.code.label for row in coverage.as_of(TODAY) if row.code.label}

    assert labels["0600T"] == "IRE of tumors, percutaneous"


def test_a_version_stands_on_the_days_that_it_is_in_force(tmp_path: Path) -> None:
    """The day before it there is the version before, and before that one nothing."""
    coverage = coverage_of(tmp_path, *two_versions())

    standing = {
        day: [row.listed.policy.id for row in coverage.as_of(date.fromisoformat(day))]
        for day in ("0001-01-01", "2023-12-31", "2024-01-01", "2024-12-31", "2025-01-01")
    }

    assert standing == {
        "0001-01-01": [],
        "2023-12-31": [],
        "2024-01-01": ["old"],
        "2024-12-31": ["old"],
        "2025-01-01": ["new"],
    }


def test_the_last_day_is_that_of_the_policy_or_of_what_it_determines(tmp_path: Path) -> None:
    """Whichever comes first; a policy without an end has none."""
    coverage = coverage_of(tmp_path, *two_versions())

    [old] = coverage.as_of(date(2024, 5, 5))
    [new] = coverage.as_of(TODAY)

    assert (old.last_day, new.last_day) == (date(2024, 12, 31), None)


def test_what_has_expired_is_left_open(tmp_path: Path) -> None:
    """A determination that holds until a day covers nothing later, and its steps are gone."""
    until = {"url": "expiry-date", "valueDate": "2025-06-30"}
    expiring = rule(determination=(*COVERED_WITHOUT_AUTHORIZATION, until))
    coverage = coverage_of(tmp_path, policy(expiring))

    [before] = coverage.as_of(date(2025, 6, 30))
    [after] = coverage.as_of(date(2025, 7, 1))

    assert (before.determination.covered, before.last_day) == (
        Covered.COVERED,
        date(2025, 6, 30),
    )
    assert after.determination.covered is Covered.CONDITIONAL
    assert "holds for services until 2025-06-30" in after.reasons[0]
    assert after.to_do == ()
    assert not coverage.as_of(date(2025, 7, 1), Selection(answer="covered"))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("", ["0001T", "0002T", "0003T", "0004T", "0005T"]),
        ("not-covered", ["0001T"]),
        ("covered", ["0002T", "0003T", "0004T"]),
        ("conditional", ["0005T"]),
        ("indeterminate", []),
        ("authorization", ["0002T"]),
        ("documentation", ["0004T"]),
    ],
)
def test_rows_are_narrowed_by_what_is_determined(
    tmp_path: Path, answer: str, found: list[str]
) -> None:
    """Coverage by its code, authorization and documents by whether they are asked for."""
    open_question = (part("covered", "conditional"), part("info-needed", "OTH"), reason())
    determined = (
        NOT_COVERED,
        AUTHORIZATION_NEEDED,
        COVERED_WITHOUT_AUTHORIZATION,
        CLINICAL_DOCUMENTS,
        open_question,
    )
    rules = [
        rule(f"rule-{at}", codes=[f"000{at}T"], determination=determination)
        for at, determination in enumerate(determined, start=1)
    ]
    coverage = coverage_of(tmp_path, policy(*rules))

    rows = coverage.as_of(TODAY, Selection(answer=answer))

    assert [row.code.code for row in rows] == found


def test_rows_are_narrowed_to_a_payer_and_to_what_a_plan_can_meet(tmp_path: Path) -> None:
    """A plan leaves its payer's rules for all members in, and other payers' out."""
    coverage = coverage_of(
        tmp_path,
        organization("zenith"),
        insurance_plan("gold", "11"),
        insurance_plan("silver", "512"),
        policy(rule(codes=["0001T"]), name="gold-only", lines=["InsurancePlan/gold"]),
        policy(rule(codes=["0002T"]), name="everyone"),
        policy(rule(codes=["0003T"]), name="zenith-1", payer="zenith"),
    )

    def about(**narrowed: str) -> list[str]:
        return [row.code.code for row in coverage.as_of(TODAY, Selection(**narrowed))]

    assert about(payer="acme") == ["0001T", "0002T"]
    assert about(plan="gold") == ["0001T", "0002T"]
    assert about(plan="silver") == ["0002T"]
    assert about(payer="zenith", plan="silver") == []


def test_a_payer_with_two_policies_about_a_code_has_two_rows(tmp_path: Path) -> None:
    """Neither hides the other."""
    coverage = coverage_of(tmp_path, numbered("a", "N.1"), numbered("b", "N.2"))

    assert [row.citation.number for row in coverage.as_of(TODAY)] == ["N.1", "N.2"]


def test_a_list_is_named_by_its_set_of_policies() -> None:
    """By the digest of the library, which need not be taken twice."""
    library, index = shipped()

    assert list_coverage(library, index).digest == digest(library)
    assert list_coverage(library, index, name="known").digest == "known"
    assert list_coverage(library, index, since=SINCE).since == SINCE


def test_pieces_of_the_list_are_rows_too(tmp_path: Path) -> None:
    """A slice is a list of the same day, as far as it goes."""
    coverage = coverage_of(tmp_path, policy(rule(codes=["0001T", "0002T", "0003T"])))

    rows = coverage.as_of(TODAY)

    assert [row.code.code for row in rows[1:9]] == ["0002T", "0003T"]
    assert rows[-1].code.code == "0003T"


def test_an_empty_library_has_an_empty_list(tmp_path: Path) -> None:
    """And nothing breaks."""
    coverage = coverage_of(tmp_path)

    assert list(coverage.as_of(TODAY)) == []
    assert coverage.systems == frozenset()
