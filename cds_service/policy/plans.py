"""Plans: which of a payer's plans a Coverage belongs to. One that cannot be told is unknown, and unknown is not "no"."""

from collections.abc import Sequence

from cds_service.crd.request.membership import Plan
from cds_service.fhir.coding import CodingKey, read_codings
from cds_service.fhir.resource import JsonObject, follow, objects, text

_POSTAL_CODE = 2  # letters in a state code; a name we do not know is no certain state
PLAN_CLASS = CodingKey("terminology.hl7.org/codesystem/coverage-class", "PLAN")


def find_plan(
    coverage: JsonObject, patient: JsonObject | None, plans: Sequence[Plan]
) -> Plan | None:
    """The plan named by the class `plan`, else the only one that fits `Coverage.type` and the member's state."""
    named = {
        text(one.get("value")) for one in objects(coverage.get("class")) if _is_plan_class(one)
    }
    by_name = [plan for plan in plans if plan.identifiers & named]
    if by_name:
        return _only(by_name)
    types = frozenset(coding.key for coding in read_codings(coverage.get("type")))
    return _only(
        _narrowest([plan for plan in plans if _shares_type(plan, types)], _states(patient))
    )


def _is_plan_class(value: JsonObject) -> bool:
    return any(coding.key == PLAN_CLASS for coding in read_codings(value.get("type")))


def _shares_type(plan: Plan, types: frozenset[CodingKey]) -> bool:
    """Whether a type is shared, and no code system that both use contradicts it."""
    shared = plan.types & types
    both = {one.system for one in plan.types} & {one.system for one in types}
    return bool(shared) and both == {one.system for one in shared}


def _states(patient: JsonObject | None) -> frozenset[str]:
    current = [one for one in follow(patient or {}, ("address",)) if one.get("use") != "old"]
    states = (text(address.get("state")).upper().removeprefix("US-") for address in current)
    return frozenset(state for state in states if state)


def _narrowest(fitting: list[Plan], states: frozenset[str]) -> list[Plan]:
    """Plans for the member's state before plans for any; none if an area matters and the state is not certain."""
    areas = frozenset(state for plan in fitting for state in plan.states)
    if not areas:
        return fitting
    if not _is_certain(states, fitting):
        return []
    return [plan for plan in fitting if plan.states & states] or [
        plan for plan in fitting if not plan.states
    ]


def _is_certain(states: frozenset[str], fitting: list[Plan]) -> bool:
    if any(states <= plan.states for plan in fitting):  # one state, in one spelling or several
        return bool(states)
    return len(states) == 1 and all(len(state) == _POSTAL_CODE for state in states)


def _only(plans: list[Plan]) -> Plan | None:
    return plans[0] if len(plans) == 1 else None
