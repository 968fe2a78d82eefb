"""Calls that name many things: their work grows with the number, and no faster (OWASP API4).

No test here looks at a clock: work is counted in steps of the interpreter.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from answering import Answered, Service, make_service, problems
from crowds import (
    CROWDS,
    Crowd,
    addresses,
    appointments_for_orders_named_by_identifier,
    billing_options,
    billing_options_a_policy_lists,
    billing_options_and_codings,
    codings,
    commercial,
    contained_medications,
    contained_orders_behind_an_appointment,
    coverages,
    coverages_of_an_older_client,
    dispatched_orders_looked_for_in_vain,
    dispatched_orders_to_ask_for,
    displays_a_policy_reads,
    drafts_beside_the_selected_one,
    earlier_answers,
    earlier_answers_of_others,
    orders,
    orders_behind_an_appointment,
    orders_of_several_coverages,
    orders_sharing_a_medication,
    selections,
    ways_of_billing,
    words_that_deny_and_affirm,
)
from every_hook import LISTED, NOT_IN_A_POLICY, UNLISTED
from hook_requests import service_request
from scripted_ehr import ScriptedEhr
from steps import TENFOLD, count_steps, growth, with_ticks

from cds_service.cds_hooks.request import HookRequest, HookRequestParser
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

REFERENCES = "too many references to orders in one call: this service reads at most 500"
ORDERS = "too many orders in one call: this service reads at most 250"
CODINGS = "too many codings of one order: this service reads at most 1,000"
WORDS = "too many texts and displays of codes in one call: this service reads at most 10,000"
CONTAINED = "too many contained resources in one resource: this service reads at most 250"

# What nobody asks for, how much of it, and the words in which it is refused.
BEYOND: tuple[tuple[Crowd, int, str], ...] = (
    (contained_orders_behind_an_appointment, 4_000, REFERENCES),
    (contained_orders_behind_an_appointment, 300, CONTAINED),
    (contained_medications, 4_000, CONTAINED),
    (billing_options_and_codings, 1_600, CODINGS),
    (billing_options_a_policy_lists, 4_000, CODINGS),
    (dispatched_orders_looked_for_in_vain, 8_000, REFERENCES),
    (dispatched_orders_to_ask_for, 16_000, REFERENCES),
    (orders, 1_000, ORDERS),
    (drafts_beside_the_selected_one, 4_900, ORDERS),
    (orders_behind_an_appointment, 400, ORDERS),
    (orders_behind_an_appointment, 1_000, REFERENCES),
    (appointments_for_orders_named_by_identifier, 3_000, REFERENCES),
    (codings, 50_000, CODINGS),
    (billing_options, 1_001, CODINGS),
    (displays_a_policy_reads, 5_000, CODINGS),
    (orders_sharing_a_medication, 101, WORDS),
)

# What is no answer, however few there are: two Coverages, and orders that are not there.
REFUSED_FOR_WHAT_THEY_ARE: Mapping[Crowd, int] = {
    coverages: 400,
    dispatched_orders_looked_for_in_vain: 422,
    dispatched_orders_to_ask_for: 422,
}

# The largest crowds that are read whole, and the smallest that are not.
LAST_AND_FIRST: tuple[tuple[Crowd, int, int], ...] = (
    (orders, 250, 251),
    (orders_behind_an_appointment, 250, 251),
    (codings, 1_000, 1_001),
    (billing_options_a_policy_lists, 1_000, 1_001),
    (billing_options_and_codings, 1_000, 1_002),
    (contained_medications, 250, 251),
    (dispatched_orders_looked_for_in_vain, 500, 501),
    (dispatched_orders_to_ask_for, 500, 501),
    (orders_sharing_a_medication, 100, 101),
)

# What has no limit of its own: it costs no more than its length.
LARGE: tuple[tuple[Crowd, int, int], ...] = (
    (earlier_answers, 20_000, 200),
    (earlier_answers_of_others, 20_000, 200),
    (coverages, 4_000, 400),
    (coverages_of_an_older_client, 4_000, 200),
    (orders_of_several_coverages, 250, 200),
    (words_that_deny_and_affirm, 5_000, 200),
    (selections, 50_000, 200),
    (addresses, 20_000, 200),
)


class TickingParser(HookRequestParser):
    """Reads requests so that comparing their objects takes steps."""

    def parse(self, body: bytes) -> HookRequest:
        """The request with a Tick in every object of its context and prefetch."""
        request = super().parse(body)
        return replace(
            request, context=with_ticks(request.context), prefetch=with_ticks(request.prefetch)
        )


class ScanningParser(TickingParser):
    """Looks for each coding among all of them: what the tests here must find."""

    def parse(self, body: bytes) -> HookRequest:
        """The request, read no faster than the square of its codings."""
        request = super().parse(body)
        (entry,) = request.context["draftOrders"]["entry"]
        listed = entry["resource"]["code"]["coding"]
        assert [listed.index(coding) for coding in listed] == list(range(len(listed)))
        return request


@pytest.fixture(scope="module")
def service() -> Service:
    """The service with an EHR that holds nothing."""
    return make_service(ScriptedEhr())


@pytest.fixture(scope="module")
def cost(service: Service) -> Callable[[JsonObject], int]:
    """The steps that a call takes; the comparisons of its objects among them."""
    ticking = read_by(TickingParser, service)
    return lambda request: steps_of(ticking, request)


def read_by(parser: type[HookRequestParser], service: Service) -> Service:
    """The service with another parser of requests."""
    pipelines = service.pipelines.items()
    return Service({hook: replace(pipeline, parser=parser(hook)) for hook, pipeline in pipelines})


def steps_of(service: Service, request: JsonObject) -> int:
    """The steps that a service takes for a call."""
    body = encode(request)
    service.answer(request["hook"], body)  # the first call of a kind does more
    return count_steps(lambda: service.answer(request["hook"], body))


def answer(service: Service, request: JsonObject) -> Answered:
    """The outcome of a call."""
    return service.answer(request["hook"], encode(request))


def named(value: object) -> str:
    """A name for a parameter that is a crowd."""
    return getattr(value, "__name__", str(value))


@pytest.mark.long
@pytest.mark.parametrize(("crowd", "few"), CROWDS.items(), ids=named)
def test_ten_times_as_many_cost_at_most_twelve_times_the_steps(
    cost: Callable[[JsonObject], int], crowd: Crowd, few: int
) -> None:
    """Whatever a request lists, and also where what it lists meets another list."""
    assert growth(lambda many: cost(crowd(many)), few) <= TENFOLD


@pytest.mark.parametrize(("crowd", "few"), CROWDS.items(), ids=named)
def test_a_crowd_gets_a_sound_answer(service: Service, crowd: Crowd, few: int) -> None:
    """Many things are answered as well as few, up to the limits."""
    request = crowd(10 * few)
    answered = answer(service, request)

    assert answered.status == REFUSED_FOR_WHAT_THEY_ARE.get(crowd, 200)
    assert problems(answered, request) == []


@pytest.mark.parametrize(("crowd", "many", "status"), LARGE, ids=named)
def test_what_has_no_limit_is_answered_however_much_there_is(
    service: Service, crowd: Crowd, many: int, status: int
) -> None:
    """An order may carry the answers of twenty thousand payers, and gets them back."""
    request = crowd(many)
    answered = answer(service, request)

    assert answered.status == status
    assert problems(answered, request) == []


@pytest.mark.parametrize(("crowd", "many", "words"), BEYOND, ids=named)
def test_a_call_beyond_a_limit_is_refused_with_the_limit_in_words(
    service: Service, crowd: Crowd, many: int, words: str
) -> None:
    """413 for what no person asks for: which list it is, and how long it may be."""
    answered = answer(service, crowd(many))

    assert (answered.status, answered.problem) == (413, words)


@pytest.mark.parametrize(("crowd", "last", "first"), LAST_AND_FIRST, ids=named)
def test_as_many_as_the_limit_are_answered_and_one_more_is_not(
    service: Service, crowd: Crowd, last: int, first: int
) -> None:
    """A limit is the last number that is answered."""
    statuses = [answer(service, crowd(many)).status for many in (last, first)]

    assert statuses == [REFUSED_FOR_WHAT_THEY_ARE.get(crowd, 200), 413]


@pytest.mark.long
@pytest.mark.parametrize(("crowd", "last", "first"), LAST_AND_FIRST, ids=named)
def test_refusing_costs_hardly_more_than_answering(
    cost: Callable[[JsonObject], int], crowd: Crowd, last: int, first: int
) -> None:
    """Nothing is decided of a call that is refused; for its record, its orders are read again."""
    assert cost(crowd(first)) < 1.25 * cost(crowd(last))


@pytest.mark.long
@pytest.mark.parametrize(("crowd", "last", "first"), LAST_AND_FIRST, ids=named)
def test_refusing_ten_times_as_many_costs_at_most_twelve_times_the_steps(
    cost: Callable[[JsonObject], int], crowd: Crowd, last: int, first: int
) -> None:
    """What is refused has been read once, and no more."""
    assert cost(crowd(10 * first)) <= TENFOLD * cost(crowd(first))


def test_a_scan_that_somebody_plants_into_a_call_is_found(service: Service) -> None:
    """Even where C code does it: the tests above would fail."""
    scanning = read_by(ScanningParser, service)

    assert growth(lambda many: steps_of(scanning, codings(many)), 100) > TENFOLD


def test_nobody_is_asked_about_a_call_that_is_refused() -> None:
    """The EHR does not pay for our limits."""
    ehr = ScriptedEhr()
    answered = answer(make_service(ehr), dispatched_orders_to_ask_for(16_000))

    assert (answered.status, ehr.queries) == (413, [])


def test_what_the_order_itself_meets_is_applied_once_for_all_ways_of_billing(
    service: Service,
) -> None:
    """Two ways of billing lead to two determinations; no rule is explained twice in one way."""
    options = ways_of_billing([{"system": CPT, "code": code} for code in (LISTED, NOT_IN_A_POLICY)])
    code = {"coding": [{"system": CPT, "code": UNLISTED}], "extension": options}
    request = commercial("order-sign", {**service_request(), "code": code})
    decisions = service.pipelines["order-sign"].evaluate(encode(request)).decisions
    (decided,) = decisions.answers
    applied = [
        (trace.citation.rule_id, trace.matched, [condition.value for condition in trace.conditions])
        for trace in decided.traces
    ]

    assert len(decided.determinations) == 2
    assert [seen for seen in applied if applied.count(seen) > 1] == []
