"""The sections of a dossier about its answer: what it said, and what the clinician did with it."""

from collections.abc import Iterator

from cds_service.audit.dossier import Dossier, Row, Section
from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.resource import JsonObject, first, follow, objects, resource_type, text


def answer_sections(dossier: Dossier) -> Iterator[Section]:
    """The refusal, or coverage information and cards; then the feedback on these."""
    response = first(dossier.record.get("response"))
    yield Section(
        title="Why it was refused",
        headings=("Code", "What it says"),
        rows=tuple(
            (text(issue.get("code")), text(issue.get("diagnostics")))
            for issue in objects(response.get("issue"))
        ),
    )
    for order in follow(response, ("systemActions", "resource")):
        named = f"{resource_type(order)}/{text(order.get('id'))}"
        for information in find_extensions(order, COVERAGE_INFORMATION):
            yield Section(
                title=f"Coverage information on {named}",
                headings=("Part", "Value"),
                rows=tuple(_information_rows(information)),
            )
    yield Section(
        title="Cards",
        headings=("Card", "Indicator", "Topic", "Summary"),
        rows=tuple(map(_card_row, objects(response.get("cards")))),
    )
    yield _feedback(dossier)


def _information_rows(information: JsonObject) -> Iterator[Row]:
    for name, repetitions in parts(information).items():
        for part in repetitions:
            yield name, _value_in_words(part)


def _value_in_words(part: JsonObject) -> str:
    _, value = value_of(part)
    if not isinstance(value, dict):
        inner = [_value_in_words(inside) for inside in objects(part.get("extension"))]
        return text(value) or ", ".join(filter(None, inner))
    codings = ", ".join(text(coding.get("code")) for coding in objects(value.get("coding")))
    named = (value.get(name) for name in ("text", "reference", "display", "code", "name"))
    words = next(filter(None, map(text, named)), "")
    return " – ".join(filter(None, [codings, words]))


def _card_row(card: JsonObject) -> Row:
    topic = first(first(card.get("source")).get("topic"))
    names = (card.get("uuid"), card.get("indicator"), topic.get("code"), card.get("summary"))
    return tuple(map(text, names))


def _feedback(dossier: Dossier) -> Section:
    bodies = [first(record.get("feedback")) for record in dossier.feedback]
    headings = ("Card", "What the clinician did", "When", "Why")
    return Section(
        title="Feedback", headings=headings, rows=tuple(_reaction_row(body) for body in bodies)
    )


def _reaction_row(body: JsonObject) -> Row:
    override = first(body.get("overrideReason"))
    reason = first(override.get("reason"))
    coded = text(reason.get("display")) or text(reason.get("code"))
    why = [coded, text(override.get("userComment"))]
    names = (body.get("card"), body.get("outcome"), body.get("outcomeTimestamp"))
    return (*map(text, names), "; ".join(filter(None, why)))
