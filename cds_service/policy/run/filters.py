"""Filters: whether a resource is one that an input asks for, as far as that can be told."""

from collections.abc import Callable
from itertools import chain

from cds_service.fhir.coding import CodingKey, read_codings
from cds_service.fhir.dates import Days, parse_days, period_days
from cds_service.fhir.resource import Json, JsonObject, first, objects
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import Collection, as_open, is_open
from cds_service.policy.language.steps import follow_members
from cds_service.policy.run.inputs import CodeFilter, DateFilter, Input

_MEDICATION = "medication"
Resolve = Callable[[JsonObject, JsonObject], Collection]


def fits(wanted: Input, resource: JsonObject, service: Days, resolve: Resolve) -> Truth:
    """Whether a resource is one that is asked for: all filters hold."""
    by_code = (_is_coded(filtered, resource, resolve) for filtered in wanted.code_filters)
    by_date = (_is_dated(filtered, resource, service) for filtered in wanted.date_filters)
    answers = [*by_code, *by_date]
    if Truth.FALSE in answers:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in answers else Truth.TRUE


def _is_coded(code_filter: CodeFilter, resource: JsonObject, resolve: Resolve) -> Truth:
    concepts = _concepts(code_filter, resource, resolve)
    answers = [code_filter.codes.membership(_keys(concept)) for concept in concepts]
    if Truth.TRUE in answers:
        return Truth.TRUE
    is_known = answers and not is_open(concepts) and Truth.UNKNOWN not in answers
    return Truth.FALSE if is_known else Truth.UNKNOWN


def _concepts(code_filter: CodeFilter, resource: JsonObject, resolve: Resolve) -> Collection:
    """The coded values of an element; those of the Medication that it refers to, if it does."""
    stated = follow_members((resource,), code_filter.path)
    if code_filter.path[-1].name != _MEDICATION:
        return stated
    referred = [value for value in stated if isinstance(value, dict) and "reference" in value]
    resolved = [resolve(reference, resource) for reference in referred]
    medications = chain.from_iterable(resolved)
    held = [first(medication.get("code")) for medication in medications]
    own = [value for value in stated if not isinstance(value, dict) or "reference" not in value]
    return as_open([*own, *held], *resolved)


def _keys(concept: Json) -> list[CodingKey]:
    codings = read_codings(concept) or read_codings({"coding": objects(concept)})
    return [coding.key for coding in codings]


def _is_dated(date_filter: DateFilter, resource: JsonObject, service: Days) -> Truth:
    window = date_filter.window(service)
    stated = [_days(value) for value in follow_members((resource,), date_filter.path)]
    if window is None or not stated or None in stated:
        return Truth.UNKNOWN
    days = [read for read in stated if read]
    if any(window.holds(read) for read in days):
        return Truth.TRUE
    return Truth.UNKNOWN if any(window.meets(read) for read in days) else Truth.FALSE


def _days(value: Json) -> Days | None:
    if isinstance(value, dict):
        return period_days(value) if "start" in value or "end" in value else None
    return parse_days(value)
