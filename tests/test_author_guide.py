"""The author's guide: its files, snippets, commands and tables are run, or held against the code.

`python tests/test_author_guide.py` writes the generated tables into the guide.
"""

import re
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
from author_guide import (
    GUIDE,
    LIBRARY,
    POLICY,
    JsonObject,
    guide_index,
    shown_files,
    shown_tables,
    snippets,
    with_tables,
    write_files,
)
from guide_tables import TABLES, example
from guided_policy import BLOCKS, FILES, REQUEST, answer, changed, compiled, conditions

from cds_service.audit.explanation import explain
from cds_service.authoring.case_runs import differences, run_case
from cds_service.authoring.cases import read_cases
from cds_service.authoring.check import check_library
from cds_service.authoring.expectations import EXPECTABLE
from cds_service.cli.main import main
from cds_service.crd.decision.proposal import ProposalKind
from cds_service.crd.request.membership import Identifier
from cds_service.errors import ArtifactError
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import decode, encode
from cds_service.fhir.truth import Truth
from cds_service.policy.language.expressions import VARIABLES
from cds_service.policy.language.functions import FUNCTIONS
from cds_service.policy.language.operators import OPERATORS
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.value_sets import ValueSets
from cds_service.policy.plans import find_plan
from cds_service.policy.run.index import PolicyIndex

TEXT = GUIDE.read_text()
ROOT = Path(__file__).parents[1]
CASES_FILE = f"{LIBRARY}/hbo/cases.json"
DIAGNOSES = "https://acorn.invalid/fhir/ValueSet/hbo-uses|1.0.0"
LISTED_CODES = "https://acorn.invalid/fhir/ValueSet/hbo-codes|1.0.0"


def holds(value: Any, part: Any) -> bool:
    """Whether `part` is in `value`: an object with these members, a list that begins so."""
    match value, part:
        case dict(), dict():
            found = all(name in value and value[name] == part[name] for name in part)
        case list(), list():
            found = value[: len(part)] == part
        case _:
            found = value == part
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found or any(holds(inner, part) for inner in inside)


def first_column(head: str) -> list[str]:
    """What stands in back-ticks in the first column of the table with this head."""
    (rows,) = re.findall(rf"\| {re.escape(head)} \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", TEXT)
    cells = [re.split(r"(?<!\\)\|", row)[1] for row in rows.splitlines()]
    return [name.replace("\\", "") for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """The index over the guide's first policy."""
    return guide_index(tmp_path_factory.mktemp("guide"), BLOCKS)


def test_the_first_policy_compiles_with_the_built_in_ones_and_meets_its_cases(
    tmp_path: Path,
) -> None:
    """`crd check my-policies` finds nothing; the three cases of the guide ran."""
    own = write_files(tmp_path, shown_files(BLOCKS, LIBRARY)) / LIBRARY
    alone = check_library([builtin_library()], date(2026, 11, 20))

    report = check_library([builtin_library(), own], date(2026, 11, 20))

    assert report.findings == ()
    assert report.cases == alone.cases + 3
    assert report.policies == alone.policies + 1


def test_the_shown_request_gets_the_shown_answer(index: PolicyIndex) -> None:
    """The beginning of the extension, and of the card."""
    _, response = answer(index)
    shown = [block.json for block in snippets(BLOCKS, "answer")]

    assert len(shown) == 2
    assert [part for part in shown if not holds(response, part)] == []


def test_the_shown_explanation_is_printed(index: PolicyIndex) -> None:
    """Line by line, as `crd answer --explain` prints it."""
    decisions, _ = answer(index)
    (shown,) = snippets(BLOCKS, "explanation")

    assert shown.text in explain(decisions.answers) + "\n"


def test_a_reason_in_words_leaves_both_rules_open(index: PolicyIndex) -> None:
    """What the guide says of the request with a diagnosis in words."""
    decisions, _ = answer(index, reasonCode=[{"text": "foot ulcer"}])
    (determination,) = decisions.answers[0].determinations

    assert determination.covered.value == "conditional"
    assert len(determination.citations) == 2
    assert "is not coded" in determination.reasons[0].text


def test_an_equal_code_is_asked_for_where_the_guide_warns_of_it(tmp_path: Path) -> None:
    """Of a diagnosis in SNOMED CT, `empty()` is true there; by `memberOf` it is unknown."""
    equal = "%indications.where(code = 'E11.621').empty()"
    member = f"%indications.where(memberOf('{DIAGNOSES}')).empty()"
    index = compiled(tmp_path, equal, member)
    snomed = {"system": "http://snomed.info/sct", "code": "371087003"}

    found = conditions(index, reasonCode=[{"coding": [snomed]}])[-2:]

    assert [trace.value for trace in found] == [Truth.TRUE, Truth.UNKNOWN]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_generated_table_is_as_the_code_is_now(name: str) -> None:
    """`python tests/test_author_guide.py` writes them anew."""
    assert shown_tables(TEXT)[name] == f"{TABLES[name]()}\n"


def test_every_generated_table_has_its_place_in_the_guide() -> None:
    """And no place is left for one that is not generated."""
    assert sorted(shown_tables(TEXT)) == sorted(TABLES)


def as_condition(name: str) -> str:
    """The example of a function; one that yields values as a condition on them."""
    written = example(name, DIAGNOSES, LISTED_CODES)
    return f"{written}.exists()" if name in ("where", "select") else written


def test_each_example_of_a_function_compiles_and_is_evaluated(tmp_path: Path) -> None:
    """As a condition of the guide's own rule, on its own request."""
    examples = [as_condition(name) for name in sorted(FUNCTIONS)]

    found = conditions(compiled(tmp_path, *examples))[-len(examples) :]

    assert [trace.expression for trace in found] == examples
    assert [(trace.expression, trace.error) for trace in found if trace.error] == []


def test_each_condition_that_is_shown_compiles_and_is_evaluated(tmp_path: Path) -> None:
    """Those on history with the input that is shown above them."""
    shown = [line for block in snippets(BLOCKS, "expressions") for line in block.text.splitlines()]

    found = conditions(compiled(tmp_path, *shown))[-len(shown) :]

    assert len(shown) > 5
    assert [trace.expression for trace in found] == shown
    assert [(trace.expression, trace.error) for trace in found if trace.error] == []


def test_the_table_of_operators_has_all_of_them() -> None:
    """And none that is not there."""
    assert sorted(first_column("operators")) == sorted(OPERATORS)


def test_the_variables_are_those_that_our_library_resource_declares() -> None:
    """The table is made from that resource."""
    listed = re.findall(r"^\| `%(\w+)`", shown_tables(TEXT)["variables"], re.MULTILINE)

    assert listed == list(VARIABLES)


def test_the_shown_parts_make_a_determination(tmp_path: Path) -> None:
    """All of them at once; the detail for minors is not for this member."""
    (parts,) = snippets(BLOCKS, "parts")

    def state(policy: JsonObject) -> None:
        policy["action"][0]["action"][0]["extension"][0]["extension"] = parts.json

    decisions, response = answer(changed(tmp_path, state))
    (determination,) = decisions.answers[0].determinations

    assert all((determination.questionnaires, determination.contacts, determination.expiry_date))
    assert determination.details == ()
    assert holds(response, {"url": "doc-purpose", "valueCode": "OTH"})


def test_all_parts_are_shown() -> None:
    """The snippet has every part that the table lists, and the parts of a detail."""
    (parts,) = snippets(BLOCKS, "parts")
    listed = re.findall(r"^\| `(?:detail: )?([\w-]+)`", shown_tables(TEXT)["parts"], re.MULTILINE)
    shown = re.findall(r'"url": "([\w-]+)"', parts.text)

    assert set(listed) - set(shown) == {"info-needed", "qualification"}


FIRST = snippets(BLOCKS, "proposal")[0]
OTHERS = snippets(BLOCKS, "proposals")[0].json
PROPOSALS = [(FIRST.about, FIRST.json), *OTHERS.items()]


@pytest.mark.parametrize(("kind", "members"), PROPOSALS)
def test_each_proposal_is_of_the_response_type_that_is_named(
    tmp_path: Path, kind: str, members: JsonObject
) -> None:
    """Those after the first have their members in place of its type and definition."""
    common = {name: FIRST.json[name] for name in ("id", "title", "description", "code")}
    hook = "appointment-book" if kind == ProposalKind.COVERAGE else "order-sign"

    def propose(policy: JsonObject) -> None:
        outer = policy["action"][0]
        outer["trigger"] = [{"type": "named-event", "name": hook}]
        outer["action"][0]["action"] = [{**common, **members}]

    decisions, _ = answer(changed(tmp_path, propose), hook)

    assert [proposal.kind for proposal in decisions.answers[0].proposals] == [kind]


def test_every_kind_of_proposal_is_shown() -> None:
    """In the table and as a snippet."""
    assert {kind for kind, _ in PROPOSALS} == set(ProposalKind)
    assert all(f"| `{kind}` |" in TEXT for kind in ProposalKind)


def test_the_shown_compose_holds_what_the_guide_says(tmp_path: Path) -> None:
    """Its label says which codes are in it, and which are not."""
    (block,) = snippets(BLOCKS, "compose")
    value_set = {**decode(FILES[f"{LIBRARY}/hbo/ValueSet-hbo-uses.json"].encode())}
    value_set |= {"id": "shown", "url": "https://acorn.invalid/shown", "compose": block.json}
    files = {
        **shown_files(BLOCKS, LIBRARY),
        f"{LIBRARY}/ValueSet-shown.json": encode(value_set).decode(),
    }
    library = read_library([write_files(tmp_path, files) / LIBRARY])
    code_set = ValueSets(library).find("https://acorn.invalid/shown|1.0.0")
    inside, outside = (
        half.split() for half in block.about.removeprefix("holds ").split(", but not ")
    )

    assert code_set
    assert all((inside, outside))
    assert [code for code in inside if not code_set.holds(icd(code).key)] == []
    assert [code for code in outside if code_set.holds(icd(code).key)] == []


def icd(code: str) -> Coding:
    """A diagnosis."""
    return Coding("http://hl7.org/fhir/sid/icd-10-cm", code)


def test_every_filter_that_value_sets_know_is_listed(tmp_path: Path) -> None:
    """As the message about an unknown one lists them."""

    def misspell(value_set: JsonObject) -> None:
        value_set["compose"]["include"][1]["filter"][0]["op"] = "generalizes"

    with pytest.raises(ArtifactError) as raised:
        changed(tmp_path, misspell, path=f"{LIBRARY}/hbo/ValueSet-hbo-uses.json")
    known = str(raised.value).partition("by one of ")[2].split(", ")

    assert len(known) > 3
    assert [operator for operator in known if f"`{operator}`" not in TEXT] == []


def test_a_second_version_made_as_the_guide_says_takes_over_on_its_day(tmp_path: Path) -> None:
    """The copy has another id, version and start; the old one ends the day before."""
    policy = decode(FILES[POLICY].encode())
    policy |= {"id": "acorn-hbo-2027", "version": "2027.1.1"}
    policy["effectivePeriod"] = {"start": "2027-01-01"}
    files = {
        **shown_files(BLOCKS, LIBRARY),
        f"{LIBRARY}/hbo/PlanDefinition-acorn-hbo-2027.json": encode(policy).decode(),
    }
    library = read_library([write_files(tmp_path, files) / LIBRARY])

    versions = compile_library(library, base_url="").policies

    assert [(version.start, version.end) for version in versions] == [
        (date(2026, 1, 1), date(2026, 12, 31)),
        (date(2027, 1, 1), date.max),
    ]


def test_the_shown_overlay_adds_an_identifier_to_the_payer(tmp_path: Path) -> None:
    """By the old and by the new identifier the payer is the same, and keeps its policy."""
    write_files(tmp_path, FILES)
    library = read_library([tmp_path / LIBRARY, tmp_path / "my-identifiers"])
    index = compile_library(library, base_url="")
    systems = {
        "https://acorn.invalid/payer-id": "ACORN",
        "urn:oid:2.16.840.1.113883.6.300": "00000",
    }

    found = [index.payers.find([Identifier(*pair)]) for pair in systems.items()]

    assert [payer.id if payer else "" for payer in found] == ["acorn", "acorn"]
    assert len(index.policies) == 1


def test_the_shown_coverage_leads_to_the_plan_that_is_named(index: PolicyIndex) -> None:
    """By its class, and the request's by its type."""
    (block,) = snippets(BLOCKS, "coverage")
    plans = index.payers.get("acorn").plans
    coverages = (block.json, REQUEST["prefetch"]["coverage"])

    found = [find_plan(coverage, None, plans) for coverage in coverages]

    assert [plan.id if plan else "" for plan in found] == [block.about or "acorn-choice"] * 2


def test_the_shown_case_is_met(tmp_path: Path, index: PolicyIndex) -> None:
    """It stands in a cases file beside the guide's members."""
    (block,) = snippets(BLOCKS, "case")
    written = decode(FILES[CASES_FILE].encode())
    file = tmp_path / "cases.json"
    file.write_bytes(encode({**written, "cases": [block.json]}))

    (case,) = read_cases(tmp_path)

    assert differences(case, run_case(case, index)) == []


def test_all_that_a_case_may_expect_is_listed() -> None:
    """And nothing else."""
    assert sorted(first_column("`expect`")) == sorted(EXPECTABLE)


@pytest.mark.parametrize("head", ["case", "member"])
def test_all_that_a_case_or_member_has_is_listed(tmp_path: Path, head: str) -> None:
    """As the message about an unknown name lists it."""
    written = decode(FILES[CASES_FILE].encode())
    holder = written["cases"][0] if head == "case" else written["members"]["choice"]
    holder["misspelled"] = True
    (tmp_path / "cases.json").write_bytes(encode(written))

    with pytest.raises(ArtifactError) as raised:
        list(read_cases(tmp_path))

    assert sorted(first_column(head)) == sorted(
        str(raised.value).partition(", but ")[2].split(", ")
    )


LINES = [line for block in BLOCKS if block.kind == "sh" for line in block.text.splitlines()]


@pytest.mark.parametrize("line", [line for line in LINES if "crd" in line.split()[0]])
def test_each_command_exists_with_its_options(line: str) -> None:
    """What it names as a file or a directory is shown in the guide."""
    _, name, *arguments = line.split()
    command = main.commands[name]
    options = {option for parameter in command.params for option in parameter.opts}
    folders = {path.partition("/")[0] for path in FILES}

    given = [argument for argument in arguments if argument.startswith("--")]
    assert set(given) <= options
    assert set(arguments) - set(given) - {"their-policies.tgz"} <= folders
    assert command.make_parser(click.Context(command)).parse_args(list(arguments))


def test_the_request_is_sent_to_a_service_that_there_is() -> None:
    """The only other command is curl."""
    (line,) = [line for line in LINES if "crd" not in line.split()[0]]

    assert line.startswith("curl ")
    assert line.endswith(f"/cds-services/{REQUEST['hook']}-crd -d @request.json")


def test_the_guide_is_no_artifact_of_the_library() -> None:
    """It lies in the library's folder, and is passed over."""
    assert GUIDE.parent == ROOT / "fhir_library"
    paths = {artifact.path.name for artifact in read_library([GUIDE.parent]).by_key.values()}

    assert paths
    assert GUIDE.name not in paths


def test_its_lines_are_not_longer_than_they_may_be() -> None:
    """120 columns, rows of tables apart."""
    assert [
        line for line in TEXT.splitlines() if len(line) > 120 and not line.startswith("|")
    ] == []


def test_its_links_lead_to_its_headings() -> None:
    """Those that stay in the guide."""
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


if __name__ == "__main__":
    GUIDE.write_text(with_tables(TEXT, TABLES))
