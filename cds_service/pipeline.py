"""THE STORY: from a hook call to its answer. Read this first."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cds_service.audit.log import AuditLog
from cds_service.audit.record import AuditRecord, without_token, write_decisions
from cds_service.cds_hooks.request import HookRequest, HookRequestParser
from cds_service.cds_hooks.response import Card, HookResponse
from cds_service.crd.codes import Topic
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.crd.request.configuration import Configuration, read_configuration
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.membership import Membership, Payer
from cds_service.crd.request.missing_data import queries, was_sought_in_vain
from cds_service.crd.request.order import Order, day_of_service
from cds_service.crd.request.requested_orders import read_requested_orders
from cds_service.crd.request.version import Version, agree_version
from cds_service.crd.response.annotation import annotate, system_action, with_policy_links
from cds_service.crd.response.card_text import Subject
from cds_service.crd.response.cards import CardMaker, most_urgent
from cds_service.crd.response.coverage_information import Stamp
from cds_service.crd.response.versions import write_response
from cds_service.ehr.client import Ehr
from cds_service.ehr.gather import gather_chart
from cds_service.errors import DataUnavailable, HookError
from cds_service.fhir.dates import Days
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import JsonObject, encode, text
from cds_service.policy.payers import resolve_memberships
from cds_service.policy.run.adjudication import advise, determine, hint
from cds_service.policy.run.index import PolicyIndex

_LOG = logging.getLogger("cds_service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One hook call, understood: in which version, with which wishes, about which members and orders."""

    request: HookRequest
    version: Version
    configuration: Configuration
    chart: Chart
    memberships: tuple[Membership, ...]
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One order with its answers, one a membership; `annotated` is the very order that came if nothing is new."""

    order: Order
    answers: tuple[OrderAnswer, ...]
    news: tuple[OrderAnswer, ...]
    annotated: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a call."""

    call: Call
    settled: tuple[Settled, ...]
    response: HookResponse

    @property
    def answers(self) -> tuple[OrderAnswer, ...]:
        return tuple(answer for one in self.settled for answer in one.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Answers the calls of one hook. The world stands behind four seams: the EHR, the log, the clock and new ids."""

    hook: Hook
    parser: HookRequestParser
    index: PolicyIndex
    cards: CardMaker
    log: AuditLog
    ehr: Ehr | None  # None: there is no asking, as for a request file
    ehr_seconds: float
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def answer(self, body: bytes) -> bytes:
        """The JSON answer to a JSON request; an answer or a refusal is recorded before it leaves.

        Raises:
            HookError: the call gets an error answer instead.
        """
        request = self.parser.parse(body)
        try:
            outcome = self._answer(self._understand(request))
        except HookError as refusal:
            self.log.write(self._record(request, b"[]", encode(outcome_of(refusal))))
            raise
        response = encode(outcome.response.to_json())
        self.log.write(self._record(request, write_decisions(outcome.answers), response))
        return response

    def consider(self, body: bytes) -> Outcome:
        """The answer with everything that led to it; not recorded.

        Raises:
            HookError: the call gets an error answer instead.
        """
        return self._answer(self._understand(self.parser.parse(body)))

    def _answer(self, call: Call) -> Outcome:
        settled = tuple(self._settle(order, call) for order in call.orders)
        cards = [card for one in settled for card in self._cards(one, call)]
        shown = most_urgent(cards, call.configuration.max_cards)
        actions = [
            system_action(one.order, one.annotated) for one in settled if _is_to_update(one, call)
        ]
        response = write_response(shown, actions, call.version, primary=self.hook.primary)
        return Outcome(call=call, settled=settled, response=response)

    def _understand(self, request: HookRequest) -> Call:
        version = agree_version(request.extension)
        chart = self._gather(request)
        if chart.foreign:
            _LOG.warning(
                "%s: %d resources of another patient came and were not used",
                request.hook,
                chart.foreign,
            )
        configuration = read_configuration(request.extension)
        if configuration.ignored:
            _LOG.warning(
                "%s: settings without sense were ignored: %s",
                request.hook,
                ", ".join(configuration.ignored),
            )
        must = version.refuses_without_coverage
        return Call(
            request=request,
            version=version,
            configuration=configuration,
            chart=chart,
            memberships=resolve_memberships(chart, self.index.payers, must_have_one=must),
            orders=self._orders(chart, version),
        )

    def _gather(self, request: HookRequest) -> Chart:
        chart = read_chart(request)
        if self.ehr is None:
            return chart
        return gather_chart(
            request, chart, partial(queries, self.hook), self.ehr, seconds=self.ehr_seconds
        )

    def _orders(self, chart: Chart, version: Version) -> tuple[Order, ...]:
        self._check_at_hand(chart)
        return read_requested_orders(self.hook, chart, version)

    def _check_at_hand(self, chart: Chart) -> None:
        """A hook that only names what it is about cannot be answered while all of it is out of reach."""
        named = self.hook.references(chart.context)
        missing = [
            one
            for one in named
            if not (chart.find({"reference": one}, {}) or was_sought_in_vain(one, chart))
        ]
        if named and len(missing) == len(named) and not chart.foreign:
            raise DataUnavailable(
                "what the hook is about was not sent and could not be read from the EHR",
                "$.context",
            )

    def _settle(self, order: Order, call: Call) -> Settled:
        days = day_of_service(order, self.now().date())
        annotated, answers, news = order.resource, [], []
        for membership in call.memberships:
            answer = self._determine(order, membership, days)
            before, annotated = annotated, self._annotate(annotated, answer, call.version)
            answers.append(answer)
            # CRD resp-35: what the order says already is not said again. An order that cannot carry it is told anew.
            if annotated is not before or not answer.can_be_written:
                news.append(answer)
        return Settled(order=order, answers=tuple(answers), news=tuple(news), annotated=annotated)

    def _determine(self, order: Order, membership: Membership, days: Days) -> OrderAnswer:
        answer = determine(order, membership, days, index=self.index, hook=self.hook)
        linked = tuple(
            with_policy_links(determination, self.cards.policy_url)
            for determination in answer.determinations
        )
        return replace(answer, determinations=linked, assertion_id=self.new_id())

    def _annotate(self, order: JsonObject, answer: OrderAnswer, version: Version) -> JsonObject:
        coverage = answer.membership.coverage_key
        if coverage is None or not answer.determinations:
            return order
        stamp = Stamp(coverage=coverage, day=self.now().date(), assertion_id=answer.assertion_id)
        return annotate(order, answer.determinations, stamp, version)

    def _cards(self, one: Settled, call: Call) -> Iterator[Card]:
        if not call.memberships:
            yield from self._advice(one.order, call)
        for answer in one.news:
            if determination := answer.from_policy:
                subject = Subject(order=one.order, brand=answer.brand, determination=determination)
                yield from self.cards.cards(subject, call.configuration)
            elif answer.membership.payer and answer.is_unaddressed:
                yield from self._hints(one.order, answer.membership.payer, answer.days, call)

    def _advice(self, order: Order, call: Call) -> Iterator[Card]:
        """Without a Coverage nothing can be determined; each hosted payer's policy is named (design: 4.3)."""
        days = day_of_service(order, self.now().date())
        for payer in self.index.payers.all:
            said = advise(order, payer, days, index=self.index, hook=self.hook)
            if said is None:
                yield from self._hints(order, payer, days, call)
            elif call.configuration.wants(Topic.GUIDELINE):
                yield self.cards.advice(Subject(order=order, brand=payer.brand, determination=said))

    def _hints(self, order: Order, payer: Payer, days: Days, call: Call) -> Iterator[Card]:
        """Words alone never decide; at most they earn a card that says which policy may be meant."""
        if call.configuration.wants(Topic.GUIDELINE):
            for citation, term in hint(order, payer, days, self.index):
                yield self.cards.hint(order, payer.brand, citation, term)

    def _record(self, request: HookRequest, decisions: bytes, response: bytes) -> AuditRecord:
        return AuditRecord(
            id=self.new_id(),
            at=self.now(),
            hook=request.hook,
            hook_instance=request.hook_instance,
            version=text(request.extension.get("davinci-crd.requestedVersion")),
            decisions=decisions,
            request=encode(without_token(request.body)),
            response=response,
        )


def _is_to_update(one: Settled, call: Call) -> bool:
    wanted = call.configuration.wants(Topic.COVERAGE_INFO)
    return wanted and one.order.key is not None and one.annotated is not one.order.resource
