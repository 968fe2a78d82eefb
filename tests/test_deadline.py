"""The deadline of a call: what is decided in time is answered, the rest is left open (CRD found-2).

Time is a fake clock that moves only where a test says that something takes long.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from answering import TOO_LOOSE, Service, problems
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    PRIMARY,
    VERSIONS,
    annotations,
    asked_about,
    call,
    hosted,
    reason_codes,
    reference,
    updates,
    with_token,
)
from fakes import FakeLog, fake_pipeline
from hook_requests import coverage, patient
from scripted_ehr import ScriptedEhr
from small_library import COVERED_WITHOUT_AUTHORIZATION, policy, rule, small_index

from cds_service.crd.request.reply import Reply
from cds_service.ehr.client import Ehr
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import decode, encode
from cds_service.outbound.access import Access
from cds_service.pipeline import Pipeline
from cds_service.policy.run.index import Candidates, PolicyIndex

JsonObject = dict[str, Any]

ORDER_SECONDS = 11.0  # longer than any call has
QUICK_SECONDS = 0.3  # in the time that queries leave for deciding, two orders are begun
MOST_EHR_SECONDS = 9.0
COVERED_MEMBER = (patient(), coverage("acme"))
ORDER_HOOKS = ("order-sign", "order-dispatch", "appointment-book")


@dataclass(slots=True)
class FakeClock:
    """Stands still, but for what takes seconds."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True, slots=True)
class SlowIndex(PolicyIndex):
    """Takes its time for each order; the second lookup is for its billing options."""

    clock: FakeClock
    seconds: float

    def candidates(
        self, payer_id: str, order_type: str, codings: Sequence[Coding], hook: str
    ) -> Candidates:
        self.clock.pass_by(self.seconds / 2)
        return PolicyIndex.candidates(self, payer_id, order_type, codings, hook)


@dataclass(slots=True)
class SlowEhr(ScriptedEhr):
    """Replies just by the deadline."""

    clock: FakeClock | None = None

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        assert self.clock
        self.clock.pass_by(deadline - self.clock.now)
        return ScriptedEhr.ask(self, access, queries, deadline)


def slow(index: PolicyIndex, clock: FakeClock, seconds: float) -> SlowIndex:
    """The same index, but slow."""
    parts = {part.name: getattr(index, part.name) for part in fields(PolicyIndex)}
    return SlowIndex(**parts, clock=clock, seconds=seconds)


def slow_pipeline(
    hook: str,
    *,
    seconds: float = ORDER_SECONDS,
    index: PolicyIndex | None = None,
    log: FakeLog | None = None,
    ehr: Ehr | None = None,
    clock: FakeClock | None = None,
) -> Pipeline:
    """A pipeline that takes so many seconds to decide on an order."""
    clock = clock or FakeClock()
    index = slow(index or hosted(), clock, seconds)
    pipeline = fake_pipeline(index, hook=hook, log=log, ehr=ehr)
    return replace(pipeline, clock=clock, ehr_seconds=MOST_EHR_SECONDS)


def three(hook: str, code: str = LISTED) -> list[JsonObject]:
    """What a call may ask about, three times."""
    return [{**asked_about(hook, code), "id": f"asked-{number}"} for number in range(3)]


def late(request: JsonObject, **seams: Any) -> JsonObject:
    """The response to a call whose time is up after its first order."""
    pipeline = slow_pipeline(request["hook"], **seams)
    response: JsonObject = decode(pipeline.respond(encode(request)))
    return response


@pytest.fixture(scope="module")
def covering(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """A policy that covers, without authorization, on every hook."""
    covered = rule(codes=[LISTED], determination=COVERED_WITHOUT_AUTHORIZATION)
    directory = tmp_path_factory.mktemp("covering")
    return small_index(directory, policy(covered, hooks=HOOK_NAMES))


@pytest.mark.crd("found-2", "resp-43", "hook-16")
@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_what_is_decided_in_time_is_answered_and_the_rest_is_indeterminate(hook: str) -> None:
    """The first order is refused as ever; of the others it is said that there was no time."""
    first, *others = annotations(late(call(hook, *three(hook))))

    assert first["covered"] == ["not-covered"]
    assert reason_codes(first) == ["not-reasonable-necessary"]
    assert [parts["covered"] for parts in others] == [["indeterminate"]] * 2
    assert [reason_codes(parts) for parts in others] == [["technical"]] * 2


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_an_older_client_reads_conditional_with_a_reason_in_words(version: str) -> None:
    """`indeterminate` and the code `technical` came with 2.2; an older order needs information."""
    first, *others = annotations(late(call("order-sign", *three("order-sign"), version=version)))

    assert first["covered"] == ["not-covered"]
    assert [(parts["covered"], parts["info-needed"]) for parts in others] == [
        (["conditional"], ["OTH"])
    ] * 2
    assert all("no time left" in parts["reason"][0]["text"] for parts in others)


def test_a_secondary_hook_is_silent_about_what_is_late() -> None:
    """It never has to answer, so it does not say that it could not."""
    request = call("order-select", *three("order-select"))
    response = late(request)

    assert [reference(order) for order in updates(response)] == ["ServiceRequest/asked-0"]
    assert len(response["cards"]) == 1


def test_the_cards_are_about_what_was_decided() -> None:
    """No policy is shown as if it had been applied to an order that it was not applied to."""
    response = late(call("order-sign", *three("order-sign")))
    about = [card["extension"]["davinci-crd.associated-resource"] for card in response["cards"]]

    assert about == [[{"reference": "ServiceRequest/asked-0"}]]


def test_every_order_of_every_coverage_is_answered_late_or_not() -> None:
    """An older client's two Coverages: the first order's first is in time, three are not."""
    member = [*MEMBERS["medicare"], coverage(id="coverage-2")]
    orders = three("order-sign")[:2]
    stated = annotations(late(call("order-sign", *orders, version=None, member=member)))

    assert [parts["covered"] for parts in stated] == [["not-covered"], *[["conditional"]] * 3]


@pytest.mark.crd("found-2")
def test_a_call_without_a_coverage_gets_no_advice_that_is_late() -> None:
    """Advice is looked up too, and there is no time for it: cards for the first order alone."""
    request = call("order-sign", *three("order-sign"), version=None, member=MEMBERS["nobody"])
    about = {
        order
        for card in late(request)["cards"]
        for order in card["extension"]["davinci-crd.associated-resource"]
    }

    assert about == {"ServiceRequest/asked-0"}


def test_with_time_enough_all_of_it_is_decided() -> None:
    """Three orders of a second and a half each."""
    stated = annotations(late(call("order-sign", *three("order-sign")), seconds=1.5))

    assert [parts["covered"] for parts in stated] == [["not-covered"]] * 3


def test_a_late_call_is_recorded_as_it_was_answered() -> None:
    """What could not be decided stands in the record, with its reason."""
    log = FakeLog()
    late(call("order-sign", *three("order-sign")), log=log)
    (record,) = log.records
    determined = [decision["determined"][0] for decision in decode(record.decisions)]

    assert [decision["covered"] for decision in determined] == [
        "not-covered",
        *["indeterminate"] * 2,
    ]
    assert [decision["reasons"] for decision in determined][1:] == [["technical"]] * 2


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_nothing_is_covered_by_being_late(covering: PolicyIndex, hook: str, version: str) -> None:
    """A policy that covers, without authorization: nobody reads that where it was not applied."""
    asked = three(hook)[:1] if hook.startswith("encounter") else three(hook)
    request = call(hook, *asked, version=version, member=COVERED_MEMBER)
    always_late = iter(range(0, 10_000, 100)).__next__
    pipeline = replace(fake_pipeline(covering, hook=hook), clock=always_late)
    answered = Service({hook: pipeline}).answer(hook, encode(request))
    codes = {
        (name, code)
        for parts in annotations(answered.response)
        for name in ("covered", "pa-needed")
        for code in parts.get(name, ())
    }

    assert answered.status == 200
    assert problems(answered, request) == []
    assert not codes & TOO_LOOSE
    assert bool(codes) is (hook in PRIMARY)


def test_the_same_call_in_time_is_covered(covering: PolicyIndex) -> None:
    """The test above would find it."""
    request = call("order-sign", *three("order-sign"), member=COVERED_MEMBER)
    stated = annotations(late(request, index=covering))

    assert [parts["covered"] for parts in stated] == [["covered"], *[["indeterminate"]] * 2]


def test_an_ehr_that_used_up_all_seconds_leaves_time_to_decide() -> None:
    """Two orders are begun in what remains, the third would not be answered in time."""
    clock = FakeClock()
    asked = three("order-dispatch")
    request = with_token(call("order-dispatch", *asked))
    del request["prefetch"]["servicerequest"]
    ehr = SlowEhr(asked, clock=clock)
    stated = annotations(late(request, ehr=ehr, clock=clock, seconds=QUICK_SECONDS))

    assert len(ehr.queries) == 3
    assert [parts["covered"] for parts in stated] == [["not-covered"]] * 2 + [["indeterminate"]]
