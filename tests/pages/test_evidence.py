"""What a policy rests on, as a page shows it."""

import pytest

from cds_service.fhir.resource import JsonObject
from cds_service.pages.evidence import Comment, Reference, read_comments, read_justifications

COMMENT = "http://hl7.org/fhir/StructureDefinition/cqf-artifactComment"


def comment(text: str) -> Comment:
    """A review comment as it is read from a resource."""
    parts = [{"url": "type", "valueCode": "review"}, {"url": "text", "valueMarkdown": text}]
    return read_comments({"extension": [{"url": COMMENT, "extension": parts}]})[0]


def policy(label: str) -> JsonObject:
    """A policy with citations P1 and P2, and one justification with this label."""
    cited = [{"type": "citation", "label": name} for name in ("P1", "P2")]
    return {"relatedArtifact": [*cited, {"type": "justification", "label": label}]}


@pytest.mark.parametrize(
    ("text", "name", "about"),
    [
        ("Derived: `approvalDate` is the Review Date.", "approvalDate", True),
        ("Derived: version 2024.4.1 is the publish date.", "version", True),
        ("Derived: the effective period has no end.", "effective period", True),
        ("Derived: dates are printed MM/DD/YYYY.", "date", False),
        ("Derived: the topics. A date is printed.", "date", False),
    ],
)
def test_a_comment_is_about_its_subject(text: str, name: str, about: bool) -> None:
    """Only the subject of the first sentence counts, as a whole word."""
    assert comment(text).is_about(name) is about


def test_a_note_stands_beside_what_it_cites() -> None:
    """A note with a citation's label in parentheses is shown with what rests on that citation."""
    near, far = (
        comment("Discrepancy: Smith (P1) prints 66%."),
        comment("Discrepancy: P2 is misspelled."),
    )

    [found] = read_justifications(policy("P1, P2"), [near, far])

    assert found.notes == (near,)


def test_a_label_that_is_no_citation_is_kept() -> None:
    """A law or a label nobody listed is shown, without a link."""
    [found] = read_justifications(policy("P1, 42 CFR 411.15"), [])

    assert [citation.label for citation in found.citations] == ["P1"]
    assert found.label == "42 CFR 411.15"


def test_an_anchor_is_one_word() -> None:
    """A label with blanks or quotes still makes an id that a link can name."""
    assert Reference(label='G 1"a', title="", text="").anchor == "citation-G-1-a"
