"""Inputs of a rule: the order it is for, and what else it asks for, each as a variable.

R4 DataRequirement says what data an action needs. Every part of it is heeded or refused, for a
filter that is passed over would widen what the rule is about.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.crd.request.promised import is_promised, promised_paths
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding, read_codings
from cds_service.fhir.dates import period_days
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.language.calendar import calendar_unit
from cds_service.policy.language.code_sets import CodePart, CodeSet
from cds_service.policy.language.elements import ElementModel
from cds_service.policy.language.expressions import VARIABLES
from cds_service.policy.language.steps import Member
from cds_service.policy.library.action import Action
from cds_service.policy.library.value_sets import ValueSets
from cds_service.policy.run.inputs import (
    HISTORY,
    OF_THE_ORDER,
    CodeFilter,
    DateFilter,
    Input,
)

_ID = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_UNHEEDED = ("profile", "limit", "sort", "subjectCodeableConcept", "subjectReference")
_ORDER = "order"
# Variables that every rule has; an input may name them, as other engines want it.
_STANDING = {"Coverage": "coverage", "Patient": "patient"}
_UCUM_UNITS = {"a": "year", "mo": "month", "wk": "week", "d": "day"}  # UCUM, as R4 Duration has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The codes that an order's input filters by; `code_set` is None where it has no filter."""

    order_type: str
    code_set: CodeSet | None


class InputReader:
    """Reads the inputs of rules; ValueSets are the library's."""

    def __init__(self, value_sets: ValueSets, model: ElementModel) -> None:
        self._value_sets, self._model = value_sets, model

    def read_order(self, action: Action) -> Filter:
        """The first input of a rule: what kind of order it is for, and its codes.

        Raises:
            ArtifactError: there is none, or it asks for what an index by codes cannot keep.
        """
        inputs = objects(action.json.get("input"))
        if not inputs:
            raise action.broken(".input", "a rule's first input is the kind of order it is for")
        return self._order(action, inputs[0], ".input[0]")

    def read_others(self, action: Action) -> dict[str, Input]:
        """The other inputs of a rule by their ids, which are variables of it.

        Raises:
            ArtifactError: one asks for what this service does not gather.
        """
        return self._others(action, list(enumerate(objects(action.json.get("input"))))[1:])

    def read_shared(self, outer: Action) -> tuple[Filter | None, dict[str, Input]]:
        """The inputs of an outer action: its order's, if it has one, and what all its rules read.

        Ids are unique in a resource, so what two rules read stands above both.

        Raises:
            ArtifactError: one asks for what this service does not gather.
        """
        inputs = list(enumerate(objects(outer.json.get("input"))))
        orders = [(number, written) for number, written in inputs if _is_order(written)]
        filters = [self._order(outer, written, f".input[{number}]") for number, written in orders]
        others = self._others(outer, [pair for pair in inputs if pair not in orders])
        return (filters[0] if filters else None), others

    def _order(self, action: Action, order: JsonObject, where: str) -> Filter:
        kind = _order_type(action, order, f"{where}.type")
        if text(order.get("id")) not in ("", _ORDER):
            problem = "the id of the order's input is `order`, for that is its variable"
            raise action.broken(f"{where}.id", problem)
        _check_heeded(action, order, where, (*_UNHEEDED, "dateFilter"))
        _check_promised(action, order, where)
        filters = objects(order.get("codeFilter"))
        if len(filters) > 1:
            problem = "a rule has at most one filter: several would all have to match"
            raise action.broken(f"{where}.codeFilter", problem)
        if not filters:
            return Filter(order_type=kind, code_set=None)
        if text(filters[0].get("path")) != "code":
            problem = "the path of the filter is `code`: the order's own codes"
            raise action.broken(f"{where}.codeFilter[0].path", problem)
        code_set = self._codes(action, filters[0], f"{where}.codeFilter[0]")
        if code_set.takes_whole_systems:
            problem = "the filter takes a whole code system; without one a rule is for every order"
            raise action.broken(f"{where}.codeFilter[0]", problem)
        return Filter(order_type=kind, code_set=code_set)

    def _others(self, action: Action, inputs: Iterable[tuple[int, JsonObject]]) -> dict[str, Input]:
        found: dict[str, Input] = {}
        for number, written in inputs:
            where = f".input[{number}]"
            kind, name = text(written.get("type")), text(written.get("id"))
            _check_heeded(action, written, where, _UNHEEDED)
            if _STANDING.get(kind) == name:
                _check_heeded(action, written, where, ("codeFilter", "dateFilter"))
                continue
            _check_name(action, where, name, kind, found)
            found[name] = Input(
                id=name,
                type=kind,
                code_filters=tuple(self._code_filters(action, written, where)),
                date_filters=tuple(self._date_filters(action, written, where)),
                codings=tuple(self._searched(action, written, where)),
            )
        return found

    def _codes(self, action: Action, code_filter: JsonObject, where: str) -> CodeSet:
        """`valueSet` and `code` of one filter add up (R4 DataRequirement.codeFilter)."""
        codes = objects(code_filter.get("code"))
        if not all(coding.get("system") and coding.get("code") for coding in codes):
            raise action.broken(f"{where}.code", "a code needs a system")
        if "searchParam" in code_filter:
            raise action.broken(f"{where}.searchParam", "name the element by `path`")
        canonical = text(code_filter.get("valueSet"))
        value_set = self._value_sets.find(canonical) if canonical else None
        if canonical and value_set is None:
            problem = f"`{canonical}` is not in the library (pin `url|version`)"
            raise action.broken(f"{where}.valueSet", problem)
        listed = read_codings({"coding": list(codes)})
        if not (listed or value_set):
            raise action.broken(where, "the filter lists no code")
        return _together(listed, value_set)

    def _code_filters(
        self, action: Action, written: JsonObject, where: str
    ) -> Iterator[CodeFilter]:
        for number, code_filter in enumerate(objects(written.get("codeFilter"))):
            at = f"{where}.codeFilter[{number}]"
            path = self._path(action, written, code_filter, at)
            yield CodeFilter(path=path, codes=self._codes(action, code_filter, at))

    def _searched(self, action: Action, written: JsonObject, where: str) -> tuple[Coding, ...]:
        """The codes of the filter on the type's own code, if it lists them."""
        for number, code_filter in enumerate(objects(written.get("codeFilter"))):
            if code_filter.get("path") == HISTORY.get(text(written.get("type"))):
                at = f"{where}.codeFilter[{number}]"
                return self._codes(action, code_filter, at).codings
        return ()

    def _date_filters(
        self, action: Action, written: JsonObject, where: str
    ) -> Iterator[DateFilter]:
        for number, date_filter in enumerate(objects(written.get("dateFilter"))):
            at = f"{where}.dateFilter[{number}]"
            path = self._path(action, written, date_filter, at)
            if "valuePeriod" in date_filter:
                yield DateFilter(path=path, period=period_days(first(date_filter["valuePeriod"])))
            elif "valueDuration" in date_filter:
                amount, unit = _duration(action, first(date_filter["valueDuration"]), at)
                yield DateFilter(path=path, period=None, amount=amount, unit=unit)
            else:
                raise action.broken(at, "states a valuePeriod or a valueDuration")

    def _path(
        self, action: Action, written: JsonObject, filtered: JsonObject, where: str
    ) -> tuple[Member, ...]:
        names = tuple(text(filtered.get("path")).split("."))
        kind = text(written.get("type"))
        fault = self._model.fault(kind, names) if all(names) else "names no element"
        if fault:
            raise action.broken(f"{where}.path", fault)
        return tuple(Member(name=name, choices=self._model.choices(name)) for name in names)


def _order_type(action: Action, order: JsonObject, where: str) -> str:
    """The kind of order that an input is for; a rule for visits themselves would never apply."""
    kind = text(order.get("type"))
    if kind not in ORDER_KINDS:
        raise action.broken(where, f"`{order.get('type')}` is no kind of order")
    if ruled_as := ORDER_KINDS[kind].ruled_as:
        raise action.broken(where, f"`{kind}` is ruled as what it is for: write {ruled_as}")
    return kind


def _is_order(written: JsonObject) -> bool:
    return text(written.get("id")) == _ORDER


def _check_heeded(
    action: Action, written: JsonObject, where: str, unheeded: tuple[str, ...]
) -> None:
    for name in unheeded:
        if name in written:
            problem = f"`{name}` would not be heeded; say it in a condition"
            raise action.broken(f"{where}.{name}", problem)


def _check_promised(action: Action, order: JsonObject, where: str) -> None:
    """Pass if the elements named as needed are those that may be read (CRD conf-8)."""
    kind = text(order.get("type"))
    for number, path in enumerate(order.get("mustSupport", ())):
        if not is_promised(kind, tuple(text(path).split("."))):
            problem = (
                f"CRD's profile does not promise `{path}`, but {promised_paths(kind)} (conf-8)"
            )
            raise action.broken(f"{where}.mustSupport[{number}]", problem)


def _check_name(action: Action, where: str, name: str, kind: str, found: dict[str, Input]) -> None:
    if kind not in HISTORY and kind not in OF_THE_ORDER:
        known = ", ".join(sorted((*HISTORY, *OF_THE_ORDER, *_STANDING)))
        raise action.broken(f"{where}.type", f"`{kind}` is not gathered here, but {known} are")
    if not _ID.fullmatch(name):
        raise action.broken(f"{where}.id", "an input has an id, by which conditions read it")
    if name in found or name in VARIABLES:
        raise action.broken(f"{where}.id", f"`%{name}` is a variable already")


def _together(listed: tuple[Coding, ...], value_set: CodeSet | None) -> CodeSet:
    if value_set and not listed:
        return value_set
    own = CodePart(keys=frozenset(coding.key for coding in listed), codings=listed)
    parts = [(part,) for part in (value_set, own) if part]
    return CodeSet(
        includes=tuple(parts),
        covered=frozenset().union(*(part.covered for (part,) in parts)),
        codings=(*(value_set.codings if value_set else ()), *listed),
        is_listed=all(part.is_listed for (part,) in parts),
    )


def _duration(action: Action, duration: JsonObject, where: str) -> tuple[int, str]:
    unit = text(duration.get("code")) or text(duration.get("unit"))
    amount = text(duration.get("value"))
    try:
        return int(amount), _UCUM_UNITS.get(unit) or calendar_unit(unit)
    except (ValueError, ExpressionError) as error:
        problem = "a duration is a whole number of years, months, weeks or days"
        raise action.broken(f"{where}.valueDuration", problem) from error
