"""ValueSets as payers write them: what is in, what is not, and what cannot be told."""

from pathlib import Path
from typing import Any

import pytest
from small_library import write_library

from cds_service.errors import ArtifactError
from cds_service.fhir.coding import CPT, ICD_10_CM, Coding
from cds_service.fhir.truth import Truth
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.value_sets import ValueSets

JsonObject = dict[str, Any]

BASE = "https://policies.example.invalid/fhir"
OWN = f"{BASE}/CodeSystem/devices"
TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def value_set(name: str, *includes: JsonObject, **elements: Any) -> JsonObject:
    exclude = elements.pop("exclude", None)
    compose = {"include": list(includes), **({"exclude": exclude} if exclude else {})}
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{BASE}/ValueSet/{name}",
        "version": "1",
        "status": "active",
        "compose": compose,
        **elements,
    }


def pinned(name: str) -> str:
    return f"{BASE}/ValueSet/{name}|1"


def listing(system: str, *codes: str) -> JsonObject:
    return {"system": system, "concept": [{"code": code} for code in codes]}


def filtering(system: str, operator: str, value: str, **elements: Any) -> JsonObject:
    condition = {"property": "concept", "op": operator, "value": value}
    return {"system": system, "filter": [condition], **elements}


def code_system(**elements: Any) -> JsonObject:
    """Pumps, of which infusion pumps are some, of which insulin pumps are; and chairs."""
    return {
        "resourceType": "CodeSystem",
        "id": "devices",
        "url": OWN,
        "version": "1",
        "status": "active",
        "content": "complete",
        "concept": [
            {"code": "pump", "concept": [{"code": "infusion", "concept": [{"code": "insulin"}]}]},
            {"code": "chair"},
            {"code": "bolus", "property": [{"code": "parent", "valueCode": "infusion"}]},
        ],
        **elements,
    }


def compiled(directory: Path, *resources: JsonObject, name: str = "set") -> CodeSet:
    library = read_library([write_library(directory, *resources)])
    found = ValueSets(library).find(pinned(name))
    assert found is not None
    return found


def member(code_set: CodeSet, system: str, code: str) -> Truth:
    return code_set.membership([Coding(system, code).key])


def refusal(directory: Path, *resources: JsonObject) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        compiled(directory, *resources)
    return caught.value


def test_a_listed_code_is_in_and_another_of_its_system_is_not(tmp_path: Path) -> None:
    """Of a system that the set does not cover nothing is known."""
    code_set = compiled(tmp_path, value_set("set", listing(ICD_10_CM, "I48.91")))

    assert member(code_set, ICD_10_CM, "I48.91") is TRUE
    assert member(code_set, ICD_10_CM, "I10") is FALSE
    assert member(code_set, "http://snomed.info/sct", "49436004") is UNKNOWN


@pytest.mark.parametrize("spelled", ["I48.91", "i48.91", "I4891", " I48.91 "])
@pytest.mark.parametrize("system", [ICD_10_CM, "urn:oid:2.16.840.1.113883.6.90"])
def test_codes_are_compared_as_their_owners_mean_them(
    tmp_path: Path, system: str, spelled: str
) -> None:
    """Case, blanks, the dot of ICD-10-CM and the spellings of its system do not matter."""
    code_set = compiled(tmp_path, value_set("set", listing(ICD_10_CM, "I48.91")))

    assert member(code_set, system, spelled) is TRUE


@pytest.mark.parametrize("expression", [r"I48\..*", r"^I48\..*$", r"I48\.[0-9]+", r"I48\.(1|2|91)"])
def test_a_family_of_codes_is_a_regular_expression_from_end_to_end(
    tmp_path: Path, expression: str
) -> None:
    """I48.- is every code that begins so, with or without its dot, and no other."""
    code_set = compiled(tmp_path, value_set("set", filtering(ICD_10_CM, "regex", expression)))

    assert member(code_set, ICD_10_CM, "I48.91") is TRUE
    assert member(code_set, ICD_10_CM, "I4891") is TRUE
    assert member(code_set, ICD_10_CM, "I49.91") is FALSE
    assert member(code_set, ICD_10_CM, "XI48.91") is FALSE
    assert not code_set.is_listed


def test_a_prefix_of_digits_alone_needs_no_dot(tmp_path: Path) -> None:
    """`99.*` is a family of CPT codes."""
    code_set = compiled(tmp_path, value_set("set", filtering(CPT, "regex", "99.*")))

    assert member(code_set, CPT, "99213") is TRUE
    assert member(code_set, CPT, "93799") is FALSE


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("is-a", {"pump", "infusion", "insulin", "bolus"}),
        ("descendent-of", {"infusion", "insulin", "bolus"}),
    ],
)
def test_the_codes_below_a_code_are_taken_from_a_code_system_of_the_library(
    tmp_path: Path, operator: str, expected: set[str]
) -> None:
    """At any depth, whether a concept stands inside its parent or names it."""
    code_set = compiled(tmp_path, code_system(), value_set("set", filtering(OWN, operator, "pump")))

    assert {coding.code for coding in code_set.codings} == expected
    assert member(code_set, OWN, "chair") is FALSE


def test_the_version_of_a_code_system_is_the_one_named(tmp_path: Path) -> None:
    """Of two versions in the library the include says which one it means."""
    newer = code_system(id="devices-2", version="2", concept=[{"code": "pump"}])
    code_set = compiled(
        tmp_path,
        code_system(),
        newer,
        value_set("set", filtering(OWN, "is-a", "pump", version="2")),
    )

    assert [coding.code for coding in code_set.codings] == ["pump"]


def test_parts_of_one_include_all_have_to_hold(tmp_path: Path) -> None:
    """R4 ValueSet: within an include what its parts name is intersected."""
    code_set = compiled(
        tmp_path,
        value_set("some", listing(CPT, "0001T", "0002T")),
        value_set("set", {**listing(CPT, "0002T", "0003T"), "valueSet": [pinned("some")]}),
    )

    assert [coding.code for coding in code_set.codings] == ["0002T"]


def test_includes_add_up_and_excludes_take_out(tmp_path: Path) -> None:
    """Another set's codes and a listed one, less one."""
    code_set = compiled(
        tmp_path,
        value_set("some", listing(CPT, "0001T", "0002T")),
        value_set(
            "set",
            {"valueSet": [pinned("some")]},
            listing(CPT, "0003T"),
            exclude=[listing(CPT, "0002T")],
        ),
    )

    assert [coding.code for coding in code_set.codings] == ["0001T", "0003T"]
    assert member(code_set, CPT, "0002T") is FALSE


def test_an_exclude_takes_a_family_out_of_a_family(tmp_path: Path) -> None:
    """I48.- but not I48.2-."""
    code_set = compiled(
        tmp_path,
        value_set(
            "set",
            filtering(ICD_10_CM, "regex", r"I48\..*"),
            exclude=[filtering(ICD_10_CM, "regex", r"I48\.2.*")],
        ),
    )

    assert member(code_set, ICD_10_CM, "I48.91") is TRUE
    assert member(code_set, ICD_10_CM, "I48.20") is FALSE


def test_a_whole_system_may_be_included(tmp_path: Path) -> None:
    """An include of a system alone is all of its codes."""
    code_set = compiled(tmp_path, value_set("set", {"system": CPT}))

    assert member(code_set, CPT, "99213") is TRUE
    assert member(code_set, ICD_10_CM, "I10") is UNKNOWN


def test_one_translation_in_a_covered_system_answers_for_the_others(tmp_path: Path) -> None:
    """A concept coded in two systems is one thing."""
    code_set = compiled(tmp_path, value_set("set", listing(ICD_10_CM, "I48.91")))
    snomed = Coding("http://snomed.info/sct", "38341003").key

    assert code_set.membership([snomed, Coding(ICD_10_CM, "I10").key]) is FALSE
    assert code_set.membership([snomed, Coding(ICD_10_CM, "I48.91").key]) is TRUE
    assert code_set.membership([snomed]) is UNKNOWN
    assert code_set.membership([]) is UNKNOWN


@pytest.mark.parametrize(
    ("include", "where", "words"),
    [
        (filtering(OWN, "is-a", "robot"), ".filter[0]", "`robot` is no code"),
        (filtering("http://x.invalid", "is-a", "a"), ".filter[0]", "no CodeSystem"),
        (filtering(CPT, "regex", "(a"), ".filter[0]", "no regular expression"),
        (filtering(CPT, "regex", r"(a)\1"), ".filter[0]", "no regular expression"),
        (filtering(CPT, "is-not-a", "1"), ".filter[0]", "is-a"),
        (
            {"system": CPT, "filter": [{"property": "age", "op": "=", "value": "1"}]},
            ".filter[0]",
            "concept",
        ),
        ({"valueSet": [f"{BASE}/ValueSet/none|1"]}, ".valueSet", "not in the library"),
        ({"valueSet": [f"{BASE}/ValueSet/set|1"]}, "", "includes itself"),
    ],
    ids=[
        "unknown code",
        "unknown system",
        "malformed",
        "backreference",
        "operator",
        "property",
        "unknown set",
        "circle",
    ],
)
def test_what_cannot_be_compiled_is_named(
    tmp_path: Path, include: JsonObject, where: str, words: str
) -> None:
    """The error has the file, the JSON path and what is wrong."""
    error = refusal(tmp_path, code_system(), value_set("set", include))

    assert error.where.endswith(where)
    assert words in error.problem


def test_a_code_system_that_is_not_whole_answers_nothing(tmp_path: Path) -> None:
    """Of a fragment nobody knows what else is below a code."""
    error = refusal(
        tmp_path,
        code_system(content="fragment"),
        value_set("set", filtering(OWN, "is-a", "pump")),
    )

    assert "does not have all codes" in error.problem


@pytest.mark.parametrize("codes", [["0001T"], ["0001T", "0002T", "0003T"]])
def test_an_expansion_that_differs_is_refused(tmp_path: Path, codes: list[str]) -> None:
    """Servers without terminology read the expansion, so it must be what compose comes to."""
    contains = [{"system": CPT, "code": code} for code in codes]
    expansion = {"timestamp": "2024-01-01T00:00:00Z", "contains": contains}
    error = refusal(tmp_path, value_set("set", listing(CPT, "0001T", "0002T"), expansion=expansion))

    assert error.where == "$.expansion"


def test_a_set_that_excludes_all_it_includes_is_refused(tmp_path: Path) -> None:
    """Nothing could ever be in it."""
    error = refusal(
        tmp_path, value_set("set", listing(CPT, "0001T"), exclude=[listing(CPT, "0001T")])
    )

    assert "no code" in error.problem
