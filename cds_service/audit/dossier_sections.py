"""The sections of a dossier: who asked, what was sent and read, why, what was answered, and since.

A function a section; each is a pure reading of the dossier.
"""

from collections.abc import Iterator

from cds_service.audit.dossier import Dossier, Row, Section, decisions_of, present, texts_of
from cds_service.audit.dossier_answer import answer_sections
from cds_service.cds_hooks.plain_text import plain
from cds_service.cds_hooks.prefetch import read_resources
from cds_service.fhir.coding import read_codings, read_texts
from cds_service.fhir.resource import JsonObject, first, objects, resource_type, text

_RESOURCE = ("What", "Which", "In short")
_SERVED = ("occurrenceDateTime", "start", "authoredOn")  # by which the day of service is read


def sections_of(dossier: Dossier) -> tuple[Section, ...]:
    """The sections that have something to show, in the order of a call; each cell on one line."""
    made = (
        _call(dossier),
        _sent(dossier),
        _asked(dossier),
        _given(dossier),
        *_decisions(dossier),
        *answer_sections(dossier),
        _kept(dossier),
    )
    return tuple(_plain(section) for section in made if section.rows)


def _plain(section: Section) -> Section:
    """Without characters that hide or turn text: it is others' words."""
    rows = tuple(tuple(map(plain, row)) for row in section.rows)
    return Section(title=plain(section.title), headings=section.headings, rows=rows)


def _call(dossier: Dossier) -> Section:
    record = dossier.record
    spoken = text(record.get("speaks"))
    asked = text(record.get("version")) or "none named"
    durations = record.get("durations")
    phases = durations.items() if isinstance(durations, dict) else ()
    pairs: list[tuple[str, object]] = [
        ("record", record.get("id")),
        ("received", record.get("at")),
        ("kind", record.get("kind")),
        ("note", record.get("former")),
        ("client", record.get("client") or ("" if record.get("former") else "anyone (open)")),
        ("issuer", record.get("issuer")),
        ("tenant", record.get("tenant")),
        ("hook", record.get("hook")),
        ("hook instance", record.get("hookInstance")),
        ("trace", record.get("trace")),
        ("CRD version", f"{asked}, answered as {spoken}" if spoken else ""),
        ("HTTP status", record.get("status") or ""),
        ("program", record.get("program")),
        ("library", record.get("library")),
        ("seconds", ", ".join(f"{name} {value}" for name, value in phases)),
        ("who", record.get("who")),
        ("command", record.get("command")),
        ("subject", record.get("subject")),
    ]
    return Section(title="The call", rows=present(pairs))


def _sent(dossier: Dossier) -> Section:
    request = first(dossier.record.get("request"))
    context = first(request.get("context"))
    rows: list[Row] = list(present((name, context.get(name)) for name in ("userId", "patientId")))
    held = [*context.values(), *first(request.get("prefetch")).values()]
    for value in held:
        rows.extend(_resource_row(found.resource) for found in read_resources(value))
    shown = tuple((*row, *("",) * (3 - len(row))) for row in rows)
    return Section(title="What was sent", headings=_RESOURCE, rows=shown)


def _resource_row(resource: JsonObject) -> Row:
    """A resource in short: how it is coded, when it is for, whose plan it is."""
    codings = read_codings(resource.get("code")) or read_codings(resource.get("type"))
    payers = [
        text(payor.get("reference")) or text(first(payor.get("identifier")).get("value"))
        for payor in objects(resource.get("payor"))
    ]
    short = [
        ", ".join(f"{coding.system}|{coding.code}" for coding in codings),
        *read_texts(resource.get("code")),
        *[text(resource.get(name)) for name in ("status", *_SERVED)],
        *payers,
    ]
    shown = "; ".join(dict.fromkeys(filter(None, short)))
    return resource_type(resource), text(resource.get("id")) or "without id", shown


def _asked(dossier: Dossier) -> Section:
    rows = tuple(
        (
            text(query.get("query")),
            text(query.get("result")),
            text(query.get("cause")),
            text(query.get("seconds")),
            str(len(query.get("resources") or ())),
        )
        for query in objects(dossier.record.get("queries"))
    )
    headings = ("Query", "Result", "Cause", "Seconds", "Resources")
    return Section(title="What the EHR was asked", headings=headings, rows=rows)


def _given(dossier: Dossier) -> Section:
    rows = tuple(map(_resource_row, objects(dossier.record.get("resources"))))
    return Section(title="What the EHR gave", headings=_RESOURCE, rows=rows)


def _decisions(dossier: Dossier) -> Iterator[Section]:
    for decision in decisions_of(dossier.record):
        about = text(decision.get("order")) or "an order without id"
        yield Section(title=f"Decision on {about}", rows=_decision_rows(decision, dossier.asked))
        yield Section(
            title=f"Why: {about}",
            headings=("Value", "Rule or condition", "What it read, or why it could not tell"),
            rows=tuple(_rule_rows(decision)),
        )


def _decision_rows(decision: JsonObject, asked: str) -> tuple[Row, ...]:
    assertion = text(decision.get("assertion"))
    days = texts_of(decision.get("dates"))
    pairs: list[tuple[str, object]] = [
        ("coverage", decision.get("coverage")),
        ("payer", decision.get("payer") or "not identified"),
        ("plan", decision.get("plan") or "unknown"),
        ("members", ", ".join(texts_of(decision.get("members")))),
        ("codes", ", ".join(texts_of(decision.get("codes")))),
        ("served on", " to ".join(dict.fromkeys(days))),
        ("assertion", f"{assertion} (the one asked for)" if assertion == asked else assertion),
        *(("determined", _determined(found)) for found in objects(decision.get("determined"))),
        *(("proposed", name) for name in texts_of(decision.get("proposed"))),
    ]
    return present(pairs)


def _determined(determined: JsonObject) -> str:
    """A determination on one line: its codes, its reasons, the rules it rests on."""
    pa_needed, number = text(determined.get("pa-needed")), text(determined.get("authorization"))
    reasons = texts_of(determined.get("reasons"))
    rules = texts_of(determined.get("rules"))
    shown = [
        text(determined.get("covered")),
        f"authorization: {pa_needed}" if pa_needed else "",
        f"number {number}" if number else "",
        f"because {', '.join(reasons)}" if reasons else "",
        f"by {', '.join(rules)}" if rules else "",
    ]
    return "; ".join(filter(None, shown))


def _rule_rows(decision: JsonObject) -> Iterator[Row]:
    for rule in objects(decision.get("rules")):
        state = "speaks" if rule.get("speaks") else "is silent"
        matched = ", ".join(texts_of(rule.get("matched"))) or "every order of its type"
        yield state, text(rule.get("rule")), f"matched {matched}"
        for condition in objects(rule.get("conditions")):
            yield text(condition.get("value")), _words_of(condition), _evidence(condition)


def _words_of(condition: JsonObject) -> str:
    words, expression = text(condition.get("description")), text(condition.get("expression"))
    return f"{words}: {expression}" if expression and expression != words else words


def _evidence(condition: JsonObject) -> str:
    """What a condition read, by path, and what kept it from telling."""
    read = condition.get("read")
    pairs = [pair for pair in read if isinstance(pair, list)] if isinstance(read, list) else []
    shown = [": ".join(map(text, pair)) for pair in pairs]
    return "; ".join(
        filter(None, [*texts_of(condition.get("causes")), text(condition.get("error")), *shown])
    )


def _kept(dossier: Dossier) -> Section:
    seal = dossier.seal
    number = "not yet numbered" if seal.number is None else f"number {seal.number} of the tree"
    signed = f", signed {seal.signed.isoformat()}" if seal.signed else ""
    covered = f"the checkpoint of size {seal.checkpoint}{signed}" if seal.checkpoint else "none yet"
    holds = (
        ("hold", f"{hold.name}, since {hold.at.isoformat()}: {hold.reason}")
        for hold in dossier.holds
    )
    pairs = [("hash tree", number), ("checkpoint", covered), *holds]
    return Section(title="How it is kept", rows=present(pairs))
