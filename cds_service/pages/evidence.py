"""What a policy rests on, as its PlanDefinition has it: notes, evidence, citations, documents."""

import re
from collections.abc import Iterable, Sequence
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
        """Whether one of these (`approvalDate`, `version`) is the first sentence's subject."""
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
    """A statement of the evidence, the citations it rests on, the discrepancies found in it."""

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
    return tuple(_comment(comment) for comment in find_extensions(resource, _COMMENT))


def read_definitions(resource: JsonObject) -> tuple[Definition, ...]:
    """The terms the artifact defines."""
    return tuple(_definition(term) for term in find_extensions(resource, _TERM))


def read_references(resource: JsonObject, kind: str) -> tuple[Reference, ...]:
    """The related artifacts of one type."""
    artifacts = objects(resource.get("relatedArtifact"))
    return tuple(_reference(artifact) for artifact in artifacts if artifact.get("type") == kind)


def read_justifications(
    resource: JsonObject, notes: Sequence[Comment]
) -> tuple[Justification, ...]:
    """The justifications, each with its citations and those of the notes that cite one of them."""
    citations = {citation.label: citation for citation in read_references(resource, "citation")}
    return tuple(
        _justification(justification, citations, notes)
        for justification in read_references(resource, "justification")
    )


def _reference(related: JsonObject) -> Reference:
    return Reference(
        label=text(related.get("label")),
        title=text(related.get("display")),
        text=text(related.get("citation")),
    )


def _justification(
    justification: Reference, citations: dict[str, Reference], notes: Sequence[Comment]
) -> Justification:
    # Its label lists the labels of what it rests on; one that is no citation (a law) stays words.
    labels = [label.strip() for label in justification.label.split(",")]
    cited = tuple(citations[label] for label in labels if label in citations)
    return Justification(
        label=", ".join(label for label in labels if label not in citations),
        title=justification.title,
        text=justification.text,
        citations=cited,
        notes=tuple(note for note in notes if _cites_any(note, cited)),
    )


def _cites_any(note: Comment, citations: Iterable[Reference]) -> bool:
    return any(note.cites(citation.label) for citation in citations)


def _texts(extension: JsonObject) -> dict[str, str]:
    """The parts of a complex extension as text, the first of each name."""
    return {name: text(value_of(found[0])[1]) for name, found in parts(extension).items()}


def _comment(extension: JsonObject) -> Comment:
    texts = _texts(extension)
    words = texts.get("text", "")
    labelled = _LABELLED.match(words)
    label, rest = labelled.groups() if labelled else ("", words)
    kind, on = texts.get("type", ""), texts.get("authoredOn", "")
    return Comment(kind=kind, label=label, text=rest, on=on)


def _definition(extension: JsonObject) -> Definition:
    texts = _texts(extension)
    return Definition(term=texts.get("term", ""), meaning=texts.get("definition", ""))
