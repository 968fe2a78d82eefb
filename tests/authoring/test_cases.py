"""The payers' own cases: each is a test, and the runner notices what differs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index

from cds_service.authoring.cases import Case, differences, read_cases, run_case
from cds_service.errors import ArtifactError
from cds_service.fhir.resource import encode
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
    answer = run_case(SAMPLE, index)
    (determination,) = answer.determinations
    silent = run_case(next(case for case in CASES if case.expect["rule"] is None), index)

    assert (
        differences(SAMPLE, replace(answer, determinations=(determination, *silent.determinations)))
        != []
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"members":{},"cases":[{}]}'])
def test_a_cases_file_that_is_none_is_named(tmp_path: Path, body: bytes) -> None:
    """`crd check` says which file is broken."""
    (tmp_path / "cases.json").write_bytes(body)
    with pytest.raises(ArtifactError) as caught:
        list(read_cases(tmp_path))

    assert caught.value.path == tmp_path / "cases.json"


CASE = {
    "name": "x",
    "order": {},
    "member": "m",
    "date": "2025-01-01",
    "expect": {"covered": "covered", "rule": None},
}
MEMBERS: dict[str, Any] = {"m": {"coverage": {}}}


def write_cases(directory: Path, members: object, case: object) -> None:
    """A cases file with one case."""
    (directory / "cases.json").write_bytes(encode({"members": members, "cases": [case]}))


def test_a_case_is_read_with_the_order_completed(tmp_path: Path) -> None:
    """An author writes only what matters: the rest of the ServiceRequest is given."""
    write_cases(tmp_path, MEMBERS, CASE)

    (case,) = read_cases(tmp_path)

    assert case.order["resourceType"] == "ServiceRequest"
    assert case.order["occurrenceDateTime"] == "2025-01-01"


@pytest.mark.parametrize(
    ("members", "case"),
    [
        ({}, CASE),
        ({"m": {}}, CASE),
        ({"m": []}, CASE),
        ({"m": {"coverage": "Coverage/1"}}, CASE),
        (MEMBERS, {**CASE, "order": []}),
    ],
    ids=[
        "a member that is not there",
        "a member without coverage",
        "a member that is none",
        "a coverage that is none",
        "an order that is none",
    ],
)
def test_a_case_that_cannot_be_run_is_named(tmp_path: Path, members: object, case: object) -> None:
    """An order and a member with a Coverage are the least a case has."""
    write_cases(tmp_path, members, case)
    with pytest.raises(ArtifactError) as caught:
        list(read_cases(tmp_path))

    assert caught.value.path == tmp_path / "cases.json"


@pytest.mark.parametrize("expect", [{}, "not-covered", {"rule": "ire-any-indication"}], ids=repr)
def test_a_case_that_expects_nothing_is_named(tmp_path: Path, expect: object) -> None:
    """What a case expects is at least whether the order is covered, and which rule says so."""
    write_cases(tmp_path, MEMBERS, {**CASE, "expect": expect})
    with pytest.raises(ArtifactError):
        list(read_cases(tmp_path))
