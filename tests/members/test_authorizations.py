"""Granted authorizations from a file: found for the very member, code and day, or not at all."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.crd.decision.authorizations import NoAuthorizations, Sought
from cds_service.errors import SettingError
from cds_service.fhir.coding import CPT, Coding
from cds_service.fhir.resource import encode
from cds_service.members.authorizations import open_authorizations

JsonObject = dict[str, Any]


def granted(**elements: Any) -> JsonObject:
    """An authorization for one code of one member in 2026."""
    return {
        "payer": "acme",
        "member": "M-1",
        "code": {"system": CPT, "code": "0001T"},
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "number": "PA-1",
        **elements,
    }


def sought(*codes: str, **elements: Any) -> Sought:
    """What is looked for in the middle of 2026, for the same member if not said otherwise."""
    codings = tuple(Coding(CPT, code) for code in codes or ("0001T",))
    given = {
        "payer_id": "acme",
        "member_ids": frozenset({"M-1"}),
        "codings": codings,
        "day": date(2026, 6, 1),
        **elements,
    }
    return Sought(**given)


def found(directory: Path, wanted: Sought, *entries: JsonObject) -> str:
    """The number found in a file of these entries."""
    file = directory / "authorizations.json"
    file.write_bytes(encode(list(entries)))
    return open_authorizations(str(file), ["acme", "other"]).find(wanted)


def test_what_was_granted_is_found(tmp_path: Path) -> None:
    """For that payer, member, code and day."""
    assert found(tmp_path, sought(), granted()) == "PA-1"


@pytest.mark.parametrize(
    "wanted",
    [
        sought(payer_id="other"),
        sought(member_ids=frozenset({"M-2"})),
        sought(member_ids=frozenset()),
        sought("0002T"),
        sought("0001T", "0002T"),
        sought(codings=()),
        sought(codings=(Coding("https://codes.example.invalid", "0001T"),)),
        sought(day=date(2025, 12, 31)),
        sought(day=date(2027, 1, 1)),
        sought("0001T-53"),
    ],
    ids=repr,
)
def test_what_was_granted_for_something_else_is_not_found(tmp_path: Path, wanted: Sought) -> None:
    """Another payer, member, code, system, day, or a modifier, is not what was granted."""
    assert found(tmp_path, wanted, granted()) == ""


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 12, 31)])
def test_both_bounds_of_the_period_are_in_it(tmp_path: Path, day: date) -> None:
    """From the first day to the last."""
    assert found(tmp_path, sought(day=day), granted()) == "PA-1"


def test_the_spellings_of_one_code_are_one(tmp_path: Path) -> None:
    """Systems as OIDs, modifiers with any separator, codes in any case."""
    entry = granted(code={"system": f"{CPT}/", "code": "0001t:53"})
    spelled = Coding("urn:oid:2.16.840.1.113883.6.12", "0001T-53")

    assert found(tmp_path, sought(codings=(spelled,)), entry) == "PA-1"


def test_several_codes_are_found_under_one_number_only(tmp_path: Path) -> None:
    """Two authorizations, each for one of the codes, are none for both."""
    second = {"system": CPT, "code": "0002T"}
    apart = (granted(), granted(code=second, number="PA-2"))
    together = (*apart, granted(code=second))

    assert found(tmp_path, sought("0001T", "0002T"), *apart) == ""
    assert found(tmp_path, sought("0001T", "0002T"), *together) == "PA-1"


def test_of_several_numbers_the_same_is_found_each_time(tmp_path: Path) -> None:
    """The order of the file is no fact."""
    entries = [granted(number="PA-2"), granted(number="PA-1")]

    assert found(tmp_path, sought(), *entries) == found(tmp_path, sought(), *reversed(entries))


def test_a_number_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    """Another is found instead, or none."""
    entries = [granted(number="PA-2"), granted(number="PA-1")]

    assert found(tmp_path, sought(taken=frozenset({"PA-1"})), *entries) == "PA-2"
    assert found(tmp_path, sought(taken=frozenset({"PA-1", "PA-2"})), *entries) == ""


def test_without_a_file_none_is_known() -> None:
    """The setting is empty, and so is what is found."""
    known = open_authorizations("", [])

    assert known == NoAuthorizations()
    assert known.find(sought()) == ""


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (7, "$[1]: an object with exactly payer, member, code, period, number"),
        (granted(note="x"), "$[1]: an object with exactly"),
        ({"payer": "acme"}, "$[1]: an object with exactly"),
        (granted(payer="nobody"), "$[1].payer: `nobody` is no payer of the library"),
        (granted(payer=None), "$[1].payer: not a text"),
        (granted(member=" "), "$[1].member: not a text"),
        (granted(member=17), "$[1].member: not a text"),
        (granted(number=""), "$[1].number: not a text"),
        (granted(code="0001T"), "$[1].code: an object with exactly system, code"),
        (granted(code={"system": CPT, "code": 1}), "$[1].code.code: not a text"),
        (granted(code={"system": "", "code": "1"}), "$[1].code.system: not a text"),
        (granted(period={"start": "2026-01-01"}), "$[1].period: an object with exactly start, end"),
        (granted(period={"start": "2026", "end": "2027"}), "$[1].period.start: not a day"),
        (
            granted(period={"start": "2026-01-01", "end": "2025-01-01"}),
            "$[1].period.end: the end is before the start",
        ),
    ],
)
def test_a_broken_entry_stops_the_start_and_is_named(
    tmp_path: Path, entry: Any, problem: str
) -> None:
    """By its place, and never by what stands in it of a member."""
    with pytest.raises(SettingError) as raised:
        found(tmp_path, sought(), granted(member="M-SECRET"), entry)

    assert problem in str(raised.value)
    assert "M-SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "problem"), [(b"{", "not JSON"), (b"{}", "not a list"), (b"\xff", "not JSON")]
)
def test_a_file_that_is_no_list_stops_the_start(tmp_path: Path, body: bytes, problem: str) -> None:
    """Nothing is read of it."""
    file = tmp_path / "authorizations.json"
    file.write_bytes(body)

    with pytest.raises(SettingError, match=problem):
        open_authorizations(str(file), [])


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """An operator who names one means it."""
    with pytest.raises(SettingError, match="No such file"):
        open_authorizations(str(tmp_path / "none.json"), [])
