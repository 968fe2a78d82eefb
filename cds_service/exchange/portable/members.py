"""Whom a rule that travels is for: what the Coverage must look like for the answer to be sure.

The cases are few: a member of any kind, one whose Coverage is of a type that only one plan of the
payer has, and one whose Coverage names a plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.crd.request.membership import Membership, Payer, Plan
from cds_service.fhir.coding import Coding, read_codings
from cds_service.fhir.resource import JsonObject
from cds_service.policy.plans import find_plan

COVERAGE_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCase:
    """Members alike in what a Coverage tells of their plan.

    Without a `plan`, members of every kind. A `type` is the only coding of the Coverage's type;
    `named` is whether its class names the plan.
    """

    plan: Plan | None = None
    type: Coding | None = None
    named: bool = False

    @property
    def coverage(self) -> JsonObject:
        """The least Coverage of such a member."""
        coverage: JsonObject = {"resourceType": "Coverage", "status": "active"}
        if self.type:
            coverage["type"] = {"coding": [self.type.to_json()]}
        if self.plan and self.named:
            concept = {"coding": [{"system": COVERAGE_CLASS, "code": "plan"}]}
            coverage["class"] = [{"type": concept, "value": min(self.plan.identifiers)}]
        return coverage

    def of(self, payer: Payer) -> Membership:
        """Such a member of this payer, of whom nothing else is known."""
        return Membership(
            coverage=self.coverage, coverage_key=None, payer=payer, plan=self.plan, patient=None
        )


ANYONE = MemberCase()


def member_cases(payer: Payer) -> Iterator[MemberCase]:
    """Every case of a payer in which the plan is sure, whoever and wherever the member is."""
    types = dict.fromkeys(
        Coding(coding.system, coding.code)
        for plan in payer.plans
        for coding in read_codings(plan.resource.get("type"))
    )
    for coding in types:
        plan = find_plan(MemberCase(type=coding).coverage, None, payer.plans)
        if plan:
            yield MemberCase(plan=plan, type=coding)
    for named in payer.plans:
        if named.identifiers and _is_found_by_name(named, payer):
            yield MemberCase(plan=named, named=True)
            yield from (MemberCase(plan=named, named=True, type=coding) for coding in types)


def _is_found_by_name(plan: Plan, payer: Payer) -> bool:
    """Whether each of its identifiers leads to this plan alone."""
    return not any(
        plan.identifiers & other.identifiers for other in payer.plans if other is not plan
    )
