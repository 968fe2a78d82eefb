"""What a Coverage must say for its plan to be one of certain ones, in CQL.

As our engine finds a plan: by the class `plan`, else by the type.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from cds_service.exchange.portable.members import ANYONE, COVERAGE_CLASS, MemberCase
from cds_service.fhir.coding import Coding

# Classes of a Coverage that name no plan (FHIR R4, coverage-class).
_OTHER_CLASSES = "group subgroup subplan class subclass sequence rxbin rxpcn rxid rxgroup".split()


def quoted(text: str) -> str:
    """A string of FHIRPath or CQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def tests_of_members(members: Sequence[MemberCase]) -> Iterator[str]:
    """What the Coverage `C` of one of these members is tested for; nothing for anyone."""
    if ANYONE in members:
        return
    by_class: dict[frozenset[str], list[MemberCase]] = defaultdict(list)
    for case in members:
        named = case.plan.identifiers if case.plan and case.named else frozenset()
        by_class[named].append(case)
    alternatives = [
        f"{_named(named) if named else _unnamed()} and {_typed(cases)}"
        for named, cases in by_class.items()
    ]
    yield f"({' or '.join(f'({alternative})' for alternative in alternatives)})"


def _unnamed() -> str:
    """No class of the Coverage may name a plan."""
    return f"not exists(C.class K where {_may_name_a_plan()})"


def _may_name_a_plan() -> str:
    others = _list(_OTHER_CLASSES)
    return f"exists(K.type.coding T where (T.code in {others}) is not true)"


def _named(identifiers: frozenset[str]) -> str:
    """A class names the plan by one of these, and none may name another."""
    is_named = f"K.value in {_list(sorted(identifiers))}"
    is_plan = (
        f"exists(K.type.coding T where T.system = {quoted(COVERAGE_CLASS)} "
        f"and T.code = {quoted('plan')})"
    )
    return (
        f"exists(C.class K where {is_plan} and {is_named}) "
        f"and not exists(C.class K where {_may_name_a_plan()} and ({is_named}) is not true)"
    )


def _typed(cases: Iterable[MemberCase]) -> str:
    """The type has one coding, which is among these; or none, where that is one of the cases."""
    codings = [case.type for case in cases if case.type]
    alternatives = [f"Count(C.type.coding) = 1 and exists(C.type.coding T where {_among(codings)})"]
    if not codings:
        alternatives = []
    if any(case.type is None for case in cases):
        alternatives.append("not exists(C.type.coding)")
    return f"({' or '.join(f'({alternative})' for alternative in alternatives)})"


def _among(codings: Iterable[Coding]) -> str:
    by_system: dict[str, list[str]] = defaultdict(list)
    for coding in codings:
        by_system[coding.system].append(coding.code)
    return " or ".join(
        f"(T.system = {quoted(system)} and T.code in {_list(codes)})"
        for system, codes in by_system.items()
    )


def _list(values: Iterable[str]) -> str:
    return "{" + ", ".join(map(quoted, values)) + "}"
