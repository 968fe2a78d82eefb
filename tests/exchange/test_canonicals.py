"""The canonical base: found wherever it stands as a whole, and put back exactly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.errors import ExchangeError
from cds_service.exchange.canonicals import checked_base, names_base, rebase, rebase_all

OLD, NEW = CANONICAL_BASE, "https://payer.example.org/fhir"

# What an address may be mistaken for, or stand beside.
PIECES = st.lists(
    st.sampled_from(
        (OLD, NEW, OLD[:-1], f"{OLD}/", "https://payer.example.org", "http", *"/.|'# x(é-@")
    ),
    max_size=6,
).map("".join)
BASES = st.sampled_from(
    [
        NEW,
        "http://a",
        "https://a.b:8443/x",
        f"{OLD}2",
        f"{OLD}/sub",
        "https://coverage-policies.invalid",
    ]
)
VALUES = st.recursive(
    PIECES | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), BASES)
def test_a_rebase_is_undone_exactly_or_refused(resource: dict[str, Any], base: str) -> None:
    """Refused where the resource names the new base already, and nowhere else."""
    if names_base(resource, base):
        with pytest.raises(ExchangeError, match="already"):
            rebase_all([resource], OLD, base)
    else:
        (rebased,) = rebase_all([resource], OLD, base)
        assert rebase(rebased, base, OLD) == resource
        assert not names_base(rebased, OLD) or names_base({"": base}, OLD)


@pytest.mark.parametrize(
    ("words", "rebased"),
    [
        (OLD, NEW),
        (f"{OLD}/ValueSet/x|1.0", f"{NEW}/ValueSet/x|1.0"),
        (f"memberOf('{OLD}/ValueSet/x|1')", f"memberOf('{NEW}/ValueSet/x|1')"),
        (f'<a href="{OLD}/x">{OLD}</a>', f'<a href="{NEW}/x">{NEW}</a>'),
        (f"See {OLD}. And ({OLD})", f"See {NEW}. And ({NEW})"),
        (f"{OLD} {OLD}", f"{NEW} {NEW}"),
    ],
)
def test_a_base_is_rewritten_wherever_an_address_is_under_it(words: str, rebased: str) -> None:
    """In canonicals, expressions, narratives and sentences."""
    assert rebase({"a": [{"b": words}]}, OLD, NEW) == {"a": [{"b": rebased}]}


@pytest.mark.parametrize(
    "words", [f"{OLD}er/ValueSet/x", f"{OLD}.org", f"https://proxy/{OLD}", f"{OLD}-2", OLD[:-1]]
)
def test_an_address_that_only_looks_alike_is_left_alone(words: str) -> None:
    """Its owner is another."""
    assert rebase({"url": words}, OLD, NEW) == {"url": words}


def test_names_of_members_are_never_rewritten() -> None:
    """They are FHIR's, not addresses."""
    assert rebase({OLD: OLD}, OLD, NEW) == {OLD: NEW}


@pytest.mark.parametrize(
    "base",
    ["http://payer.example.org", "https://payer.example.org:8443/fhir/r4", "https://x.org/~me/a_b"],
)
def test_an_absolute_address_is_a_base(base: str) -> None:
    """With or without port and path."""
    assert checked_base(base) == base


@pytest.mark.parametrize(
    "base",
    [
        *("", "payer.example.org", "/fhir", "ftp://payer.example.org", "urn:oid:1.2.3", "https://"),
        *(f"{NEW}/", f"{NEW}?a=b", f"{NEW}#a", f"{NEW} ", f"{NEW}|1", f"{NEW}/a b", f"{NEW}\n"),
        *("https://user@payer.example.org", "https://x.org//fhir", f"{NEW}.", "https://x.org./f"),
    ],
)
def test_anything_else_is_refused_with_how_a_base_is_written(base: str) -> None:
    """Where it ends in a text must never be in doubt."""
    with pytest.raises(ExchangeError, match=r"such as https://payer\.example\.org/fhir"):
        checked_base(base)
