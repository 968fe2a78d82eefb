"""CRDMetricData: a recorded call as the guide's logical model has it (CRD metric-1).

An element that the model requires and a record does not hold is there with a data-absent-reason.
Nothing in it names a patient.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from cds_service.audit.called_orders import CalledOrder, orders_of
from cds_service.audit.dossier import texts_of
from cds_service.cds_hooks.prefetch import read_resources
from cds_service.crd.codes import COVERAGE_INFORMATION, PAYER_ID, Topic
from cds_service.crd.request.lookups import Lookup
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.resource import JsonObject, first, follow, objects, resource_type, text

_NPI = "http://hl7.org/fhir/sid/us-npi"
_UNKNOWN: JsonObject = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "unknown",
        }
    ]
}
_OK = 200
_REFUSED_TOKENS = ("401", "403")
_ENGAGEMENTS = {"accepted": "accept", "overridden": "override"}
_BOTH = {"clinical", "admin"}


def metric_data(record: JsonObject, outcomes: Mapping[str, str]) -> JsonObject:
    """The metric data of a recorded call, seen by the payer.

    `outcomes` are what clinicians did with its cards, `accepted` or `overridden`, by their uuids.
    """
    at = datetime.fromisoformat(record["at"])
    seconds = call_seconds(record)
    end = at + timedelta(seconds=seconds) if seconds is not None else None
    return {
        "source": "payer-src",
        "hookInstance": text(record.get("hookInstance")),
        "hookType": text(record.get("hook")),
        "providerId": _identifier(_NPI, _provider(record)),
        "groupId": _identifier(_NPI, ""),
        "payerId": _identifier(PAYER_ID, next(iter(payers_of(record)), "")),
        "requestTime": at.isoformat(),
        **({"responseTime": end.isoformat()} if end else {}),
        **({"httpResponse": status} if (status := http_status(record)) else {}),
        **_listed("issue", _issues(record)),
        "tokenUse": _token_use(record),
        **_listed("resources", _resources(record)),
        "request": [request_data(order, record, outcomes) for order in orders_of(record)],
    }


def http_status(record: JsonObject) -> int:
    """The HTTP status of a call; 0 where a record of a former version does not tell."""
    status = record.get("status")
    if isinstance(status, int) and status:
        return status
    return _OK if "cards" in first(record.get("response")) else 0


def call_seconds(record: JsonObject) -> float | None:
    """How long a call took from when it was received; None where its record does not tell."""
    durations = record.get("durations")
    return float(sum(durations.values())) if isinstance(durations, dict) else None


def payers_of(record: JsonObject) -> tuple[str, ...]:
    """The payers of a call's decisions, each once."""
    payers = (text(decision.get("payer")) for decision in objects(record.get("decisions")))
    return tuple(dict.fromkeys(filter(None, payers)))


def _identifier(system: str, value: str) -> JsonObject:
    return {"system": system, **({"value": value} if value else {"_value": _UNKNOWN})}


def _listed(name: str, values: Iterator[JsonObject]) -> JsonObject:
    found = list(values)
    return {name: found} if found else {}


def _provider(record: JsonObject) -> str:
    """The NPI of the user who called, if the user was sent or read."""
    user = text(first(first(record.get("request")).get("context")).get("userId"))
    for resource in _held(record):
        if f"{resource_type(resource)}/{text(resource.get('id'))}" == user:
            for identifier in objects(resource.get("identifier")):
                if text(identifier.get("system")) == _NPI:
                    return text(identifier.get("value"))
    return ""


def _held(record: JsonObject) -> list[JsonObject]:
    prefetch = first(first(record.get("request")).get("prefetch"))
    sent = [found.resource for value in prefetch.values() for found in read_resources(value)]
    return [*sent, *objects(record.get("resources"))]


def _issues(record: JsonObject) -> Iterator[JsonObject]:
    for issue in objects(first(record.get("response")).get("issue")):
        details = first(issue.get("details"))
        yield {"code": text(issue.get("code")), **({"details": details} if details else {})}


def _token_use(record: JsonObject) -> str:
    queries = objects(record.get("queries"))
    causes = " ".join(text(query.get("cause")) for query in queries)
    if not queries:
        return "not-used"
    all_failed = all(query.get("result") == Lookup.FAILED for query in queries)
    return "rejected" if all_failed or any(map(causes.count, _REFUSED_TOKENS)) else "used"


def _resources(record: JsonObject) -> Iterator[JsonObject]:
    """How many resources of each type came, by prefetch and by query; what was ordered aside."""
    orders = {order.reference for order in orders_of(record)}
    prefetch = first(first(record.get("request")).get("prefetch"))
    sent = [found.resource for value in prefetch.values() for found in read_resources(value)]
    for is_sent, resources in ((True, sent), (False, objects(record.get("resources")))):
        counts: dict[str, int] = {}
        for resource in resources:
            kind = resource_type(resource)
            if f"{kind}/{text(resource.get('id'))}" not in orders:
                counts[kind] = counts.get(kind, 0) + 1
        for kind, count in sorted(counts.items()):
            yield {"type": kind, "count": count, "prefetch": is_sent}


def request_data(order: CalledOrder, record: JsonObject, outcomes: Mapping[str, str]) -> JsonObject:
    """The `request` of the metric data of a recorded call about one of its orders."""
    codings = [_coding(named) for named in order.codes]
    return {
        **({"type": order.type} if order.type else {"_type": _UNKNOWN}),
        "orderDetail": {"coding": codings} if codings else _UNKNOWN,
        **_listed("response", _responses(order, record, outcomes)),
    }


def _coding(named: str) -> JsonObject:
    system, _, code = named.partition("|")
    return {"system": system, "code": code} if system else {"code": code}


def _responses(
    order: CalledOrder, record: JsonObject, outcomes: Mapping[str, str]
) -> Iterator[JsonObject]:
    response = first(record.get("response"))
    focus: JsonObject = {"focus": [order.type]} if order.type else {}
    ours = {text(decision.get("assertion")): decision for decision in order.decisions}
    for resource in follow(response, ("systemActions", "resource")):
        if f"{resource_type(resource)}/{text(resource.get('id'))}" == order.reference:
            found = _coverage_informations(resource, ours)
            yield {"type": Topic.COVERAGE_INFO.value, **focus, **_listed("coverageInfo", found)}
    for card in objects(response.get("cards")):
        about = _about(card)
        if not about or order.reference in about:
            topic = text(first(first(card.get("source")).get("topic")).get("code"))
            engagement = _ENGAGEMENTS.get(outcomes.get(text(card.get("uuid")), ""))
            yield {
                **({"type": topic} if topic else {}),
                **focus,
                **({"engagement": engagement} if engagement else {}),
            }


def _about(card: JsonObject) -> set[str]:
    """The orders that a card is about: bare references, or Reference objects by CRD version."""
    about = first(card.get("extension")).get("davinci-crd.associated-resource")
    return {*texts_of(about), *(text(reference.get("reference")) for reference in objects(about))}


def _coverage_informations(
    order: JsonObject, ours: Mapping[str, JsonObject]
) -> Iterator[JsonObject]:
    """The repetitions that this call wrote: others' and former ones are kept as they came."""
    for extension in find_extensions(order, COVERAGE_INFORMATION):
        named = parts(extension)
        assertion = next(iter(_values(named, "coverage-assertion-id")), "")
        if assertion in ours:
            yield _coverage_information(named, assertion, text(ours[assertion].get("plan")))


def _coverage_information(
    named: Mapping[str, list[JsonObject]], assertion: str, plan: str
) -> JsonObject:
    documents = _values(named, "doc-needed")
    forms = [
        {"reference": form, "_adaptive": _UNKNOWN, "response": False}
        for form in _values(named, "questionnaire")
    ]
    pairs: list[tuple[str, Any]] = [
        ("covered", next(iter(_values(named, "covered")), "")),
        ("paNeeded", next(iter(_values(named, "pa-needed")), "")),
        ("docNeeded", "both" if set(documents) >= _BOTH else next(iter(documents), "")),
        ("infoNeeded", next(iter(_values(named, "info-needed")), "")),
        ("questionnaire", forms),
        ("assertionId", assertion),
        ("satisfiedId", next(iter(_values(named, "satisfied-pa-id")), "")),
        ("businessLine", {"text": plan} if plan else None),
    ]
    return {name: value for name, value in pairs if value}


def _values(named: Mapping[str, list[JsonObject]], name: str) -> list[str]:
    return [text(value_of(part)[1]) for part in named.get(name, ())]
