"""Plans: which of a payer's plans a Coverage belongs to.

One that cannot be told is unknown, and unknown is not "no".
"""

from collections.abc import Iterable, Sequence

from cds_service.crd.request.membership import Plan
from cds_service.fhir.coding import SOURCE_OF_PAYMENT, CodingKey, read_codings
from cds_service.fhir.resource import JsonObject, follow, objects, text

_POSTAL_CODE = 2  # letters in a state code; a name we do not know is no certain state
# Medicare, Medicaid, other government, corrections, private; 7 to 9 name no line of business.
_NAMED_LINES = frozenset("12345")
_BLUE_CROSS = {"6": "5"}  # private insurance too
PLAN_CLASS = CodingKey("terminology.hl7.org/codesystem/coverage-class", "PLAN")


def find_plan(
    coverage: JsonObject, patient: JsonObject | None, plans: Sequence[Plan]
) -> Plan | None:
    """The plan that the class `plan` names, else the only one that fits type and state."""
    named = {
        text(coverage_class.get("value"))
        for coverage_class in objects(coverage.get("class"))
        if _is_plan_class(coverage_class)
    }
    by_name = [plan for plan in plans if plan.identifiers & named]
    if by_name:
        return _only(by_name)
    types = frozenset(coding.key for coding in read_codings(coverage.get("type")))
    by_type = [plan for plan in plans if _shares_type(plan, types)]
    return _only(_narrowest(by_type, _states(patient)))


def names_other_line(coverage: JsonObject, plan: Plan) -> bool:
    """Whether the Coverage's type names a line of business that is not the plan's.

    Medicaid is none of Medicare's plans, whichever of them a member might have. Source of Payment
    codes are told apart by their first digit; what that leaves open names no line.
    """
    stated = _lines(coding.key for coding in read_codings(coverage.get("type")))
    own = _lines(plan.types)
    return bool(stated and own) and stated <= _NAMED_LINES and stated.isdisjoint(own)


def _lines(keys: Iterable[CodingKey]) -> frozenset[str]:
    codes = (key.code for key in keys if key.system == SOURCE_OF_PAYMENT)
    return frozenset(_BLUE_CROSS.get(code[:1], code[:1]) for code in codes)


def _is_plan_class(coverage_class: JsonObject) -> bool:
    return any(coding.key == PLAN_CLASS for coding in read_codings(coverage_class.get("type")))


def _shares_type(plan: Plan, types: frozenset[CodingKey]) -> bool:
    """Whether a type is shared, and no code system that both use contradicts it.

    A Coverage may be typed in several systems at once. `HMO` in one fits an HMO plan; `PPO` beside
    it in a second system that the plan is typed in too speaks against it, and then the plan is
    unknown rather than guessed.
    """
    shared = plan.types & types
    systems_of_both = {key.system for key in plan.types} & {key.system for key in types}
    return bool(shared) and systems_of_both == {key.system for key in shared}


def _states(patient: JsonObject | None) -> frozenset[str]:
    """The states of the member's current addresses, as letter codes where they are written so."""
    addresses = follow(patient or {}, ("address",))
    current = (address for address in addresses if address.get("use") != "old")
    states = (text(address.get("state")).upper().removeprefix("US-") for address in current)
    return frozenset(state for state in states if state)


def _narrowest(fitting: list[Plan], states: frozenset[str]) -> list[Plan]:
    """Plans for the member's state before plans for any.

    None if an area matters and the state is not certain.

    A plan without an area covers everyone, so it yields to one that names the member's state. But
    who may live in a plan's area, or outside it, must not be counted out of it: which plan he has
    is then unknown.
    """
    if not any(plan.states for plan in fitting):
        return fitting
    if not _is_certain(states, fitting):
        return []
    here = [plan for plan in fitting if plan.states & states]
    return here or [plan for plan in fitting if not plan.states]


def _is_certain(states: frozenset[str], fitting: list[Plan]) -> bool:
    """Whether the states tell inside from outside of every area.

    One state in several spellings (`CA`, `California`) is certain where one plan knows them all;
    else only a single letter code is, since a name that no plan knows may be one of its states in
    other words.
    """
    if any(states <= plan.states for plan in fitting):
        return bool(states)
    return len(states) == 1 and all(len(state) == _POSTAL_CODE for state in states)


def _only(plans: list[Plan]) -> Plan | None:
    return plans[0] if len(plans) == 1 else None
