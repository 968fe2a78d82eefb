"""Every fact of both documents has a row in facts.csv, and every row its words in the library.

A row names the policy, the fact, the section of the document that states it, the fact in our own
words, the element of FHIR that carries it, and what must stand there: parts in this order, divided
by ` … `, in one value of the element. The element is FHIRPath; a name in brackets is short for
what `SHORT` writes out.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhirpathpy import evaluate
from fhirpathpy.models import models

LIBRARY = Path(__file__).parents[2] / "fhir_library"
TABLE = Path(__file__).with_name("facts.csv")
FOLDERS = {"WI.PA-1266": "icare", "SURG.00126": "anthem"}
CORE = "http://hl7.org/fhir/StructureDefinition"
OURS = "https://coverage-policies.invalid/fhir/StructureDefinition"

WORDS = "https://coverage-policies.invalid/fhir/CodeSystem/words"

_COMMENT = f"extension.where(url = '{CORE}/cqf-artifactComment'"
_TEXT = ".extension.where(url = 'text').value"
_DATE = "extension.where(url = 'authoredOn')"
SHORT = {
    "citation": "relatedArtifact.where(type = 'citation' and label = '{}').citation",
    "document": "relatedArtifact.where(type = 'documentation' and label = '{}').display",
    "evidence": "relatedArtifact.where(type = 'justification' and label = '{}').citation",
    "titled": "relatedArtifact.where(type = 'justification' and display = '{}').citation",
    "comment": f"{_COMMENT} and extension.where(url = 'type').value = '{{}}'"
    f" and {_DATE}.empty()){_TEXT}",
    "history": f"{_COMMENT} and {_DATE}.value.toString() = '{{}}'){_TEXT}",
    "term": f"extension.where(url = '{CORE}/cqf-definitionTerm'"
    " and extension.where(url = 'term').value = '{}').extension.where(url = 'definition').value",
    "rule": "action.action.where(id = '{}')",
    "part": f"extension.where(url = '{OURS}/coverage-determination').extension.where(url = '{{}}')",
    "shared": f"action.extension.where(url = '{OURS}/coverage-shared-details')"
    ".extension.where(url = '{}')",
    "set": "where(id = '{}')",
}

# A related document without a number of its own.
UNNUMBERED = "relatedArtifact.where(type = 'documentation').display"

# How many rows each policy has, and each study of SURG.00126: a row lost is a fact lost.
ROWS = {"WI.PA-1266": 117, "SURG.00126": 522}
STUDIES = {
    "bastrup-2022": 6,
    "blazevski-2021": 32,
    "case-series": 4,
    "de-la-rosette-2023": 12,
    "edhemovic-2020": 19,
    "ferioli-2022": 5,
    "freeman-2021": 27,
    "gupta-2021": 9,
    "he-2020": 14,
    "kawamura-2021": 10,
    "loh-2020": 3,
    "meijerink-2021": 40,
    "minana-lopez-2023": 12,
    "petrelli-2022": 7,
    "reddy-2018": 8,
    "ricke-2015": 6,
    "small-studies": 4,
    "sugumar-2022": 13,
    "thomson-2011": 21,
    "verloh-2019": 18,
    "wang-2022": 14,
    "yang-2020": 30,
    "yu-2021": 5,
}
# The facts each policy's document states, by number.
NUMBERED = {"WI.PA-1266": 31, "SURG.00126": 23}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fact: where the document states it, where the library carries it, and how."""

    policy: str
    fact: str
    section: str
    statement: str
    element: str
    holds: str

    @property
    def number(self) -> str:
        return self.fact.partition("/")[0]

    @property
    def study(self) -> str:
        """The study of the evidence that it is a fact of, if it is of one."""
        parts = self.fact.split("/")
        return parts[1] if len(parts) == 3 else ""

    def stands_in(self, words: str) -> bool:
        """Whether the words hold every part, in order, none cut out of a longer word or figure."""
        parts = (rf"(?<![\w.]){re.escape(part)}(?!\w|[.,]\d)" for part in self.holds.split(" … "))
        return re.search(r"[\s\S]*?".join(parts), words) is not None


def read_rows() -> list[Row]:
    with TABLE.open(encoding="utf-8", newline="") as table:
        return [Row(**record) for record in csv.DictReader(table)]


ROWS_READ = read_rows()


@cache
def read_resources(policy: str) -> tuple[dict[str, Any], ...]:
    """The resources of the policy's payer."""
    paths = sorted((LIBRARY / FOLDERS[policy]).rglob("[A-Z]*-*.json"))
    return tuple(json.loads(path.read_bytes()) for path in paths)


def write_out(element: str) -> str:
    """The element with what its bracketed names are short for."""
    return re.sub(r"\b(\w+)\[([^\]]+)\]", lambda short: SHORT[short[1]].format(short[2]), element)


@cache
def find_values(policy: str, element: str) -> tuple[str, ...]:
    """What the element holds, in every resource of its type."""
    path = write_out(element)
    kind = path.partition(".")[0]
    resources = [found for found in read_resources(policy) if found["resourceType"] == kind]
    values = (value for found in resources for value in evaluate(found, path, None, models["r4"]))
    return tuple(str(value) for value in values)


def get_policy(policy: str) -> Mapping[str, Any]:
    (found,) = (
        found for found in read_resources(policy) if found["resourceType"] == "PlanDefinition"
    )
    return found


def find_related(policy: str, kind: str) -> list[dict[str, Any]]:
    return [found for found in get_policy(policy)["relatedArtifact"] if found["type"] == kind]


def name_evidence(justification: Mapping[str, Any], policy: str) -> set[str]:
    """The elements by which rows may name a justification, that name it alone."""
    labels = Counter(found.get("label") for found in find_related(policy, "justification"))
    label = justification.get("label")
    named = {f"PlanDefinition.titled[{justification['display']}]"}
    return named | ({f"PlanDefinition.evidence[{label}]"} if labels[label] == 1 else set())


def list_evidence() -> Iterator[tuple[str, dict[str, Any]]]:
    for policy in FOLDERS:
        for justification in find_related(policy, "justification"):
            yield policy, justification


EVIDENCE = list(list_evidence())
EVIDENCE_TITLES = [justification["display"] for _, justification in EVIDENCE]


def find_rows(policy: str, justification: Mapping[str, Any]) -> list[Row]:
    elements = name_evidence(justification, policy)
    return [row for row in ROWS_READ if row.policy == policy and row.element in elements]


@pytest.mark.parametrize("row", ROWS_READ, ids=lambda row: f"{row.policy} {row.fact}")
def test_the_element_holds_the_fact(row: Row) -> None:
    """One value of the element holds all parts of the row, in their order."""
    values = find_values(row.policy, row.element)

    assert any(row.stands_in(value) for value in values), (row.statement, row.holds, values)


def test_no_fact_has_two_rows_and_no_row_lacks_words() -> None:
    """A fact's id is its own, and each column of each row says something."""
    ids = [(row.policy, row.fact) for row in ROWS_READ]

    assert len(set(ids)) == len(ids)
    assert [
        row
        for row in ROWS_READ
        if not (row.section and row.statement and row.element and row.holds)
    ] == []


def test_no_two_rows_are_the_same_claim() -> None:
    """Each row checks something that no other does."""
    claims = Counter((row.policy, row.element, row.holds) for row in ROWS_READ)

    assert [claim for claim, count in claims.items() if count > 1] == []


def test_each_policy_has_its_rows() -> None:
    """As many as the facts that were found in its document."""
    assert Counter(row.policy for row in ROWS_READ) == ROWS


def test_each_study_has_its_rows() -> None:
    """As many as the document gives figures, findings, conclusions and limits of the study."""
    assert Counter(row.study for row in ROWS_READ if row.study) == STUDIES


@pytest.mark.parametrize("policy", NUMBERED)
def test_no_number_of_the_facts_is_left_out(policy: str) -> None:
    """I-1 to I-31 and A-1 to A-23 all have rows."""
    letter = "I" if policy == "WI.PA-1266" else "A"

    assert {row.number for row in ROWS_READ if row.policy == policy} == {
        f"{letter}-{number}" for number in range(1, NUMBERED[policy] + 1)
    }


@pytest.mark.parametrize(("policy", "justification"), EVIDENCE, ids=EVIDENCE_TITLES)
def test_no_figure_of_the_evidence_is_without_a_row(
    policy: str, justification: dict[str, Any]
) -> None:
    """Each number that an evidence note prints stands in a row about that note."""
    printed = find_figures(justification["citation"])
    checked = find_figures("\n".join(row.holds for row in find_rows(policy, justification)))

    assert printed - checked == Counter()


@pytest.mark.parametrize(("policy", "justification"), EVIDENCE, ids=EVIDENCE_TITLES)
def test_no_sentence_of_the_evidence_is_without_a_row(
    policy: str, justification: dict[str, Any]
) -> None:
    """Each sentence of an evidence note holds a part of some row about that note."""
    parts = [part for row in find_rows(policy, justification) for part in row.holds.split(" … ")]

    assert [
        sentence
        for sentence in split_sentences(justification["citation"])
        if not any(part.rstrip(".") in sentence for part in parts)
    ] == []


def find_figures(words: str) -> Counter[str]:
    return Counter(re.findall(r"\d+(?:[.,]\d+)*%?", words))


def split_sentences(words: str) -> list[str]:
    """The sentences of an evidence note; an abbreviation before a figure ends none."""
    return re.split(r"(?<=[a-z0-9%)”]\.)\s+(?=[A-Z“])|\n\n", words)


@pytest.mark.parametrize("policy", FOLDERS)
def test_every_entry_of_the_library_is_a_fact_of_a_row(policy: str) -> None:
    """References, related documents, history, topics, terms and codes, counted in the JSON."""
    elements = {row.element for row in ROWS_READ if row.policy == policy}

    assert list_entries(policy) - elements == set()


def list_entries(policy: str) -> set[str]:
    """The elements of the policy that the document itself numbers, dates or lists."""
    citations = (f"citation[{found['label']}]" for found in find_related(policy, "citation"))
    documents = (name_document(found) for found in find_related(policy, "documentation"))
    dates = find_values(
        policy, f"PlanDefinition.extension.where(url = '{CORE}/cqf-artifactComment').{_DATE}.value"
    )
    history = (f"history[{date}]" for date in dates)
    return {f"PlanDefinition.{name}" for name in (*citations, *documents, *history)}


def name_document(document: Mapping[str, Any]) -> str:
    """A policy is known by its number; a source without one is among all that are related."""
    label = document.get("label")
    return (
        f"document[{label}]" if label else "relatedArtifact.where(type = 'documentation').display"
    )


@pytest.mark.parametrize("policy", FOLDERS)
def test_every_topic_and_every_code_has_its_row(policy: str) -> None:
    """Index terms and listed codes, counted in the JSON; ordinary words are no fact."""
    topics = find_values(policy, "PlanDefinition.topic.text")
    codes = find_values(policy, f"ValueSet.compose.include.where(system != '{WORDS}').concept.code")
    held = Counter(
        row.holds
        for row in ROWS_READ
        if row.policy == policy
        and row.element.endswith((".topic.text", ".compose.include.concept.code"))
    )

    assert held == Counter((*topics, *codes))


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        ("5 (15%)", "in 15 (15%) of them"),
        ("16 of 41", "16 of 41.5"),
        ("in 4", "in 46"),
        ("97.2%, 53%", "53%, 97.2%"),
        ("p=0.7", "p=0.79"),
        ("first … second", "second, then first"),
    ],
)
def test_a_part_of_a_figure_is_not_the_figure(holds: str, words: str) -> None:
    """A row matches whole words and whole figures, in order."""
    row = Row(policy="", fact="", section="", statement="", element="", holds=holds)

    assert not row.stands_in(words)
