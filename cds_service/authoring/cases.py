"""A policy's own tests: orders with the determination that its payer expects.

They stand in `cases.json` beside the PlanDefinition, and read there as their author meant them, or
are refused: what is misspelled would pass for ever.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_service.authoring.expectations import check_expectation
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.ehr.query import parse_query
from cds_service.errors import ArtifactError, RequestFailed
from cds_service.fhir.dates import parse_days
from cds_service.fhir.resource import Json, JsonObject, decode, resource_type, text
from cds_service.policy.library.faults import Faults
from cds_service.policy.library.files import CASES, library_files, read_file

MEMBER = "member"  # the id of every case's Patient

_BESIDES = frozenset({"chart", "unreadable"})
_NEEDED = frozenset({"name", "order", "member", "date", "expect"})
_SUBJECT: Mapping[str, str] = {"reference": f"Patient/{MEMBER}"}
# Where kinds of order keep whose they are, and the day they are for.
_KEPT: Mapping[str, tuple[str, str]] = {
    "MedicationRequest": ("subject", "authoredOn"),
    "NutritionOrder": ("patient", "dateTime"),
    "VisionPrescription": ("patient", "dateWritten"),
    "Appointment": ("participant", "start"),
    "Encounter": ("subject", "period"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One order of one member on one day, and what is expected.

    `chart` is what the EHR holds besides; `unreadable` are the reads and searches it fails.
    """

    file: Path
    name: str
    order: JsonObject
    member: JsonObject
    day: str
    chart: tuple[JsonObject, ...] = ()
    unreadable: tuple[str, ...] = ()
    expect: JsonObject


def read_cases(directory: Path) -> list[Case]:
    """Every case under a library directory.

    Raises:
        ArtifactError: cases files are not what they should be; every such case is named.
    """
    cases: list[Case] = []
    faults = Faults()
    for file in library_files(directory):
        if file.name != CASES:
            continue
        with faults.gathered():
            members, listed = _read_file(file)
            _check_members(file, members)
            for number, written in enumerate(listed):
                with faults.gathered():
                    cases.append(_read_case(file, members, number, written))
    faults.raise_all()
    return cases


def _read_case(file: Path, members: JsonObject, number: int, written: Json) -> Case:
    try:
        return _case(file, members, written)
    except ValueError as error:
        name = written.get("name") if isinstance(written, dict) else None
        named = f"case `{name}`: " if name else ""
        raise ArtifactError(file, f"$.cases[{number}]", f"{named}{error}") from error


def _read_file(file: Path) -> tuple[JsonObject, list[Json]]:
    body = read_file(file)
    try:
        written = decode(body)
        members, cases = written["members"], written["cases"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(file, "$", f"not a cases file: {error!r}") from error
    if not isinstance(members, dict) or not isinstance(cases, list):
        raise ArtifactError(file, "$", "not a cases file: it has `members` by name, and `cases`")
    return members, cases


def _case(file: Path, members: JsonObject, written: Json) -> Case:
    _check_names("a case", written, _NEEDED, {"source", *_BESIDES})
    if written["member"] not in members:
        raise ValueError(f"no member is called `{written['member']}`")
    member = members[written["member"]]
    check_expectation(written["expect"])
    if not isinstance(written["order"], dict):
        raise ValueError("`order` is not a resource")
    if not text(written.get("source", "not stated")):
        raise ValueError("`source` is the sentence that the case rests on: section and own words")
    if parse_days(written["date"]) is None:
        raise ValueError(f"`{written['date']}` is no date")
    return Case(
        file=file,
        name=written["name"],
        order=_completed(written["order"], text(written["date"])),
        member=member,
        day=text(written["date"]),
        chart=(*_chart(member), *_chart(written)),
        unreadable=(*_unreadable(member), *_unreadable(written)),
        expect=written["expect"],
    )


def _check_names(
    what: str, written: Json, needed: Collection[str], besides: Collection[str]
) -> None:
    if not isinstance(written, dict):
        raise ValueError(f"{what} is an object")
    if missing := sorted(set(needed) - set(written)):
        raise ValueError(f"{what} has a `{missing[0]}`")
    if unknown := sorted(set(written) - set(needed) - set(besides)):
        known = ", ".join(sorted({*needed, *besides}))
        raise ValueError(f"{what} has no `{unknown[0]}`, but {known}")


def _check_members(file: Path, members: JsonObject) -> None:
    faults = Faults()
    for name, member in members.items():
        with faults.gathered():
            try:
                _check_member(member)
            except ValueError as error:
                raise ArtifactError(file, f"$.members.{name}", str(error)) from error
    faults.raise_all()


def _check_member(member: Json) -> None:
    _check_names("a member", member, {"coverage"}, {"patient", *_BESIDES})
    for name in ("coverage", "patient"):
        if not isinstance(member.get(name, {}), dict):
            raise ValueError(f"the member's `{name}` is not a resource")
    _chart(member)
    _unreadable(member)


def _chart(written: JsonObject) -> tuple[JsonObject, ...]:
    found = written.get("chart", [])
    is_list = isinstance(found, list)
    if not is_list or not all(isinstance(held, dict) and resource_type(held) for held in found):
        raise ValueError("`chart` is a list of resources")
    return tuple(found)


def _unreadable(written: JsonObject) -> tuple[str, ...]:
    queries = written.get("unreadable", [])
    try:
        return tuple(parse_query(text(query)).text for query in queries)
    except (RequestFailed, TypeError) as error:
        problem = "`unreadable` is a list of reads and searches such as `Condition/1`"
        raise ValueError(problem) from error


def _completed(written: JsonObject, day: str) -> JsonObject:
    """The order with what its author left out: whose it is, and the day it is for."""
    kind = text(written.get("resourceType", "ServiceRequest"))
    if kind not in ORDER_KINDS:
        raise ValueError(f"`{kind}` is no kind of order, which are {', '.join(ORDER_KINDS)}")
    holder, dated = _KEPT.get(kind, ("subject", "occurrenceDateTime"))
    given = {
        "resourceType": kind,
        "id": "order",
        "status": "draft",
        "intent": "order",
        holder: [{"actor": _SUBJECT}] if holder == "participant" else _SUBJECT,
        dated: {"start": day} if dated == "period" else day,
    }
    if any(name.startswith("occurrence") for name in written):
        given.pop("occurrenceDateTime", None)
    return {**given, **written}
