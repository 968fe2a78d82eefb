"""Evaluation: what is computed once for all rules is the same for all of them."""

from dataclasses import replace
from datetime import date

import pytest
from hook_requests import coverage, patient, service_request

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.lookups import Lookup, Lookups
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import day_of_service, read_order
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import Collection, is_open
from cds_service.policy.language.expressions import Expression, ExpressionCompiler
from cds_service.policy.run.evaluation import Evaluation
from cds_service.policy.run.inputs import Input
from cds_service.policy.run.rules import Condition


class Bound(Evaluation):
    """An evaluation in which an input is one text, its own."""

    def input(self, wanted: Input) -> Collection:
        """The text itself."""
        return (str(wanted),)


def evaluation() -> Evaluation:
    """Of an order for a member of whom nothing else is known."""
    order = read_order(service_request("0001T"))
    chart = index_chart([Found(patient())], patient_id="member-1", lookups=Lookups())
    membership = Membership(
        coverage=coverage("acme", None),
        coverage_key=None,
        payer=None,
        plan=None,
        patient=patient(),
    )
    return Bound(order, membership, day_of_service(order, date(2026, 6, 1)), chart)


def mentions(wanted: str) -> Expression:
    """Whether an input mentions a phrase; every rule calls its input alike."""
    source = "%found.mentions('atrial fibrillation').exists()"
    return ExpressionCompiler().compile(source, {"found": wanted})


def test_two_inputs_of_one_name_are_not_taken_for_each_other() -> None:
    """The id of an input is known in its own rule only; so are the phrases found in it."""
    asked = evaluation()
    found = [asked.evaluate(mentions(text)) for text in ("atrial fibrillation", "flutter")]

    assert found == [(True,), (False,)]


def test_words_are_open_where_what_holds_the_code_could_not_be_read() -> None:
    """A Medication that was not read may say anything, as it may be coded as anything."""
    read = evaluation()
    unread = Evaluation(
        replace(read.order, unreachable=True), read.membership, read.days, read.chart
    )

    assert not is_open(read.variable("words"))
    assert is_open(unread.variable("words"))
    assert is_open(unread.variable("codes"))


@pytest.mark.crd("resp-43")
@pytest.mark.parametrize("names", [("absent", "failed"), ("failed", "absent")])
def test_a_failure_is_told_from_what_is_merely_not_there(names: tuple[str, ...]) -> None:
    """Whichever of two references comes first: causes of the same words would be one."""
    known = evaluation()
    references = [{"reference": f"Condition/{name}"} for name in names]
    order = read_order(service_request("0001T", reasonReference=references))
    lookups = Lookups({f"Condition/{name}": Lookup(name) for name in names})
    chart = replace(known.chart, lookups=lookups)
    expression = ExpressionCompiler().compile("%order.reasonReference.resolve().code.exists()", {})
    condition = Condition(description="it is for something", expression=expression)
    traced = condition.test(Evaluation(order, known.membership, known.days, chart))

    assert (traced.value, traced.failed) == (Truth.UNKNOWN, True)
    assert set(traced.causes) == {
        "a Condition that is referred to is not at hand",
        "a Condition that is referred to could not be read",
    }
