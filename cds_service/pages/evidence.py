"""What a policy rests on, read from its PlanDefinition: comments, justifications, citations, documents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.resource import JsonObject, objects, text

_CORE = "http://hl7.org/fhir/StructureDefinition"
_COMMENT = f"{_CORE}/cqf-artifactComment"
_TERM = f"{_CORE}/cqf-definitionTerm"
_LABELLED = re.compile(r"^(Discrepancy|Derived|Assumed):\s+(.+)$", re.DOTALL)
_VERB = re.compile(r" (?:is|are|has|have)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A note of whoever encoded the policy; a dated one is a row of the document's history."""

    kind: str
    label: str
    text: str
    on: str

    @property
    def derives(self) -> bool:
        return self.label in ("Derived", "Assumed")

    def is_about(self, *names: str) -> bool:
        """Whether one of these is the subject of the first sentence: `approvalDate`, `version 2024.4.1`."""
        subject = _VERB.split(self.text.replace("`", ""), maxsplit=1)[0].removeprefix("the ")
        return any(subject == name or subject.startswith(f"{name} ") for name in names)

    def cites(self, label: str) -> bool:
        return f"({label})" in self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A related artifact, and where on the page it stands."""

    label: str
    title: str
    text: str

    @property
    def anchor(self) -> str:
        return f"citation-{re.sub(r'[^A-Za-z0-9._-]+', '-', self.label)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Justification:
    """A statement of the evidence with the citations it rests on and the discrepancies found in it."""

    label: str
    title: str
    text: str
    citations: tuple[Reference, ...]
    notes: tuple[Comment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A term as the policy uses it."""

    term: str
    meaning: str


def read_comments(resource: JsonObject) -> tuple[Comment, ...]:
    """The artifact's comments, in their order."""
    return tuple(_comment(_said(one)) for one in find_extensions(resource, _COMMENT))


def read_definitions(resource: JsonObject) -> tuple[Definition, ...]:
    """The terms the artifact defines."""
    said = (_said(one) for one in find_extensions(resource, _TERM))
    return tuple(
        Definition(term=one.get("term", ""), meaning=one.get("definition", "")) for one in said
    )


def read_references(resource: JsonObject, kind: str) -> tuple[Reference, ...]:
    """The related artifacts of one type."""
    related = (one for one in objects(resource.get("relatedArtifact")) if one.get("type") == kind)
    return tuple(_reference(one) for one in related)


def read_justifications(
    resource: JsonObject, notes: Sequence[Comment]
) -> tuple[Justification, ...]:
    """The justifications, each with its citations and those of the notes that cite one of them."""
    cited = {one.label: one for one in read_references(resource, "citation")}
    return tuple(
        _justification(one, cited, notes) for one in read_references(resource, "justification")
    )


def _reference(related: JsonObject) -> Reference:
    return Reference(
        label=text(related.get("label")),
        title=text(related.get("display")),
        text=text(related.get("citation")),
    )


def _justification(
    said: Reference, cited: dict[str, Reference], notes: Sequence[Comment]
) -> Justification:
    labels = [label.strip() for label in said.label.split(",")]
    found = tuple(cited[label] for label in labels if label in cited)
    return Justification(
        label=", ".join(label for label in labels if label not in cited),
        title=said.title,
        text=said.text,
        citations=found,
        notes=tuple(note for note in notes if any(note.cites(one.label) for one in found)),
    )


def _said(extension: JsonObject) -> dict[str, str]:
    return {name: text(value_of(found[0])[1]) for name, found in parts(extension).items()}


def _comment(said: dict[str, str]) -> Comment:
    words = said.get("text", "")
    labelled = _LABELLED.match(words)
    label, rest = labelled.groups() if labelled else ("", words)
    return Comment(kind=said.get("type", ""), label=label, text=rest, on=said.get("authoredOn", ""))
