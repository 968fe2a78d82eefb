"""`crd list`: the coverage list in a terminal, and for programs."""

import csv
import io
import json

import pytest
from crd_command import ROOT, crd_here

EXAMPLES = ROOT / "examples" / "policies"


def test_a_question_is_answered_in_the_first_line() -> None:
    """Then comes the row; of how many, of which day and of which policies is told aside."""
    run = crd_here("list", "is", "0600T", "covered", "by", "iCare?", "--as-of", "2026-11-27")

    assert run.returncode == 0
    first, *_ = run.stdout.splitlines()
    assert first.startswith("iCare Medicare Advantage: 0600T is not covered (since 2024-10-08)")
    assert run.stderr.startswith("1 row as of 2026-11-27, policies sha256:")


def test_the_table_fits_a_hundred_columns_and_cuts_nothing_off() -> None:
    """However long what stands in it is."""
    run = crd_here("list", "--library", EXAMPLES, "--as-of", "2026-11-27")

    lines = run.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["Code", "Payer", "and", "members", "Answer", "Rule"]
    assert "…" not in run.stdout
    assert run.stderr.splitlines()[-1].startswith("117 rows as of")


def test_the_table_tells_on_what_each_answer_depends() -> None:
    """A row that is covered under conditions never stands there without them."""
    run = crd_here("list", "--library", EXAMPLES, "--code", "33340", "--answer", "covered")

    table = " ".join(" ".join(line[68:] for line in run.stdout.splitlines()).split())
    assert "is ordered for atrial fibrillation, then it is covered with prior" in table


def test_rows_are_narrowed_by_payer_plan_code_answer_and_day() -> None:
    """Each by an option of its own."""
    run = crd_here(
        "list",
        *("--library", EXAMPLES, "--payer", "example-northland", "--as-of", "2024-06-01"),
        *("--plan", "Northland Complete (invented)", "--code", "33340", "--code", "02L73DK"),
        *("--answer", "covered", "--format", "json"),
    )

    read = json.loads(run.stdout)

    assert [(row["code"], row["covered"], row["pa_needed"]) for row in read["rows"]] == [
        ("33340", "covered", "no-auth"),
        ("02L73DK", "covered", "no-auth"),
    ]
    assert read["as_of"] == "2024-06-01"


@pytest.mark.parametrize("form", ["csv", "json", "fhir"])
def test_programs_get_all_rows_at_once(form: str) -> None:
    """On standard output alone, and nothing else there."""
    run = crd_here("list", "--library", EXAMPLES, "--format", form, "--as-of", "2026-11-27")

    if form == "csv":
        assert len(list(csv.DictReader(io.StringIO(run.stdout)))) == 117
    elif form == "json":
        assert len(json.loads(run.stdout)["rows"]) == 117
    else:
        assert json.loads(run.stdout)["resourceType"] == "Bundle"
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--payer", "aetna"], "`payer` is none of this library (anthem, icare): `aetna`"),
        (["--plan", "gold"], "`plan` is none of this library"),
        (["--as-of", "yesterday"], "--as-of is no day such as 2026-11-27: `yesterday`"),
        (["--answer", "maybe"], "'maybe' is not one of"),
        (["--library", "/nowhere"], "no such directory: /nowhere"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(options: list[str], problem: str) -> None:
    """And nothing is listed."""
    run = crd_here("list", *options)

    assert run.returncode != 0
    assert problem in run.stderr
    assert run.stdout == ""


def test_a_code_that_no_policy_is_about_is_called_nothing() -> None:
    """In words, with no table."""
    run = crd_here("list", "--code", "99213")

    assert run.stdout.startswith("No policy in this library addresses 99213 on ")
    assert "cannot be told" in run.stdout
    assert "Code  " not in run.stdout
