"""A policy's own tests: orders with the determination that its payer expects.

They stand in `cases.json` beside the PlanDefinition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.order import day_of_service, read_order
from cds_service.errors import ArtifactError
from cds_service.fhir.resource import JsonObject, decode, objects
from cds_service.policy.library.artifacts import CASES
from cds_service.policy.payers import resolve_membership
from cds_service.policy.run.adjudication import determine
from cds_service.policy.run.index import PolicyIndex

_ORDER = {
    "resourceType": "ServiceRequest",
    "id": "order",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/member"},
}
_EXPECTABLE = frozenset({"covered", "rule", "info-needed", "says"})
_HOOK = HOOKS["order-sign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One order of one member on one day, and what is expected."""

    file: Path
    name: str
    order: JsonObject
    member: JsonObject
    day: str
    expect: JsonObject


def read_cases(directory: Path) -> Iterator[Case]:
    """Every case under a library directory.

    Raises:
        ArtifactError: a cases file is not what it should be.
    """
    for file in sorted(directory.rglob(CASES)):
        try:
            written = decode(file.read_bytes())
            members = written["members"]
            yield from [_case(file, members, case) for case in objects(written["cases"])]
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(file, "$", f"not a cases file: {error!r}") from error


def _case(file: Path, members: JsonObject, written: JsonObject) -> Case:
    name, member, expect = written["name"], members[written["member"]], written["expect"]
    if not isinstance(member["coverage"], dict):
        raise ValueError(f"{name}: the member's `coverage` is not a resource")
    if not {"covered", "rule"} <= set(expect) <= _EXPECTABLE:
        raise ValueError(
            f"{name}: a case expects `covered` and `rule`, and at most {sorted(_EXPECTABLE)}"
        )
    return Case(
        file=file,
        name=name,
        order={**_ORDER, "occurrenceDateTime": written["date"], **written["order"]},
        member=member,
        day=written["date"],
        expect=expect,
    )


def run_case(case: Case, index: PolicyIndex) -> OrderAnswer:
    """What the library determines for the case."""
    resources = [case.member[name] for name in ("patient", "coverage") if name in case.member]
    chart = index_chart([Found(resource) for resource in resources], patient_id="member")
    order = read_order(case.order)
    membership = resolve_membership(case.member["coverage"], chart, index.payers)
    return determine(order, membership, day_of_service(order, date.max), index=index, hook=_HOOK)


def differences(case: Case, answer: OrderAnswer) -> list[str]:
    """How the answer differs from what the case expects, in words; nothing if it does not."""
    if unknown := set(case.expect) - _EXPECTABLE:
        return [f"expects `{min(unknown)}`, which is nothing to expect"]
    if len(answer.determinations) != 1:
        return [f"is answered in {len(answer.determinations)} determinations"]
    (determination,) = answer.determinations
    return list(_differences(case.expect, determination))


def _differences(expect: JsonObject, determination: Determination) -> Iterator[str]:
    rules = [citation.rule_id for citation in determination.citations]
    rule = expect.get("rule")
    info_needed = sorted(determination.info_needed)
    compared = (
        ("covered", determination.covered.value, expect["covered"]),
        ("rule", rules, [rule] if rule else []),
        ("info-needed", info_needed, sorted(expect.get("info-needed", info_needed))),
    )
    for what, found, expected in compared:
        if found != expected:
            yield f"{what} is {found}, expected {expected}"
    words = _words(determination)
    for wanted in expect.get("says", ()):
        if wanted not in words:
            yield f"does not say `{wanted}`"


def _words(determination: Determination) -> str:
    """All that a clinician reads of a determination: reasons, details, ways of contact."""
    reasons = [reason.text for reason in determination.reasons]
    details = [str(detail.value) for detail in determination.details]
    ways = [way for contact in determination.contacts for _, way in contact.telecom]
    return " ".join([*reasons, *details, *ways])
