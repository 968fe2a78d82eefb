"""Narratives: what a reader of an artifact sees, and what never gets into one."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from cds_service.authoring.narrative.generator import generate_narrative
from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.fhir.coding import CPT

JsonObject = dict[str, Any]
SYSTEM = "https://codes.example.invalid"
# The tags of a narrative are few of those that R4 allows (narrative.html#id).
TAGS = {"div", "p", "b", "ul", "li"}


def resource(type_name: str, **elements: Any) -> JsonObject:
    return {"resourceType": type_name, "id": "x", "status": "active", **elements}


def narrated(artifact: JsonObject) -> str:
    """The text of the narrative, without its tags."""
    narrative = generate_narrative(artifact)
    assert narrative
    return re.sub(r"<[^>]+>", " ", narrative["div"])


def part(name: str, **value: Any) -> JsonObject:
    return {"url": name, **value}


RULE = {
    "title": "Ask first",
    "textEquivalent": "If it is ordered, ask first.",
    "extension": [
        {
            "url": COVERAGE_DETERMINATION,
            "extension": [
                part("covered", valueCode="conditional"),
                part("info-needed", valueCode="OTH"),
                part("reason", valueCodeableConcept={"text": "The policy wants to know."}),
                part("contact", valueContactDetail={"name": "Ms Day", "telecom": [{"value": "1"}]}),
                part(
                    "detail",
                    extension=[
                        part("category", valueCode="cat-decisional"),
                        part("value", valueString="Say why."),
                    ],
                ),
                part(
                    "detail",
                    extension=[
                        part("category", valueCode="cat-other"),
                        part("value", valueString="Codes promise nothing."),
                    ],
                ),
            ],
        }
    ],
    "condition": [
        {"expression": {"description": "It is ordered", "expression": "%order.exists()"}},
        {"expression": {"expression": "%age >= 18"}},
    ],
    "input": [
        {
            "type": "ServiceRequest",
            "codeFilter": [
                {
                    "path": "code",
                    "valueSet": "https://v.invalid/VS|1",
                    "code": [{"system": CPT, "code": "93799", "display": "AMA's words"}],
                }
            ],
        }
    ],
}
POLICY = resource(
    "PlanDefinition",
    title="Widgets",
    version="1.2.3",
    effectivePeriod={"start": "2025-01-01"},
    useContext=[
        {"code": {"code": "program"}, "valueCodeableConcept": {"text": "Acme"}},
        {"code": {"code": "program"}, "valueReference": {"reference": "InsurancePlan/gold"}},
        {"code": {"code": "focus"}, "valueCodeableConcept": {"text": "not whom it is for"}},
    ],
    relatedArtifact=[{"type": "citation", "citation": "A long list of studies"}],
    copyright="CPT is the AMA's.",
    action=[{"title": "Coverage", "trigger": [{"name": "order-sign"}], "action": [RULE]}],
)
SHOWN = [
    (
        POLICY,
        [
            "Widgets",
            "version 1.2.3",
            "status active",
            "in effect from 2025-01-01",
            "Acme, InsurancePlan/gold",
            "When asked: order-sign",
            "Ask first",
            "If it is ordered, ask first.",
            f"ServiceRequest with code 93799 ({CPT}) or in https://v.invalid/VS|1",
            "If: It is ordered; %age &gt;= 18",
            "Determination: covered: conditional; info-needed: OTH",
            "reason: The policy wants to know.",
            "contact: Ms Day, 1",
            "detail: Say why.",
            "CPT is the AMA's.",
        ],
    ),
    (
        resource(
            "ValueSet",
            name="Some",
            compose={
                "include": [
                    {"system": SYSTEM, "version": "7", "concept": [{"code": "a", "display": "Ay"}]},
                    {
                        "system": SYSTEM,
                        "filter": [{"property": "concept", "op": "is-a", "value": "b"}],
                    },
                    {"valueSet": ["https://v.invalid/VS|1"]},
                ],
                "exclude": [{"system": SYSTEM, "concept": [{"code": "c"}]}],
            },
        ),
        [
            f"Codes of {SYSTEM}, version 7:",
            "a: Ay",
            "concept is-a b",
            "Codes of https://v.invalid/VS|1 But",
            f"no codes of {SYSTEM}:",
        ],
    ),
    (
        resource(
            "CodeSystem",
            title="Reasons",
            experimental=True,
            content="complete",
            concept=[
                {
                    "code": "a",
                    "display": "Ay.",
                    "definition": "The first.",
                    "concept": [{"code": "b"}],
                }
            ],
        ),
        ["Reasons", "experimental", "Content: complete", "a: Ay. The first.", " b "],
    ),
    (
        resource("Organization", name="Acme Health", alias=["Acme"], active=False),
        ["Acme Health, Acme", "no longer active"],
    ),
    (
        resource(
            "InsurancePlan",
            name="Gold",
            identifier=[{"system": SYSTEM, "value": "g"}],
            ownedBy={"reference": "Organization/acme"},
            contained=[{"resourceType": "Location", "id": "here", "name": "Utah"}],
            coverageArea=[{"reference": "#here"}, {"display": "Ohio"}],
            type=[{"coding": [{"system": SYSTEM, "code": "1"}, {"system": SYSTEM, "code": "2"}]}],
        ),
        [
            "Gold",
            "Owned by: Organization/acme",
            "Covers: Utah, Ohio",
            f"Identifier: g ({SYSTEM})",
            f"Type: 1, 2 ({SYSTEM})",
        ],
    ),
    (
        resource(
            "NamingSystem",
            name="PayerId",
            kind="identifier",
            responsible="Acme",
            uniqueId=[{"type": "uri", "value": SYSTEM, "preferred": True}],
        ),
        ["PayerId", "responsible: Acme", "Names: identifier", f"{SYSTEM} (uri, preferred)"],
    ),
    (
        resource(
            "StructureDefinition",
            title="Part",
            context=[{"expression": "PlanDefinition.action"}],
            differential={
                "element": [
                    {
                        "id": "Extension",
                        "constraint": [{"key": "cdt-1", "human": "Not both."}],
                    },
                    {"id": "Extension.extension:covered", "min": 1, "max": "1", "short": "Whether"},
                ]
            },
        ),
        ["Used on: PlanDefinition.action", "covered 1..1: Whether", "cdt-1: Not both."],
    ),
    (
        resource(
            "Library",
            title="Words",
            type={"coding": [{"code": "logic-library"}]},
            parameter=[
                {
                    "name": "age",
                    "use": "in",
                    "min": 0,
                    "max": "1",
                    "type": "integer",
                    "documentation": "Whole years",
                }
            ],
            content=[{"contentType": "text/markdown", "title": "How"}],
        ),
        ["Type: logic-library", "age (in, integer 0..1): Whole years", "Content: How"],
    ),
    (
        resource(
            "ActivityDefinition",
            title="Another order",
            kind="ServiceRequest",
            intent="proposal",
            code={"coding": [{"system": SYSTEM, "code": "a"}]},
            dynamicValue=[{"path": "subject", "expression": {"description": "The member"}}],
        ),
        [f"Request: ServiceRequest, proposal, a ({SYSTEM})", "subject: The member"],
    ),
    (
        resource(
            "Questionnaire",
            title="Form",
            item=[
                {
                    "linkId": "1",
                    "type": "group",
                    "text": "About it",
                    "item": [{"linkId": "1.1", "text": "Why?", "type": "string", "required": True}],
                }
            ],
        ),
        ["1. About it (group)", "1.1. Why? (string, required)"],
    ),
]


@pytest.mark.parametrize(
    ("artifact", "words"), SHOWN, ids=[artifact["resourceType"] for artifact, _ in SHOWN]
)
def test_a_narrative_shows_what_the_artifact_is(artifact: JsonObject, words: list[str]) -> None:
    """Its title and state, and whatever makes up an artifact of its type, in this order."""
    shown = re.sub(r"\s+", " ", narrated(artifact))
    places = [shown.find(word) for word in words]

    assert -1 not in places, shown
    assert places == sorted(places)


@pytest.mark.parametrize(
    "artifact", [artifact for artifact, _ in SHOWN], ids=lambda artifact: artifact["resourceType"]
)
def test_a_narrative_is_xhtml_of_few_tags(artifact: JsonObject) -> None:
    """One `div` in the namespace of XHTML; no attribute, no empty element (R4 txt-1, txt-2)."""
    narrative = generate_narrative(artifact)
    assert narrative
    root = ElementTree.fromstring(narrative["div"])  # noqa: S314 - our own
    tags = {element.tag.removeprefix("{http://www.w3.org/1999/xhtml}") for element in root.iter()}

    assert narrative["status"] == "generated"
    assert tags <= TAGS
    assert [
        element for element in root.iter() if element.attrib or not "".join(element.itertext())
    ] == []


def test_a_text_of_an_artifact_is_never_markup() -> None:
    """Angle brackets and ampersands are shown; characters that XML cannot hold are not."""
    narrative = generate_narrative(resource("Organization", name="<script>&\x00\x1f\ud800"))
    assert narrative

    assert "&lt;script&gt;&amp;" in narrative["div"]
    assert ElementTree.fromstring(narrative["div"]) is not None  # noqa: S314


def test_no_descriptor_of_a_cpt_code_is_shown() -> None:
    """A display of CPT's is the AMA's; our own comment on a code is shown (design: 4.15)."""
    comment = {
        "url": "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments",
        "valueString": "our words",
    }
    concepts = [
        {"code": "0600T", "display": "AMA's words"},
        {"code": "0601T", "display": "AMA's words", "extension": [comment]},
    ]
    include = [{"system": "https://www.ama-assn.org/go/cpt/", "concept": concepts}]
    shown = [narrated(resource("ValueSet", compose={"include": include})), narrated(POLICY)]
    supplement = resource("CodeSystem", content="supplement", supplements=CPT, concept=concepts)

    assert "AMA's words" not in " ".join([*shown, narrated(supplement)])
    assert "0601T: our words" in shown[0]


def test_a_narrative_leaves_the_evidence_to_the_resource() -> None:
    """Citations, and details that settle nothing, would make it long."""
    shown = narrated(POLICY)

    assert "A long list of studies" not in shown
    assert "Codes promise nothing." not in shown


def test_a_long_list_is_cut_and_counted() -> None:
    """A ValueSet of thousands of codes has a narrative all the same."""
    concepts = [{"code": f"c{number}"} for number in range(1234)]
    include = [{"system": SYSTEM, "concept": concepts}]
    shown = narrated(resource("ValueSet", compose={"include": include}))

    assert "c99" in shown
    assert "c100" not in shown
    assert "and 1134 more" in shown


@pytest.mark.parametrize("status", ["additional", "extensions", "empty"])
def test_a_narrative_that_a_person_wrote_is_left_alone(status: str) -> None:
    """Only a missing narrative, or one that was generated, is ours to write."""
    text = {"status": status, "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Mine</div>"}

    assert generate_narrative({**POLICY, "text": text}) is None
    assert generate_narrative({**POLICY, "text": {**text, "status": "generated"}})


def test_a_type_that_no_policy_uses_has_no_narrative() -> None:
    """Better none than one that shows nothing of it."""
    assert generate_narrative(resource("Basic")) is None


def test_a_narrative_does_not_depend_on_the_one_before() -> None:
    """Generated again, it is the same."""
    once = generate_narrative(POLICY)

    assert generate_narrative({**POLICY, "text": once}) == once


def test_a_policy_names_the_author_of_its_document_beside_its_publisher() -> None:
    """The payer writes the document; whoever encodes it publishes the artifact."""
    policy = resource("PlanDefinition", author=[{"name": "A payer"}], publisher="A project")

    assert "author: A payer; " in narrated(policy)
    assert "published by A project" in narrated(policy)
