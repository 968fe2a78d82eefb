"""Granted authorizations in a JSON file, which is read whole and strictly at start.

Each entry is for one code of one member: `{"payer": "acme", "member": "M-1", "code": {"system": …,
"code": …}, "period": {"start": …, "end": …}, "number": "PA-1"}`. An authorization for several codes
has several entries with one number.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from cds_service.crd.decision.authorizations import Authorizations, NoAuthorizations, Sought
from cds_service.errors import SettingError
from cds_service.fhir.coding import Coding, CodingKey
from cds_service.fhir.dates import Days, parse_days
from cds_service.fhir.resource import Json, decode

_SETTING = "authorizations"
_MEMBERS = ("payer", "member", "code", "period", "number")
_SEPARATORS = re.compile(r"[\s:.,-]")


class Granted(NamedTuple):
    """One entry less its number: whom and what it is for; the payer by its Organization's id."""

    payer_id: str
    member_id: str
    code: CodingKey


class Grant(NamedTuple):
    """From when to when an authorization holds, and its number."""

    days: Days
    number: str


@dataclass(frozen=True, slots=True)
class FiledAuthorizations:
    """The authorizations of a file."""

    grants: Mapping[Granted, tuple[Grant, ...]]

    def find(self, sought: Sought) -> str:
        """The number of one that is for every code on that day; empty if there is none."""
        by_code = [set(self._numbers(sought, coding)) for coding in sought.codings]
        found = set.intersection(*by_code) if by_code else set()
        return min(found - sought.taken, default="")

    def _numbers(self, sought: Sought, coding: Coding) -> Iterator[str]:
        day = Days(sought.day, sought.day)
        for member_id in sought.member_ids:
            for grant in self.grants.get(Granted(sought.payer_id, member_id, _exact(coding)), ()):
                if grant.days.holds(day):
                    yield grant.number


def _exact(coding: Coding) -> CodingKey:
    """The coding in one spelling, modifiers kept: what is granted for one side is not for both."""
    return CodingKey(coding.key.system, _SEPARATORS.sub("", coding.code).upper())


def open_authorizations(file: str, payer_ids: Iterable[str]) -> Authorizations:
    """The authorizations in a file, or none without a file.

    Raises:
        SettingError: the file cannot be read, or an entry in it, which is named by its place.
    """
    if not file:
        return NoAuthorizations()
    try:
        entries = decode(Path(file).read_bytes())
    except OSError as error:
        raise SettingError(_SETTING, f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise SettingError(_SETTING, f"{file}: not JSON: {error}") from error
    return FiledAuthorizations(_read(file, entries, frozenset(payer_ids)))


def _read(
    file: str, entries: Json, payer_ids: frozenset[str]
) -> Mapping[Granted, tuple[Grant, ...]]:
    if not isinstance(entries, list):
        raise SettingError(_SETTING, f"{file}: $: not a list of authorizations")
    read: dict[Granted, list[Grant]] = defaultdict(list)
    for number, entry in enumerate(entries):
        try:
            granted, grant = _entry(entry, payer_ids)
        except ValueError as error:
            raise SettingError(_SETTING, f"{file}: $[{number}]{error}") from error
        read[granted].append(grant)
    return {granted: tuple(grants) for granted, grants in read.items()}


def _entry(entry: Json, payer_ids: frozenset[str]) -> tuple[Granted, Grant]:
    """One authorization.

    Raises:
        ValueError: it is not one; the message starts with the path inside the entry.
    """
    _check_members(entry, _MEMBERS, "")
    _check_members(entry["code"], ("system", "code"), ".code")
    _check_members(entry["period"], ("start", "end"), ".period")
    payer_id = _words(entry["payer"], ".payer")
    if payer_id not in payer_ids:
        raise ValueError(f".payer: `{payer_id}` is no payer of the library")
    start, end = (_day(entry["period"][name], f".period.{name}") for name in ("start", "end"))
    if end < start:
        raise ValueError(".period.end: the end is before the start")
    system, code = (_words(entry["code"][name], f".code.{name}") for name in ("system", "code"))
    member_id, number = _words(entry["member"], ".member"), _words(entry["number"], ".number")
    granted = Granted(payer_id, member_id, _exact(Coding(system, code)))
    return granted, Grant(Days(start, end), number)


def _check_members(value: Json, names: Iterable[str], where: str) -> None:
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"{where}: an object with exactly {', '.join(names)}")


def _words(value: Json, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: not a text")
    return value.strip()


def _day(value: Json, where: str) -> date:
    days = parse_days(_words(value, where))
    if days is None or days.first != days.last:
        raise ValueError(f"{where}: not a day")
    return days.first
