"""The explanation: why each order of a call got its determinations, as a table for a person.

A row is a name and a value; a row of two empty texts is a blank line.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from cds_service.audit.decisions import shown_values
from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.near_miss import NearMiss
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.trace import RuleTrace
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days

_NAME_WIDTH = 14
_BLANK = ("", "")
_SHOWN = 5  # near misses of one order

Row = tuple[str, str]
NearMisses = Callable[[OrderAnswer], Sequence[NearMiss]]


def explain(answers: Iterable[OrderAnswer], near_misses: NearMisses = lambda _answer: ()) -> str:
    """A table for each answer of one call, blank lines between them.

    Order and membership stand first, then each rule with its conditions and what it lacked, then
    each determination with its reasons; last the policies that `near_misses` finds to come near.
    """
    tables = [
        table((*_answer_rows(answer), *_near_rows(near_misses(answer)))) for answer in answers
    ]
    if not tables:
        return "Nothing was determined: the call holds no order and Coverage to answer."
    return "\n\n".join(tables)


def table(rows: Iterable[Row]) -> str:
    """Rows as lines of text, the values one below the other."""
    return "\n".join(f"{name:<{_NAME_WIDTH}}{plain(value)}".rstrip() for name, value in rows)


def _near_rows(near_misses: Sequence[NearMiss]) -> Iterator[Row]:
    for miss in near_misses[:_SHOWN]:
        yield _BLANK
        yield "near miss", f"{miss.policy}, {miss.title}"
        for obstacle, words in miss.obstacles:
            yield "  but for", f"the {obstacle}: {words}"
    if len(near_misses) > _SHOWN:
        yield _BLANK
        yield "near misses", f"{len(near_misses) - _SHOWN} more"


def _answer_rows(answer: OrderAnswer) -> Iterator[Row]:
    order, membership = answer.order, answer.membership
    yield "order", f"{order.key or f'{order.type} without id'}: {order.label}"
    yield "codes", show_codings(order.codings) or "none"
    yield "served on", _days(answer.days)
    yield "coverage", str(membership.coverage_key or "without id")
    yield "payer", membership.payer.id if membership.payer else "not identified"
    yield "plan", membership.plan.id if membership.plan else "unknown"
    for trace in answer.traces:
        yield _BLANK
        yield from _rule_rows(trace)
    for determination in answer.determinations:
        yield _BLANK
        yield from _determination_rows(determination)
    for citation, term in answer.hints:
        yield _BLANK
        yield "words", f"“{term}” is a subject of {citation.canonical}; words alone decide nothing"
    for proposal in answer.proposals:
        yield _BLANK
        yield "proposed", f"{proposal.kind}: {proposal.title}"
        yield "  by", proposal.name


def _rule_rows(trace: RuleTrace) -> Iterator[Row]:
    yield "rule", f"{trace.citation.rule_id} {'speaks' if trace.determination else 'is silent'}"
    yield "  policy", trace.citation.canonical
    yield "  matched", show_codings(trace.matched) or "every order of its type"
    for condition in trace.conditions:
        why = condition.error or "; ".join(condition.causes)
        yield f"  {condition.value}", f"{condition.description}{f' ({why})' if why else ''}"
        yield "", f"· {condition.expression}"
        for path, values in condition.read:
            yield "", f"  {path}: {shown_values(values)}"
    if trace.missing:
        yield "  missing", "; ".join(trace.missing)


def _determination_rows(determination: Determination) -> Iterator[Row]:
    yield "determined", determination.covered.value
    if determination.pa_needed:
        yield "  pa-needed", determination.pa_needed.value
    if determination.info_needed:
        yield "  info-needed", ", ".join(sorted(determination.info_needed))
    if determination.billing_codes:
        yield "  billed as", show_codings(determination.billing_codes)
    for reason in determination.reasons:
        yield "  because", reason.text
    for detail in determination.details:
        yield "  detail", str(detail.value)
    for citation in determination.citations:
        yield "  detail", citation.page_url


def show_codings(codings: Iterable[Coding]) -> str:
    """Codings as `system|code`."""
    return ", ".join(f"{coding.system}|{coding.code}" for coding in codings)


def _days(days: Days) -> str:
    if days.first == days.last:
        return str(days.first)
    return f"some day from {days.first} to {days.last}"
