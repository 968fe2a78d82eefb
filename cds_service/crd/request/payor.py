"""The payor of a Coverage that leads to no payer hosted here, in words for who runs the EHR.

Identifiers of payers are told; those of persons are a patient's data, and never are.
"""

from collections.abc import Mapping

from cds_service.cds_hooks.plain_text import cut, plain
from cds_service.crd.request.attempts import read_attempts
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.membership import (
    Identifier,
    Payer,
    find_organization,
    read_identifiers,
)
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, follow, objects, resource_type, text

_TOLD = 3  # identifiers that came, and payers hosted here
_LONGEST = 120  # characters of an identifier
_ORGANIZATION = "Organization"
# Who has an identifier of one of these systems or types is a person, whatever refers to him.
_SYSTEMS_OF_PERSONS = frozenset(
    f"http://hl7.org/fhir/sid/{name}" for name in ("us-ssn", "us-mbi", "us-medicare")
)
_TYPES_OF_PERSONS = frozenset("DL MA MB MC MR NH PI PPN PT SB SN SS".split())  # HL7 v2 table 0203


def describe_payor(coverage: JsonObject, chart: Chart, hosted: Mapping[Identifier, Payer]) -> str:
    """Which identifiers the payer came with, why there are none, and which are hosted here."""
    payor = first(coverage.get("payor"))
    organization = find_organization(payor, coverage, chart)
    kinds = _kinds(payor, coverage, chart)
    stated = [*_own(payor, kinds), *read_identifiers(organization.get("identifier"))]
    if not payor:
        came = "the Coverage has no `payor`, so its payer cannot be told"
    elif kinds - {_ORGANIZATION}:
        came = "the Coverage's `payor[0]` is no Organization, and so no payer hosted here"
    elif stated:
        shown = ", ".join(map(_show, stated[:_TOLD]))
        came = f"no payer hosted here has the identifier of the Coverage's `payor[0]`: {shown}"
        came = f"{came}{_under_other_systems(stated, hosted)}"
    else:
        came = (
            "the Coverage's `payor[0]` has no payer's identifier with `system` and `value`: "
            f"{_why_none(payor, organization, coverage, chart)}"
        )
    return f"{came}. {_describe_hosted(hosted)}"


def _kinds(payor: JsonObject, coverage: JsonObject, chart: Chart) -> set[str]:
    """The types of resource that the payor is, by its reference, its target or as stated."""
    key = parse_reference(text(payor.get("reference")))
    target = chart.find(payor, coverage) or {}
    stated = {text(payor.get("type")), key.type if key else "", resource_type(target)}
    return stated - {""}


def _own(payor: JsonObject, kinds: set[str]) -> tuple[Identifier, ...]:
    """The payor's own identifiers, unless they may be a person's."""
    if text(payor.get("reference")) and not kinds:
        return ()
    listed = objects(payor.get("identifier"))
    of_payers = [identifier for identifier in listed if not _is_of_person(identifier)]
    return read_identifiers(of_payers)


def _is_of_person(identifier: JsonObject) -> bool:
    codings = follow(identifier, ("type", "coding"))
    return text(identifier.get("system")) in _SYSTEMS_OF_PERSONS or any(
        text(coding.get("code")) in _TYPES_OF_PERSONS for coding in codings
    )


def _why_none(
    payor: JsonObject, organization: JsonObject, coverage: JsonObject, chart: Chart
) -> str:
    if organization:
        return "the Organization that it refers to has none either"
    key = parse_reference(text(payor.get("reference")))
    if key and chart.state(payor, coverage) is Lookup.ABSENT:
        return "the Organization that it refers to was looked for and is not there"
    if key:
        return read_attempts([key], chart)
    if objects(payor.get("identifier")):
        return "the one that came lacks one of them, or may be a person's"
    return "it is in words, or refers to what did not come"


def _show(identifier: Identifier) -> str:
    return f"`{cut(plain(f'{identifier.system}|{identifier.value}'), _LONGEST)}`"


def _under_other_systems(stated: list[Identifier], hosted: Mapping[Identifier, Payer]) -> str:
    """That a payer hosted here has the same value in another system, as clearinghouses differ."""
    values = {identifier.value.casefold() for identifier in stated}
    alike = [known for known in sorted(hosted) if known.value.casefold() in values]
    if not alike:
        return ""
    return f"; hosted here is {', '.join(map(_show, alike[:_TOLD]))}, in another system"


def _describe_hosted(hosted: Mapping[Identifier, Payer]) -> str:
    """An identifier of each payer hosted here, as far as there is room, and where to see more."""
    by_payer: dict[str, Identifier] = {}
    for identifier in sorted(hosted):
        by_payer.setdefault(hosted[identifier].id, identifier)
    shown = ", ".join(map(_show, list(by_payer.values())[:_TOLD])) or "no payer"
    more = f" and {len(by_payer) - _TOLD} more payers" if len(by_payer) > _TOLD else ""
    return f"Hosted here: {shown}{more}; `GET /policies` lists whose policies these are"
