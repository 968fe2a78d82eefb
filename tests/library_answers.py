"""The answers to all cases of the built-in policies, for tests that must hold for each of them."""

from cds_service.authoring.case_runs import run_case
from cds_service.authoring.cases import Case, read_cases
from cds_service.crd.decision.default_determinations import (
    no_active_coverage,
    no_policy,
    order_not_understood,
    payer_not_identified,
)
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.run.index import PolicyIndex


def answered_cases(index: PolicyIndex) -> list[tuple[Case, OrderAnswer]]:
    """Each case of the built-in library with the answer to it."""
    cases = list(read_cases(builtin_library()))
    return [(case, answer) for case in cases for answer in run_case(case, index).answers]


def library_determinations(index: PolicyIndex) -> list[Determination]:
    """Every determination there is: of the rules, of their cases, and the default ones."""
    from_cases = [
        determination
        for _, answer in answered_cases(index)
        for determination in answer.determinations
    ]
    from_rules = [rule.determination for rule in index.rules]
    defaults = [
        no_active_coverage(),
        no_policy("Invented"),
        order_not_understood(),
        payer_not_identified(),
    ]
    return [*from_rules, *from_cases, *defaults]
