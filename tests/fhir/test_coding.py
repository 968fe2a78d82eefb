"""Codings: spellings of one system or code have one key, different codes have different keys."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, find, given, settings
from hypothesis import strategies as st
from json_values import json_values

from cds_service.fhir.coding import (
    CPT,
    HCPCS,
    ICD_10_CM,
    ICD_10_PCS,
    Coding,
    canonical_system,
    read_coding,
    read_codings,
    read_words,
)

SNOMED = "http://snomed.info/sct"
# THO NamingSystems, the reference implementation, the CRD examples (clients.md 2.4).
ALIASES = (
    (CPT, "https://www.ama-assn.org/go/cpt"),
    (CPT, "urn:oid:2.16.840.1.113883.6.12"),
    (HCPCS, "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
    (HCPCS, "hhttps://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
    (HCPCS, "http://terminology.hl7.org/CodeSystem/HCPCS"),
    (HCPCS, "urn:oid:2.16.840.1.113883.6.285"),
    (ICD_10_PCS, "http://hl7.org/fhir/sid/icd-10-pcs"),
    (ICD_10_PCS, "http://www.icd10data.com/icd10pcs"),
    (ICD_10_PCS, "http://terminology.hl7.org/CodeSystem/icd10PCS"),
    (ICD_10_PCS, "urn:oid:2.16.840.1.113883.6.4"),
    (ICD_10_CM, "urn:oid:2.16.840.1.113883.6.90"),
    (SNOMED, "urn:oid:2.16.840.1.113883.6.96"),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"),
    ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"),
    ("http://hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69"),
    ("https://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5"),
)
KNOWN = sorted({system for system, _ in ALIASES})
SPELLINGS = sorted({*KNOWN, *(spelling for _, spelling in ALIASES)})
CODES = ("0600T", "0601T", "93799", "06PY0ZZ", "E0431", "C22.0", "22298006")

pads = st.text(" \t\n\u00a0", max_size=2)
cases = st.sampled_from([str, str.lower, str.upper, str.title])
hosts = st.from_regex(r"[a-z]{2,8}\.example\.invalid(/[a-z0-9]{1,6}){0,2}", fullmatch=True)
plain_codes = st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)
modifiers = st.from_regex(r"[0-9A-Z]{2}", fullmatch=True)
sound_codings = st.fixed_dictionaries({"system": st.sampled_from(SPELLINGS), "code": plain_codes})
odd_codings = sound_codings | st.dictionaries(
    st.sampled_from(["system", "code", "coding", "text"]), json_values
)


@pytest.mark.parametrize(("canonical", "spelling"), ALIASES)
def test_a_system_has_many_spellings(canonical: str, spelling: str) -> None:
    """Schemes, OIDs and the URIs once in use name one system."""
    assert canonical_system(spelling) == canonical


@settings(max_examples=200, deadline=None)
@given(
    system=st.sampled_from(SPELLINGS),
    code=st.sampled_from(CODES),
    spell=st.tuples(cases, cases),
    padding=st.tuples(pads, pads, pads, pads),
    slash=st.sampled_from(["", "/", "//"]),
    dot=st.sampled_from(["", ".", ".."]),
)
def test_spelling_never_changes_the_key(
    system: str,
    code: str,
    spell: tuple[Any, Any],
    padding: tuple[str, str, str, str],
    slash: str,
    dot: str,
) -> None:
    """Case, blanks, a slash behind the system and a dot behind the code are no difference."""
    before, after, left, right = padding

    spelled = Coding(
        f"{before}{spell[0](system)}{slash}{after}", f"{left}{spell[1](code)}{dot}{right}"
    )

    assert spelled.key == Coding(system, code).key


@settings(max_examples=100, deadline=None)
@given(
    system=hosts,
    scheme=st.sampled_from(["http://", "https://", "", "HTTP://"]),
    slash=st.sampled_from(["", "/"]),
)
def test_an_unknown_system_has_one_key_too(system: str, scheme: str, slash: str) -> None:
    """Scheme and slash are no difference for unknown systems either."""
    assert Coding(f"{scheme}{system}{slash}", "A").key == Coding(f"http://{system}", "A").key


@settings(max_examples=50, deadline=None)
@given(one=hosts, other=hosts)
def test_unknown_systems_stay_distinct(one: str, other: str) -> None:
    """Two systems that differ in more than spelling never share a key."""
    assume(one != other)

    assert Coding(f"http://{one}", "A").key != Coding(f"http://{other}", "A").key


@settings(max_examples=100, deadline=None)
@given(unknown=hosts, known=st.sampled_from(SPELLINGS))
def test_an_unknown_system_is_never_a_known_one(unknown: str, known: str) -> None:
    """An unknown system is not taken for a known one."""
    assert Coding(f"http://{unknown}", "0600T").key != Coding(known, "0600T").key


def test_known_systems_stay_distinct() -> None:
    """No two of the systems we know are one."""
    keys = {Coding(system, "0600T").key for system in KNOWN}

    assert len(keys) == len(KNOWN)


@settings(max_examples=100, deadline=None)
@given(one=plain_codes, other=plain_codes)
def test_codes_stay_distinct_where_modifiers_have_no_meaning(one: str, other: str) -> None:
    """Where codes take no modifiers, every letter of a code counts."""
    assume(one != other)

    assert Coding(SNOMED, one).key != Coding(SNOMED, other).key


@pytest.mark.parametrize(
    "written", ["0600T-53", "0600T 53", "0600T53", "0600T:53", "0600t:53", " 0600T - 53 "]
)
@pytest.mark.parametrize("system", [CPT, "urn:oid:2.16.840.1.113883.6.12"])
def test_a_cpt_modifier_is_split_off(system: str, written: str) -> None:
    """A CPT code with a modifier is that code (CRD, post-coordination)."""
    assert Coding(system, written).key == Coding(CPT, "0600T").key


@settings(max_examples=100, deadline=None)
@given(
    base=st.sampled_from([(CPT, "0600T"), (CPT, "93799"), (HCPCS, "E0431")]),
    separator=st.sampled_from([":", "-", " ", " - "]),
    added=st.lists(modifiers, min_size=1, max_size=4),
)
def test_any_modifiers_are_split_off(
    base: tuple[str, str], separator: str, added: list[str]
) -> None:
    """One modifier or several, whichever they are, never change the key."""
    system, code = base

    modified = Coding(system, separator.join([code, *added]))

    assert modified.key == Coding(system, code).key


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (CPT, "0600T-5"),
        (CPT, "0600T-531"),
        (CPT, "0600TX"),
        (CPT, "06007"),
        (HCPCS, "E0431-N"),
        (CPT, "10600T"),
    ],
)
def test_what_is_no_modifier_stays(system: str, code: str) -> None:
    """Only two letters or digits are a modifier; anything else makes another code."""
    assert Coding(system, code).key.code == code


@pytest.mark.parametrize(
    "system", ["http://loinc.org", SNOMED, ICD_10_PCS, "http://codes.example.invalid"]
)
def test_other_systems_have_no_modifiers(system: str) -> None:
    """A hyphen in another system's code belongs to the code."""
    assert Coding(system, "0600T-53").key.code == "0600T-53"


@pytest.mark.parametrize("written", ["C22.0", "C220", "c22.0 "])
def test_icd_10_cm_is_the_same_with_and_without_its_dot(written: str) -> None:
    """The dot of a diagnosis code is punctuation."""
    assert Coding(ICD_10_CM, written).key == Coding(ICD_10_CM, "C22.0").key


@settings(max_examples=100, deadline=None)
@given(system=st.text(max_size=12), code=st.text(max_size=8), display=st.text(max_size=8))
def test_a_coding_keeps_what_came(system: str, code: str, display: str) -> None:
    """Comparison never rewrites: the JSON of a coding is what was read, less what was empty."""
    came = {"system": system, "code": code, "display": display}

    written = Coding(**came).to_json()

    assert written == {name: value for name, value in came.items() if value}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"code": 93799}, "93799"),
        ({"code": Decimal("22.0")}, "22.0"),
        ({"code": None}, ""),
        ({"code": ["x"]}, ""),
    ],
)
def test_a_code_may_be_a_number(value: Any, code: str) -> None:
    """EHRs send codes as JSON numbers; what is neither string nor number says nothing."""
    assert read_coding({"system": CPT, **value}).code == code


def test_codings_are_read_from_one_concept_or_many() -> None:
    """All codings count, in their order, but only those that say both system and code."""
    local = {"system": "urn:oid:1.2.3", "code": "L1"}
    cpt = {"system": CPT, "code": "0600T"}
    concepts = [{"coding": [local, {"code": "0600T"}, {"system": CPT}, {}]}, {"coding": cpt}, None]

    found = read_codings(concepts)

    assert found == (Coding("urn:oid:1.2.3", "L1"), Coding(CPT, "0600T"))


def test_words_are_texts_before_displays() -> None:
    """What a concept says in words is its text, then its codings' displays."""
    concept = {"coding": [{"display": "second"}, {"code": "x"}], "text": " first "}

    assert read_words(concept) == ("first", "second")


@settings(max_examples=200, deadline=None)
@given(value=st.one_of(json_values, odd_codings, st.lists(odd_codings)))
def test_reading_codings_never_fails(value: Any) -> None:
    """Any value in place of a concept has codings with system and code, or none."""
    for concept in (value, {"coding": value}, [{"coding": [value]}]):
        codings = read_codings(concept)

        assert all(coding.system and coding.code for coding in codings)


def test_the_odd_codings_hold_some_that_can_be_read() -> None:
    """The property above is about codings, not only about values without any."""
    assert find(odd_codings, lambda coding: len(read_codings({"coding": coding})) == 1)
