"""Why an answer was given, as a table a person can read: each rule, each condition, what was missing."""

from collections.abc import Iterable, Iterator

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.trace import RuleTrace
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days

_NAME_WIDTH = 14


def explain(answers: Iterable[OrderAnswer]) -> str:
    """The explanation of all answers of one call."""
    blocks = ["\n".join(_answer(answer)) for answer in answers]
    return (
        "\n\n".join(blocks)
        or "Nothing was determined: the call holds no order and Coverage to answer."
    )


def _answer(answer: OrderAnswer) -> Iterator[str]:
    member = answer.membership
    yield _row(
        "order", f"{answer.order.key or answer.order.type + ' without id'}: {answer.order.label}"
    )
    yield _row("codes", ", ".join(map(_coding, answer.order.codings)) or "none")
    yield _row("served on", _days(answer.days))
    yield _row("coverage", str(member.coverage_key or "without id"))
    yield _row("payer", member.payer.id if member.payer else "not identified")
    yield _row("plan", member.plan.id if member.plan else "unknown")
    for trace in answer.traces:
        yield ""
        yield from _rule(trace)
    for determination in answer.determinations:
        yield ""
        yield from _determination(determination)


def _rule(trace: RuleTrace) -> Iterator[str]:
    yield _row(
        "rule", f"{trace.citation.rule_id} {'speaks' if trace.determination else 'is silent'}"
    )
    yield _row("  policy", trace.citation.canonical)
    yield _row("  matched", ", ".join(map(_coding, trace.matched)) or "every order of its type")
    for condition in trace.conditions:
        error = f" ({condition.error})" if condition.error else ""
        yield _row(f"  {condition.value}", f"{condition.description}{error}")
        yield _row("", f"· {condition.expression}")
    if trace.missing:
        yield _row("  missing", "; ".join(trace.missing))


def _determination(determination: Determination) -> Iterator[str]:
    yield _row("determined", determination.covered.value)
    if determination.pa_needed:
        yield _row("  pa-needed", determination.pa_needed.value)
    if determination.info_needed:
        yield _row("  info-needed", ", ".join(sorted(determination.info_needed)))
    if determination.billing_codes:
        yield _row("  billed as", ", ".join(map(_coding, determination.billing_codes)))
    yield from (_row("  because", reason.text) for reason in determination.reasons)
    yield from (_row("  detail", str(detail.value)) for detail in determination.details)
    yield from (_row("  detail", citation.page_url) for citation in determination.citations)


def _row(name: str, value: str) -> str:
    return f"{name:<{_NAME_WIDTH}}{plain(value)}".rstrip()


def _coding(coding: Coding) -> str:
    return f"{coding.system}|{coding.code}"


def _days(days: Days) -> str:
    return (
        str(days.first) if days.first == days.last else f"some day from {days.first} to {days.last}"
    )
