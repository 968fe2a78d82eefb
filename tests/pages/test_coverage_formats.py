"""The coverage list for programs: CSV, JSON and FHIR hold the rules' own facts."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hosted_policies import TODAY
from listed_coverage import (
    answers,
    ask,
    coverage_of,
    filtered_on,
    like,
    shipped,
    value_set,
)
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    instruction,
    part,
    policy,
    reason,
    rule,
)

from cds_service.fhir.coding import ICD_10_CM
from cds_service.pages.coverage.fhir import COVERAGE_CODES, write_fhir
from cds_service.pages.coverage.formats import COLUMNS, NOTES, Listing, write_csv, write_json
from cds_service.pages.coverage.listing import CoverageList, list_coverage
from cds_service.pages.result_page import take_page

# Programs read these names: one may be added at the end, and none goes or changes.
HEADER = (
    "payer,payer_id,members,plan_ids,order_kind,code_system,code_system_name,code,code_kind,"
    "code_label,covered,pa_needed,doc_needed,doc_purpose,info_needed,answer,verdict,reasons,rule,"
    "when,conditions,plan_unknown,to_do,effective_from,effective_until,policy_number,policy_title,"
    "policy_section,policy,rule_id,policy_page,payer_document,as_of,library"
)


@pytest.fixture(scope="module")
def coverage() -> CoverageList:
    """The list of the policies that come with the service, and the examples."""
    return list_coverage(*shipped())


def listing_of(
    coverage: CoverageList, words: str = "", size: int = 1_000, following: str = "", **asked: str
) -> Listing:
    """The first page of what a question leads to."""
    found = ask(coverage, words, **asked)
    return Listing(
        question=found.question,
        digest=coverage.digest,
        answers=tuple(answers(coverage, words, **asked)),
        page=take_page(found.rows, 1, size),
        address="/coverage-list?q=1",
        following=following,
    )


def read_csv(listing: Listing) -> list[dict[str, str]]:
    """The rows of a CSV text as a reader has them."""
    return list(csv.DictReader(io.StringIO(write_csv(listing), newline="")))


def resources(listing: Listing) -> Iterator[dict[str, Any]]:
    """The resources of the Bundle."""
    yield from (entry["resource"] for entry in json.loads(write_fhir(listing))["entry"])


def test_the_header_is_a_contract(coverage: CoverageList) -> None:
    """The same names in the same order, ended as RFC 4180 has it."""
    first, second, *_ = write_csv(listing_of(coverage)).split("\r\n")

    assert first == HEADER
    assert second.startswith("Anthem,anthem,")


def test_a_row_of_csv_is_the_rules_own(coverage: CoverageList) -> None:
    """Whose, what, why, since when, and where it is written."""
    [row] = read_csv(listing_of(coverage, "0600T iCare"))

    assert row["payer"] == "iCare"
    assert row["plan_ids"] == "icare-medicare-advantage"
    assert (row["code_system_name"], row["code"], row["covered"]) == ("CPT", "0600T", "not-covered")
    assert row["verdict"] == "not medically reasonable and necessary"
    assert row["reasons"].startswith("Irreversible electroporation (IRE) is not medically")
    assert (row["effective_from"], row["effective_until"]) == ("2024-10-08", "")
    assert row["policy_page"].endswith(
        "/policies/icare-wi-pa-1266-20241008#rule-ire-any-indication"
    )
    assert row["as_of"] == TODAY.isoformat()
    assert row["library"] == coverage.digest


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    """Whatever a policy's texts begin with, a spreadsheet runs none of it."""
    hostile = f'{start}HYPERLINK("https://evil.invalid";"0600T"), "x"\n1'
    coverage = coverage_of(
        tmp_path, policy(rule(title=hostile, determination=(part("covered", "not-covered"),)))
    )

    listing = listing_of(coverage)
    [row] = read_csv(listing)

    for cell in row.values():
        assert not cell.startswith(tuple("=+-@\t\r＝＋－＠"))
    if start.strip():
        assert row["rule"] == f"'{hostile}"


def test_json_has_a_member_for_each_column(coverage: CoverageList) -> None:
    """And what was asked, what it is and is not, and how many rows there are."""
    listing = listing_of(coverage, "0600T", size=2, following="/next", answer="conditional")
    read = json.loads(write_json(listing))

    assert list(read) == [
        "as_of",
        "library",
        "question",
        "answers",
        "total",
        "page",
        "pages",
        "next",
        "notes",
        "rows",
    ]
    assert read["question"] == {"q": "0600T", "answer": "conditional"}
    assert (read["total"], read["pages"], read["next"]) == (3, 2, "/next")
    assert read["answers"][1].startswith("iCare Medicare Advantage: 0600T is not covered")
    assert read["notes"] == list(NOTES)
    assert all(list(row) == list(COLUMNS) for row in read["rows"])


def test_json_has_codes_as_codes(tmp_path: Path) -> None:
    """Lists where there may be several, null where there is none, and the words beside them."""
    documents = (
        *AUTHORIZATION_NEEDED,
        part("doc-needed", "clinical"),
        part("doc-needed", "admin"),
        part("doc-purpose", "withclaim"),
        reason("why"),
        instruction("Call first."),
    )
    coverage = coverage_of(tmp_path, policy(rule(determination=documents)))

    [row] = json.loads(write_json(listing_of(coverage)))["rows"]

    assert (row["covered"], row["pa_needed"]) == ("covered", "auth-needed")
    assert (row["doc_needed"], row["doc_purpose"]) == (["admin", "clinical"], ["withclaim"])
    assert row["info_needed"] == []
    assert row["answer"][:2] == ["Covered", "Prior authorization is needed"]
    assert row["to_do"] == ["Call first."]
    assert row["verdict"] is None


@pytest.mark.parametrize("words", ["", "0600T", "0600T iCare", "33340", "99213", "nothing at all"])
def test_the_bundle_is_valid_r4(coverage: CoverageList, words: str) -> None:
    """Also where nothing is found; references lead to what is in it."""
    written = write_fhir(listing_of(coverage, words, following="/coverage-list?page=2"))
    bundle = json.loads(written)

    get_fhir_model_class("Bundle").model_validate_json(written)
    assert bundle["type"] == "collection"
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    for entry in bundle["entry"][0]["resource"].get("entry", ()):
        assert entry["item"]["reference"] in urls


def test_the_bundle_is_the_same_for_the_same_question(coverage: CoverageList) -> None:
    """Byte for byte."""
    assert write_fhir(listing_of(coverage)) == write_fhir(listing_of(coverage))


def test_an_entry_is_a_rule_and_its_codes_are_a_value_set(coverage: CoverageList) -> None:
    """Flagged with the guide's code; with the policy, its dates, its reason and the CPT notice."""
    coverage_list, codes = resources(listing_of(coverage, "0600T iCare"))

    [entry] = coverage_list["entry"]
    assert entry["flag"] == {
        "coding": [{"system": COVERAGE_CODES, "code": "not-covered"}],
        "text": "For iCare Medicare Advantage: Not covered",
    }
    assert codes["compose"] == {
        "include": [{"system": "http://www.ama-assn.org/go/cpt", "concept": [{"code": "0600T"}]}]
    }
    assert codes["extension"][0]["valueUri"].endswith("icare-wi-pa-1266|2024.10.8")
    assert codes["extension"][1]["valueDateTime"] == "2024-10-08"
    assert "not medically reasonable and necessary" in codes["purpose"]
    assert "American Medical Association" in codes["copyright"]
    assert [note["text"] for note in coverage_list["note"]] == list(NOTES)


def test_no_resource_speaks_of_benefits(coverage: CoverageList) -> None:
    """What a payer refuses must not read as a benefit of its plan."""
    kinds = {resource["resourceType"] for resource in resources(listing_of(coverage))}

    assert kinds == {"List", "ValueSet"}


def flag_of(coverage: CoverageList) -> dict[str, Any]:
    """The flag of the only entry."""
    coverage_list, *_ = resources(listing_of(coverage))
    [entry] = coverage_list["entry"]
    return {
        "codes": [coding["code"] for coding in entry["flag"]["coding"]],
        "text": entry["flag"]["text"],
    }


@pytest.mark.parametrize(
    ("condition", "codes", "words"),
    [
        ("%order.exists()", ["covered", "auth-needed"], "Covered; "),
        (
            "%coverage.exists()",
            ["conditional", "auth-needed"],
            "where the rule's conditions hold: ",
        ),
        ("%plan.exists()", ["conditional", "auth-needed"], "For members of no plan "),
    ],
)
def test_covered_is_flagged_only_where_nothing_else_matters(
    tmp_path: Path, condition: str, codes: list[str], words: str
) -> None:
    """A program that reads no conditions reads `conditional`."""
    covered = rule(conditions=[condition], determination=AUTHORIZATION_NEEDED)

    flag = flag_of(coverage_of(tmp_path, policy(covered)))

    assert flag["codes"] == codes
    assert flag["text"].startswith(words)


def test_that_no_authorization_is_needed_is_no_flag(tmp_path: Path) -> None:
    """It stands in words, with what it depends on."""
    free = rule(determination=COVERED_WITHOUT_AUTHORIZATION)

    assert flag_of(coverage_of(tmp_path, policy(free)))["codes"] == ["covered"]


def test_covered_is_no_flag_while_authorization_is_left_open(tmp_path: Path) -> None:
    """A program that reads `covered` with no demand beside it would take it for free of one."""
    left_open = (part("covered", "covered"), part("pa-needed", "conditional"))
    unsettled = rule(determination=(*left_open, part("info-needed", "performer"), reason("why")))

    codes = flag_of(coverage_of(tmp_path, policy(unsettled)))["codes"]

    assert codes == ["conditional", "performer"]


def test_a_family_is_the_value_set_that_the_rule_filters_on(tmp_path: Path) -> None:
    """And a rule for any code has no codes at all."""
    coverage = coverage_of(
        tmp_path,
        value_set("af", like(ICD_10_CM, "I48.*")),
        policy(rule("family", input=filtered_on("af")), rule("any", codes=[])),
    )

    _, family, whatever = resources(listing_of(coverage))

    assert family["compose"] == {"include": [{"valueSet": ["https://payer.example/ValueSet/af|1"]}]}
    assert "compose" not in whatever


def test_every_format_has_the_same_rows(coverage: CoverageList) -> None:
    """On any day, with any question."""
    for words, day in (("", "2024-05-05"), ("0600T", "2024-10-08"), ("33340", "2024-12-31")):
        listing = listing_of(coverage, words, day=day)
        from_csv = [(row["rule_id"], row["code"], row["covered"]) for row in read_csv(listing)]
        from_json = [
            (row["rule_id"], row["code"], row["covered"])
            for row in json.loads(write_json(listing))["rows"]
        ]
        own = [
            (row.view.id, row.code.code, row.listed.rule.determination.covered.value)
            for row in coverage.rows_at(ask(coverage, words, day=day).rows.places, _day(day))
        ]
        assert from_csv == from_json == own


def _day(written: str) -> date:
    return date.fromisoformat(written)
