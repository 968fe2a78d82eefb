"""Search in the coverage list: a code, a question, and what the first line answers."""

from pathlib import Path

import pytest
from hosted_policies import numbered, two_versions
from listed_coverage import answers, ask, coverage_of, filtered_on, like, shipped, value_set
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    insurance_plan,
    organization,
    part,
    policy,
    reason,
    rule,
)

from cds_service.errors import InvalidRequest
from cds_service.fhir.coding import ICD_10_CM
from cds_service.pages.coverage.listing import CoverageList, list_coverage

ICARE = "iCare Medicare Advantage: 0600T is not covered (since 2024-10-08)"
CONDITION = "%coverage.exists()"
COVERED_UNTIL = {"start": "2024-01-01", "end": "2026-12-31"}


@pytest.fixture(scope="module")
def coverage() -> CoverageList:
    """The list of the policies that come with the service, and the examples."""
    return list_coverage(*shipped())


@pytest.mark.parametrize(
    "question",
    [
        "0600T iCare",
        "iCare 0600T",
        "icare 0600t",
        "is 0600T covered by iCare?",
        "Is “0600T” covered by iCare’s plan?",
        "Does iCare's Medicare Advantage cover CPT 0600T?",
        "do I need prior authorization for 0600T with iCare",
        "0600T-53 icare",
        "0600T:53 icare",
        "(0600T, iCare)",
        "is 0600T covered by iCare on 2026-11-01?",
        "is 0600T covered by iCare in 2026?",
        "0600T WI.PA-1266",
        "0600T wi.pa",
        "0600T Independent Care Health Plan",
        "０６００Ｔ icare",
        "is 0600T covered by iCare? is 0600T covered by iCare?",
    ],
)
def test_a_stranger_finds_whether_0600t_is_covered_by_icare(
    coverage: CoverageList, question: str
) -> None:
    """However it is asked, the first line is the answer, and the row is the only one."""
    found = ask(coverage, question)
    [answer] = answers(coverage, question)

    assert answer.lead == ICARE
    assert answer.rest.startswith(": not medically reasonable and necessary. Policy WI.PA-1266")
    assert [row.listed.payer.id for row in found.rows] == ["icare"]


def test_a_code_alone_is_answered_for_each_payer(coverage: CoverageList) -> None:
    """Where rules have conditions, the line tells that it depends, and on what."""
    anthem, icare = answers(coverage, "0600T")

    assert anthem.lead == "Anthem: whether 0600T is covered depends on the member and the order"
    assert "not covered (investigational and not medically necessary)" in anthem.rest
    assert "depends on further information" in anthem.rest
    assert icare.lead == ICARE


@pytest.mark.parametrize(
    ("question", "lead"),
    [
        (
            "is 99213 covered by iCare?",
            "No policy in this library addresses 99213 for iCare on 2026-11-26",
        ),
        ("99213", "No policy in this library addresses 99213 on 2026-11-26"),
        (
            "0600T Lakeside",
            "No policy in this library addresses 0600T for Example Mutual of Lakeside "
            "on 2026-11-26",
        ),
        (
            "0600T infliximab",
            "No policy in this library addresses 0600T together with “infliximab” on 2026-11-26",
        ),
        ("is 0600T covered by Aetna?", "Nothing in this library is called “aetna”"),
        ("is 0600T covered by iCare in 2023?", "Which day of 2023?"),
        (
            "is 0600T covered by iCare on 2023-05-05?",
            "No policy in this library addresses 0600T for iCare on 2023-05-05",
        ),
        (
            "what needs prior authorization?",
            "The question names no code, payer, plan or policy",
        ),
    ],
)
def test_what_the_list_does_not_hold_is_never_called_covered(
    coverage: CoverageList, question: str, lead: str
) -> None:
    """It names what is missing instead."""
    [answer] = answers(coverage, question)

    assert answer.lead == lead
    assert "is covered (" not in "".join(answer)


def test_a_code_of_other_days_is_told_of(coverage: CoverageList) -> None:
    """The policy and its days are named."""
    [answer] = answers(coverage, "33340 Northland", day="2023-12-31")

    assert "CARD-07 addresses it from 2024-01-01 until 2024-12-31." in answer.rest
    assert "CARD-07 addresses it from 2025-01-01." in answer.rest


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("nanoknife", {"anthem", "icare"}),
        ("oncobionic", {"anthem"}),
        ("surg.00126", {"anthem"}),
        ("00126", {"anthem"}),
        ("electro", {"anthem", "icare"}),
        ("irreversible electroporation", {"anthem", "icare"}),
        ("example lakeside", {"example-lakeside"}),
        ("roporation", set()),
        ("care", {"example-midvale", "icare"}),
        ("nothing-of-the-kind", set()),
    ],
)
def test_words_are_those_of_payers_plans_and_policies(
    coverage: CoverageList, words: str, found: set[str]
) -> None:
    """Whole or as they begin, so that `icare` is not in `medicare`."""
    assert {row.listed.payer.id for row in ask(coverage, words).rows} == found


def test_several_codes_are_alternatives(coverage: CoverageList) -> None:
    """Each has its answer, and all of their rows are there."""
    found = ask(coverage, "0600T or 0601T by iCare")

    assert [row.code.code for row in found.rows] == ["0600T", "0601T"]
    assert len(answers(coverage, "0600T or 0601T by iCare")) == 2


@pytest.mark.parametrize("between", [",", ", ", ";", "/", "|", " / ", " and "])
def test_codes_may_be_listed_as_people_list_them(coverage: CoverageList, between: str) -> None:
    """With or without a blank between them; none is lost in a word that nothing is called."""
    found = ask(coverage, f"0600T{between}0601T iCare")

    assert [row.code.code for row in found.rows] == ["0600T", "0601T"]


@pytest.mark.parametrize("word", ["10/08/2024", "https://payer.example/policy", "n/a"])
def test_a_slash_within_other_words_stays(coverage: CoverageList, word: str) -> None:
    """A word of it is not taken for a code, nor left out."""
    assert ask(coverage, f"0600T {word}").terms.unknown == (word,)


def test_what_is_covered_as_one_kind_of_order_is_not_covered_as_any(tmp_path: Path) -> None:
    """An order of another kind meets no rule, whatever its code."""
    covered = rule(kind="MedicationRequest", determination=COVERED_WITHOUT_AUTHORIZATION)
    coverage = coverage_of(tmp_path, policy(covered))

    [answer] = answers(coverage, "0001T")

    assert answer.lead.startswith("Acme: 0001T is covered")
    assert "for an order of the kind “medication”, and for no other." in answer.rest


def test_a_code_of_a_family_finds_the_family(tmp_path: Path) -> None:
    """With or without its dot; one that is taken out of it does not."""
    coverage = coverage_of(
        tmp_path,
        value_set(
            "af",
            like(ICD_10_CM, r"I48\..*"),
            exclude=[{"system": ICD_10_CM, "concept": [{"code": "I48.0"}]}],
        ),
        policy(rule(input=filtered_on("af"), determination=AUTHORIZATION_NEEDED)),
    )

    assert len(ask(coverage, "I48.91").rows) == 1
    assert len(ask(coverage, "i4891").rows) == 1
    assert len(ask(coverage, "I48.0").rows) == 0
    assert len(ask(coverage, "I49.0").rows) == 0
    [answer] = answers(coverage, "i48.91")
    assert answer.lead == ("Acme: I48.91 is covered; prior authorization needed (since 2020-01-01)")


def test_a_rule_for_any_code_answers_for_each(tmp_path: Path) -> None:
    """Also for a code that no rule lists."""
    coverage = coverage_of(tmp_path, policy(rule(codes=[])))

    [answer] = answers(coverage, "is 99213 covered?")

    assert answer.lead == "Acme: 99213 is not covered (since 2020-01-01)"
    assert len(ask(coverage, "99213").rows) == 1


def test_two_rules_for_the_same_members_are_never_two_answers(tmp_path: Path) -> None:
    """An order meets both, and the stricter counts: so it depends, and the strictest is first."""
    coverage = coverage_of(
        tmp_path,
        policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION), name="free"),
        policy(rule(), name="refused"),
    )

    [answer] = answers(coverage, "0001T")

    assert answer.lead == "Acme: whether 0001T is covered depends on the member and the order"
    assert answer.rest == ": 2 rules have conditions, and determine: not covered; or covered."


def test_a_word_hides_no_stricter_rule(tmp_path: Path) -> None:
    """Which only the title of the rule that covers has; the order meets the other one, too."""
    covered = rule(determination=COVERED_WITHOUT_AUTHORIZATION)
    coverage = coverage_of(
        tmp_path, policy(covered, title="Ablation", name="free"), policy(rule(), name="refused")
    )

    [answer] = answers(coverage, "0001T ablation")

    assert len(ask(coverage, "0001T ablation").rows) == 1
    assert answer.lead == "Acme: whether 0001T is covered depends on the member and the order"
    assert answer.rest.endswith("determine: not covered; or covered.")


def test_a_condition_on_the_plan_that_is_left_open_makes_it_depend(tmp_path: Path) -> None:
    """As the card has it: what the plan does not state is unknown, and unknown is not covered."""
    unstated = "%plan.type.coding.code = '99'"
    coverage = coverage_of(
        tmp_path,
        insurance_plan("gold"),
        policy(rule(conditions=[unstated], determination=COVERED_WITHOUT_AUTHORIZATION)),
    )

    [answer] = answers(coverage, "0001T")

    assert answer.lead == "Acme: whether 0001T is covered depends on the member and the order"


def test_rules_for_different_plans_are_answered_apart(tmp_path: Path) -> None:
    """Where conditions on the plan are all they have."""
    gold, silver = "%plan.where(id = 'gold').exists()", "%plan.where(id = 'silver').exists()"
    coverage = coverage_of(
        tmp_path,
        insurance_plan("gold", "11"),
        insurance_plan("silver", "512"),
        policy(
            rule("a", conditions=[gold], determination=AUTHORIZATION_NEEDED),
            rule("b", conditions=[silver]),
        ),
    )

    assert [lead for lead, _ in answers(coverage, "0001T")] == [
        "Acme, Gold: 0001T is covered; prior authorization needed (since 2020-01-01)",
        "Acme, Silver: 0001T is not covered (since 2020-01-01)",
    ]


def test_a_condition_is_never_left_out_of_the_answer(tmp_path: Path) -> None:
    """One rule alone, with a condition, does not cover the code."""
    covered = rule(conditions=[CONDITION], determination=COVERED_WITHOUT_AUTHORIZATION)
    coverage = coverage_of(tmp_path, policy(covered))

    [answer] = answers(coverage, "0001T")

    assert answer.lead == "Acme: whether 0001T is covered depends on the member and the order"
    assert answer.rest == ": 1 rule has conditions, and determines: covered."


def test_a_policy_with_an_end_is_answered_with_it(tmp_path: Path) -> None:
    """From when until when, instead of since when."""
    open_question = (part("covered", "conditional"), part("info-needed", "OTH"), reason("why"))
    ending = policy(rule(determination=open_question), effectivePeriod=COVERED_UNTIL)
    coverage = coverage_of(tmp_path, ending)

    [answer] = answers(coverage, "0001T")

    assert answer.lead == (
        "Acme: whether 0001T is covered: depends on further information "
        "(from 2024-01-01 until 2026-12-31)"
    )
    assert answer.rest == ": why. Policy acme-1, Policy acme-1."


def test_many_payers_are_counted(tmp_path: Path) -> None:
    """The first eight are answered for, the others by their rows."""
    names = [f"payer-{at:02d}" for at in range(11)]
    coverage = coverage_of(
        tmp_path,
        *(organization(name) for name in names),
        *(policy(name=f"of-{name}", payer=name) for name in names),
    )

    told = answers(coverage, "0001T")

    assert len(told) == 9
    assert told[-1].lead == "3 more payers have rules about 0001T"


def test_the_answer_is_that_of_all_rules_whatever_the_rows_are_narrowed_to(
    coverage: CoverageList,
) -> None:
    """To list only what is refused does not make a service refused."""
    found = ask(coverage, "33340", answer="not-covered")
    [answer] = answers(coverage, "33340", answer="not-covered")

    assert len(found.rows) == 1
    assert "depends on the member and the order" in answer.lead


def test_payers_and_plans_go_by_id_or_name(coverage: CoverageList) -> None:
    """In whatever case they are written."""
    for payer in ("icare", "ICARE", " iCare "):
        assert len(ask(coverage, "", payer=payer).rows) == 2
    for plan in ("icare-medicare-advantage", "iCare medicare advantage"):
        assert len(ask(coverage, "", plan=plan).rows) == 2


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"payer": "aetna"}, "`payer` is none of this library (anthem, example-midvale, "),
        ({"plan": "gold"}, "`plan` is none of this library (anthem-california-commercial-hmo, "),
        ({"answer": "maybe"}, "`answer` is one of not-covered, conditional, covered, "),
        ({"day": "yesterday"}, "`date` is no day such as 2026-11-27: `yesterday`"),
        ({"day": "2026-02-30"}, "`date` is no day"),
        ({"day": "20261127"}, "`date` is no day"),
        ({"day": "٢٠٢٦-١١-٢٧"}, "`date` is no day"),
        ({"day": "x" * 5_000}, "`date` is no day"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    coverage: CoverageList, asked: dict[str, str], problem: str
) -> None:
    """They name what can be, and repeat little."""
    with pytest.raises(InvalidRequest) as raised:
        ask(coverage, "", **asked)

    assert problem in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("words", ["", "?", "--", "' \" `", "\x00", "%", ".*", "x" * 10_000])
def test_odd_words_break_nothing(coverage: CoverageList, words: str) -> None:
    """They find everything, or nothing."""
    assert len(ask(coverage, words).rows) in (0, 117)


def test_words_that_a_day_stands_among_ask_of_that_day(tmp_path: Path) -> None:
    """Unless a day is named apart."""
    coverage = coverage_of(tmp_path, *two_versions(), numbered("other", "N.2"))

    def versions(words: str, **asked: str) -> list[str]:
        return [row.listed.policy.id for row in ask(coverage, words, **asked).rows]

    assert versions("N.1 2024-05-05") == ["old"]
    assert versions("N.1 on 2024-05-05?") == ["old"]
    assert versions("N.1") == ["new"]
    assert versions("N.1", day="2024-05-05") == ["old"]
