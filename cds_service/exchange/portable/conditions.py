"""The conditions of an action that travels: what has to be so for its answer to be ours.

All of them must hold, and each is true or nothing: what an engine cannot evaluate, or what it does
not know, leaves the action out. The first is FHIRPath over the order; the others need CQL, because
such an engine has the Coverage by retrieving it only. None needs a Library.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from cds_service.crd.codes import BILLING_OPTIONS, CANONICAL_BASE
from cds_service.exchange.portable.certainty import Certain
from cds_service.exchange.portable.members import ANYONE
from cds_service.exchange.portable.order_kinds import PORTABLE_KINDS, PortableKind
from cds_service.exchange.portable.plan_tests import quoted, tests_of_members
from cds_service.fhir.coding import Coding, spellings

FHIRPATH, CQL = "text/fhirpath", "text/cql-expression"
(_OWN_BASE,) = spellings(CANONICAL_BASE)
_OPTIONS = BILLING_OPTIONS.rpartition("/")[2]


class PortableCondition(NamedTuple):
    """One condition, in words and as an expression."""

    description: str
    language: str
    expression: str


def conditions_of(
    certain: Certain, systems: Iterable[str], order: str
) -> tuple[PortableCondition, ...]:
    """The conditions under which an order is answered as our engine would answer it.

    `systems` are the code systems in which the payer has rules, `order` is the variable that the
    order is bound to, with its percent sign.
    """
    kind = PORTABLE_KINDS[certain.rule.order_type]
    concept, coding = kind.concept.format(order=order), certain.coding
    day = _day(kind, order)
    return (
        PortableCondition(
            f"The order has the code {coding.code}",
            FHIRPATH,
            f"{concept}.coding.exists({_is_coding('', coding)})",
        ),
        PortableCondition(
            "It has no other code that a policy of this payer may speak of, is billed by none but "
            "its own, and nothing in it turns its meaning around",
            CQL,
            " and ".join(_nothing_else(kind, coding, systems, order)),
        ),
        PortableCondition(
            f"The service is {_days_in_words(certain)}",
            CQL,
            " and ".join(_in_time(day, *certain.days)),
        ),
        PortableCondition(_whom(certain), CQL, _covered_by(certain, day)),
    )


def _is_coding(prefix: str, coding: Coding) -> str:
    return f"{prefix}system = {quoted(coding.system)} and {prefix}code = {quoted(coding.code)}"


def _nothing_else(
    kind: PortableKind, coding: Coding, systems: Iterable[str], order: str
) -> Iterator[str]:
    """What makes our engine see in the order more than its one code."""
    concept = kind.concept.format(order=order)
    # An export may change our base, so a system under it is known by the rest of its address.
    other_names = {name.removeprefix(_OWN_BASE) for system in systems for name in spellings(system)}
    others = " and ".join(
        f"PositionOf({quoted(name)}, Lower(T.system)) = -1" for name in sorted(other_names)
    )
    yield (
        f"not exists(({concept}.coding) T where "
        f"(({_is_coding('T.', coding)}) or ({others})) is not true)"
    )
    for holder in (order, concept):
        yield (
            f"not exists(({holder}.extension) E where "
            f"(PositionOf({quoted(_OPTIONS)}, E.url) = -1) is not true)"
        )
    for part in kind.modifiable:
        yield f"not exists({part.format(order=order)}.modifierExtension)"
    if kind.can_prohibit:
        yield f"({order}.doNotPerform is null or {order}.doNotPerform = false)"


def _day(kind: PortableKind, order: str) -> str:
    """The day of service as the order states it (design: 4.6); nothing if it states none."""
    written = f"date from {order}.authoredOn"
    if not kind.is_planned:
        return f"({written})"
    planned = f"date from ({order}.occurrence as FHIR.dateTime)"
    return f"(if {order}.occurrence is null then {written} else {planned})"


def _in_time(day: str, first: date, last: date) -> Iterator[str]:
    yield f"{day} >= @{first.isoformat()}"
    if last != date.max:
        yield f"{day} <= @{last.isoformat()}"


def _days_in_words(certain: Certain) -> str:
    first, last = certain.days
    begun = f"on {first.isoformat()} or later"
    return begun if last == date.max else f"{begun}, and not after {last.isoformat()}"


def _whom(certain: Certain) -> str:
    active = "The member's only Coverage is active on that day"
    if certain.members == (ANYONE,):
        return active
    plans = dict.fromkeys(case.plan.name for case in certain.members if case.plan)
    return f"{active}, and its plan can only be {' or '.join(plans)}"


def _covered_by(certain: Certain, day: str) -> str:
    """One Coverage in force, of a plan for whose members the answer is certain."""
    in_force = [
        "C.status = 'active'",
        f"(C.period.start is null or date from C.period.start <= {day})",
        f"(C.period.end is null or {day} <= date from C.period.end)",
    ]
    tested = " and ".join((*in_force, *tests_of_members(certain.members)))
    return f"Count([Coverage]) = 1 and not exists([Coverage] C where ({tested}) is not true)"
