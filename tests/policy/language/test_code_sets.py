"""Code sets: in it, not in it, or of a system that the set does not speak of."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.coding import ICD_10_CM, Coding, CodingKey
from cds_service.fhir.truth import Truth
from cds_service.policy.language.code_sets import (
    CodeFamily,
    CodePart,
    CodePattern,
    CodeSet,
    codes_alike,
    compile_pattern,
)

OWN, OTHER = "https://codes.invalid/own", "https://codes.invalid/other"


def key(code: str, system: str = OWN) -> CodingKey:
    """The key of a coding."""
    return Coding(system, code).key


def listed(*codes: str) -> CodePart:
    """A part that lists codes."""
    return CodePart(keys=frozenset(map(key, codes)))


def set_of(*parts: CodePart | CodeSet, excluded: CodePart | None = None) -> CodeSet:
    """A set of what each part names, but for what is excluded."""
    return CodeSet(
        includes=tuple((part,) for part in parts),
        excludes=((excluded,),) if excluded else (),
        covered=frozenset().union(*(part.covered for part in parts)),
    )


@pytest.mark.parametrize(
    ("codings", "answer"),
    [
        ([key("a")], Truth.TRUE),
        ([key("A ")], Truth.TRUE),
        ([key("b")], Truth.FALSE),
        ([key("a", OTHER)], Truth.UNKNOWN),
        ([key("b"), key("a", OTHER)], Truth.FALSE),
        ([key("a", OTHER), key("a")], Truth.TRUE),
        ([], Truth.UNKNOWN),
    ],
)
def test_a_set_answers_for_the_systems_it_covers(codings: list[CodingKey], answer: Truth) -> None:
    """Of a code in another system it does not know what it stands for."""
    assert set_of(listed("a")).membership(codings) is answer


def test_a_set_excludes_and_joins() -> None:
    """All parts of an include must name a code, and no exclude."""
    whole = CodePart(systems=frozenset({key("a").system}))
    narrowed = CodeSet(includes=((whole, set_of(listed("a", "b"))),), covered=whole.covered)

    assert set_of(whole, excluded=listed("b")).holds(key("a"))
    assert not set_of(whole, excluded=listed("b")).holds(key("b"))
    assert [code for code in "abc" if narrowed.holds(key(code))] == ["a", "b"]
    assert narrowed.covers_any([key("z")])
    assert not narrowed.covers_any([key("z", OTHER)])


@pytest.mark.parametrize(
    ("expression", "held", "not_held"),
    [
        (r"I48\..*", "I48.91 i48.0 I48.1", "I48 I49.0"),
        ("I48.*", "I48 I48.91", "I4 I49 AI48"),
        (r"^I48\..*$", "I48.91", "I49.1"),
        (r"I48\.[0-2]", "I48.0 I48.2", "I48.3 I48.11 AI48.0"),
        ("I48|I49", "I48 I49", "I48.0 I4"),
        ("(I48|I49).*", "I48.0 I49", "I47"),
    ],
)
def test_a_family_is_matched_from_end_to_end(expression: str, held: str, not_held: str) -> None:
    """As the codes are written, with their dot, in any case."""
    family = codes_alike(ICD_10_CM, expression)

    assert all(family.holds(key(code, ICD_10_CM)) for code in held.split())
    assert not any(family.holds(key(code, ICD_10_CM)) for code in not_held.split())
    assert not family.holds(key(held.split(maxsplit=1)[0]))


def test_what_only_begins_alike_needs_no_expression() -> None:
    """A prefix is compared as it is."""
    assert codes_alike(ICD_10_CM, r"I48\..*") == CodeFamily(system=ICD_10_CM, prefix="I48.")
    assert isinstance(codes_alike(ICD_10_CM, r"I4[89]\..*"), CodePattern)


@given(prefix=st.text("IZ0189", min_size=1, max_size=3), code=st.text("IZ0189.", max_size=6))
def test_a_prefix_holds_what_its_expression_matches(prefix: str, code: str) -> None:
    """The short way and the long one are one."""
    short = codes_alike(OWN, f"{prefix}.*")
    long = CodePattern(system=OWN, matches=compile_pattern(f"(?:{prefix}).*", any_case=True))
    coding = CodingKey(OWN, code)

    assert short.holds(coding) == long.holds(coding)


@pytest.mark.parametrize("expression", ["(", "I48[", r"(a)\1", "(?=a)", "a{9999}"])
def test_what_re2_does_not_know_is_refused(expression: str) -> None:
    """With the expression in the message."""
    with pytest.raises(ValueError, match="no regular expression of RE2"):
        compile_pattern(expression, any_case=False)


def test_a_pattern_is_matched_in_time() -> None:
    """However long the code that a request holds."""
    family = codes_alike(OWN, "(A+)+B")
    started = time.process_time()

    assert not family.holds(CodingKey(OWN, "A" * 200_000))
    assert time.process_time() - started < 2


def test_a_part_tells_what_it_speaks_of() -> None:
    """Its systems, and whether all its codes are listed."""
    families = CodePart(families=(CodeFamily(system=OTHER, prefix="A"),))

    assert families.covered == {OTHER}
    assert (listed("a").is_listed, families.is_listed) == (True, False)
