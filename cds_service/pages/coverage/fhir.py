"""The coverage list as FHIR R4: a collection of a List and the ValueSets that it leads to.

Why not InsurancePlan: whatever stands in its `coverage.benefit` is a benefit of the plan, so a
reader would take what a payer refuses for covered; and CoverageEligibilityResponse, which has
`excluded` and `authorizationRequired`, is about one patient. So a row is an entry of a List: its
`flag` is what the rule determines, its `item` the codes, as a ValueSet of the policy. A code
`covered` is flagged only where the rule has no conditions and leaves no prior authorization open;
else it is `conditional`.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from cds_service.crd.codes import CRD, Covered, DocNeeded, InfoNeeded, PaNeeded
from cds_service.fhir.resource import JsonObject, encode, first, follow, objects, text
from cds_service.pages.coverage.answer import holds_always
from cds_service.pages.coverage.codes import CodeKind, ListedCode
from cds_service.pages.coverage.formats import NOTES, Listing
from cds_service.pages.coverage.listing import Entry
from cds_service.pages.coverage.rows import CoverageRow, ListedRule

COVERAGE_CODES = f"{CRD}/CodeSystem/coverage-information-codes"  # CRD 2.2
_DEFINED_BY = "http://hl7.org/fhir/StructureDefinition/valueset-sourceReference"
_FROM = "http://hl7.org/fhir/StructureDefinition/valueset-effectiveDate"
_UNTIL = "http://hl7.org/fhir/StructureDefinition/valueset-expirationDate"
# Demands whose codes are told from those of coverage itself by nothing but the code.
_DEMANDS = (
    PaNeeded.AUTH_NEEDED,
    PaNeeded.PERFORM_PA,
    DocNeeded.CLINICAL,
    DocNeeded.ADMIN,
    DocNeeded.PATIENT,
    InfoNeeded.PERFORMER,
    InfoNeeded.LOCATION,
    InfoNeeded.TIMEFRAME,
    InfoNeeded.CONTRACT_WINDOW,
    InfoNeeded.DETAIL_CODE,
)


def write_fhir(listing: Listing) -> bytes:
    """The page as a Bundle of type `collection`: the List first, then a ValueSet a rule."""
    by_rule: dict[ListedRule, list[CoverageRow]] = {}
    for row in listing.page.shown:
        by_rule.setdefault(row.listed, []).append(row)
    value_sets = [(_name(rows), _value_set(rows, listing)) for rows in by_rule.values()]
    listed = _list(by_rule.values(), listing)
    resources = [(_urn(f"list {listing.address}", listing), listed)]
    resources.extend((_urn(name, listing), value_set) for name, value_set in value_sets)
    return encode(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "link": list(_links(listing)),
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in resources],
        }
    )


def _links(listing: Listing) -> Iterator[JsonObject]:
    for relation, address in (("self", listing.address), ("next", listing.following)):
        if address:
            yield {"relation": relation, "url": address}


def _urn(name: str, listing: Listing) -> str:
    """The same URN for the same rule, day and set of policies."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{listing.digest} {listing.question.day} {name}')}"


def _name(rows: list[CoverageRow]) -> str:
    """What a rule's codes on one page are named by."""
    codes = ",".join(row.code.shown for row in rows)
    listed = rows[0].listed
    return f"{listed.payer.id} {rows[0].citation.canonical}#{rows[0].view.id} {codes}"


def _list(by_rule: Iterable[list[CoverageRow]], listing: Listing) -> JsonObject:
    page, day = listing.page, listing.question.day.isoformat()
    entries = [_entry(rows, listing) for rows in by_rule]
    part = f", page {page.number} of {page.last}" if page.last > 1 else ""
    return {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "title": f"Coverage list as of {day}{part}, policies {listing.digest}",
        "date": day,
        "note": [{"text": note} for note in NOTES],
        **({"entry": entries} if entries else {"emptyReason": {"text": _empty(listing)}}),
    }


def _empty(listing: Listing) -> str:
    """Why there is no row; it says nothing of whether anything is covered."""
    answers = ["".join(sentence) for sentence in listing.answers]
    return " ".join(answers) or "No policy in this library addresses what was asked for."


def _entry(rows: list[CoverageRow], listing: Listing) -> JsonObject:
    row = rows[0]
    cited = row.citation
    display = f"{row.listed.payer.brand}, {row.members}: {row.view.title} (policy {cited.number})"
    reference = _urn(_name(rows), listing)
    return {
        "flag": _flag(rows),
        "date": row.listed.policy.start.isoformat(),
        "item": {"reference": reference, "type": "ValueSet", "display": display},
    }


def _flag(rows: list[CoverageRow]) -> JsonObject:
    row = rows[0]
    determination = row.determination
    is_always = all(holds_always(Entry(row.listed, row.code), row.code.code) for row in rows)
    is_for_all = row.listed.members.everyone
    covered = determination.covered
    is_open = determination.pa_needed in (PaNeeded.CONDITIONAL, PaNeeded.INDETERMINATE)
    if covered is Covered.COVERED and (is_open or not (is_always and is_for_all)):
        covered = Covered.CONDITIONAL
    stated = {determination.pa_needed, *determination.doc_needed, *determination.info_needed}
    codes = [covered, *(demand for demand in _DEMANDS if demand in stated)]
    whom = "" if is_for_all else f"For {row.members}: "
    when = "" if is_always else "where the rule's conditions hold: "
    return {
        "coding": [{"system": COVERAGE_CODES, "code": str(code)} for code in codes],
        "text": f"{whom}{when}{'; '.join(row.sentences)}",
    }


def _value_set(rows: list[CoverageRow], listing: Listing) -> JsonObject:
    row = rows[0]
    policy, view = row.listed.policy, row.view
    programs = [
        context
        for context in objects(policy.resource.get("useContext"))
        if first(context.get("code")).get("code") == "program"
    ]
    stated = {
        "title": f"{row.listed.payer.brand}: {view.title}",
        "description": f"{'; '.join(row.sentences)}. For {row.members}. {row.when}",
        "purpose": " ".join(row.reasons),
        "copyright": text(policy.resource.get("copyright")),
    }
    return {
        "resourceType": "ValueSet",
        "extension": list(_extensions(row)),
        "status": "active",
        "date": listing.question.day.isoformat(),
        **{name: words for name, words in stated.items() if words},
        **({"useContext": programs} if programs else {}),
        **_compose(rows),
    }


def _extensions(row: CoverageRow) -> Iterator[JsonObject]:
    yield {"url": _DEFINED_BY, "valueUri": row.citation.canonical}
    yield {"url": _FROM, "valueDateTime": row.listed.policy.start.isoformat()}
    end = row.listed.policy.end
    if end != date.max:
        yield {"url": _UNTIL, "valueDateTime": end.isoformat()}


def _compose(rows: list[CoverageRow]) -> JsonObject:
    """The codes of these rows; families by the ValueSet that the rule itself filters on.

    A rule for any code has none to list.
    """
    codes = [row.code for row in rows]
    single = [code for code in codes if code.kind is CodeKind.CODE]
    systems = dict.fromkeys(code.system for code in single)
    includes = [_include(system, single) for system in systems]
    if any(code.kind is CodeKind.FAMILY for code in codes):
        includes.extend({"valueSet": [canonical]} for canonical in _filtered_on(rows[0]))
    return {"compose": {"include": includes}} if includes else {}


def _include(system: str, codes: list[ListedCode]) -> JsonObject:
    concepts = [{"code": code.code} for code in codes if code.system == system]
    return {"system": system, "concept": concepts}


def _filtered_on(row: CoverageRow) -> Iterator[str]:
    """The ValueSets that a rule's order has to be of."""
    for action in follow(row.listed.policy.resource, ("action", "action")):
        if text(action.get("id")) == row.view.id:
            order = first(action.get("input"))
            filters = objects(order.get("codeFilter"))
            yield from filter(None, (text(wanted.get("valueSet")) for wanted in filters))
