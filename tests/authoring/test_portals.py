"""Portals: what a policy puts on cards sends nobody to one, and medicine's own words are left."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from every_hook import HOOK_NAMES, ask, asked_about, call
from hook_requests import coverage, patient
from proposal_library import DEFINITIONS, EVERY_KIND, dynamic, proposing
from small_library import (
    instruction,
    insurance_plan,
    organization,
    part,
    policy,
    reason,
    rule,
    small_index,
    write_library,
)

from cds_service.authoring.check import check_library
from cds_service.authoring.portals import find_portals
from cds_service.crd.codes import SHARED_DETAILS
from cds_service.fhir.resource import encode
from cds_service.policy.library.artifacts import builtin_library, read_library

JsonObject = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"


def places(directory: Path, *resources: JsonObject) -> list[str]:
    """Where these resources, with a payer beside them, send somebody to a portal."""
    library = read_library([write_library(directory, organization(), *resources)])
    return [mention.where for mention in find_portals(library)]


RULE = "$.action[0].action[0]"
PARTS = f"{RULE}.extension[0].extension"
AWAY = "the Acme portal"
CODED = {"url": "reason", "valueCodeableConcept": {"coding": [{"display": AWAY}], "text": "x"}}
DESK = {"name": "Desk", "telecom": [{"system": "url", "value": "https://portal.acme.invalid"}]}
QUALIFIED = {"url": "qualification", "valueString": AWAY}
LINKED = {"type": "derived-from", "url": "https://acme.invalid/portal/1.pdf"}
PRODUCT = "$.productCodeableConcept"
OVERRIDES = {
    "resourceType": "CodeSystem",
    "id": "overrides",
    "url": "https://acme.invalid/overrides",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "asked", "display": f"Asked on {AWAY}"}],
}
SHARED = {"url": SHARED_DETAILS, "extension": [instruction(AWAY)]}
DOCUMENT = {"type": "documentation", "document": {"url": "https://acme.invalid/portal/1.pdf"}}
RELATED = {"type": "documentation", "label": "P-2", "display": AWAY}


def with_part(*parts: JsonObject) -> JsonObject:
    """A policy whose rule states these parts after what is covered."""
    return policy(rule(determination=[part("covered", "not-covered"), *parts]))


@pytest.mark.crd("resp-17", "resp-23")
@pytest.mark.parametrize(
    ("written", "where"),
    [
        (policy(title=AWAY), "$.title"),
        (policy(identifier=[{"value": AWAY}]), "$.identifier[0].value"),
        (policy(relatedArtifact=[LINKED]), "$.relatedArtifact[0].url"),
        (policy(relatedArtifact=[RELATED]), "$.relatedArtifact[0].display"),
        (policy(rule(title=AWAY)), f"{RULE}.title"),
        (with_part(reason(AWAY)), f"{PARTS}[1].valueCodeableConcept.text"),
        (with_part(CODED), f"{PARTS}[1].valueCodeableConcept.coding[0].display"),
        (with_part(instruction(AWAY)), f"{PARTS}[1].extension[2].valueString"),
        (
            with_part({"url": "detail", "extension": [QUALIFIED]}),
            f"{PARTS}[1].extension[0].valueString",
        ),
        (
            with_part({"url": "contact", "valueContactDetail": DESK}),
            f"{PARTS}[1].valueContactDetail.telecom[0].value",
        ),
        (
            proposing({**EVERY_KIND["update"], "title": AWAY}),
            f"{RULE}.action[0].title",
        ),
        (
            proposing({**EVERY_KIND["app"], "definitionUri": "https://acme.invalid/login"}),
            f"{RULE}.action[0].definitionUri",
        ),
        (
            proposing({**EVERY_KIND["form"], "reason": [{"text": AWAY}]}),
            f"{RULE}.action[0].reason[0].text",
        ),
        ({**DEFINITIONS[-1], "title": AWAY}, "$.title"),
        ({**DEFINITIONS[0], "code": {"text": AWAY}}, "$.code.text"),
        (insurance_plan("acme-portal"), "$.name"),
        (OVERRIDES, "$.concept[0].display"),
        ({**DEFINITIONS[2], "dosage": [{"text": AWAY}]}, "$.dosage[0].text"),
        ({**DEFINITIONS[2], "productCodeableConcept": {"text": AWAY}}, f"{PRODUCT}.text"),
        (policy(relatedArtifact=[DOCUMENT]), "$.relatedArtifact[0].document.url"),
        (
            proposing({**EVERY_KIND["app"], "dynamicValue": [dynamic("appContext", f"'{AWAY}'")]}),
            f"{RULE}.action[0].dynamicValue[0].expression.expression",
        ),
        (
            policy(action=[{"extension": [SHARED], "action": [rule()]}]),
            "$.action[0].extension[0].extension[0].extension[2].valueString",
        ),
        (organization("other", name=AWAY), "$.name"),
        (organization("other", alias=[AWAY]), "$.alias[0]"),
    ],
)
def test_a_text_on_cards_that_sends_to_a_portal_is_found_at_its_place(
    tmp_path: Path, written: JsonObject, where: str
) -> None:
    """Titles, reasons, details, contacts, links, proposals, forms and proposed orders."""
    assert places(tmp_path, written) == [where]


@pytest.mark.parametrize(
    "written",
    [
        policy(purpose=AWAY, relatedArtifact=[{"type": "citation", "display": AWAY}]),
        policy(rule(conditions=["%order.code.text.contains('portal')"])),
        with_part(
            instruction(
                "x", when={"valueExpression": {"expression": "'portal'", "language": "text/x"}}
            )
        ),
        policy(title=AWAY, status="draft"),
    ],
    ids=["evidence", "condition", "when", "draft"],
)
def test_what_no_card_shows_may_speak_of_portals(tmp_path: Path, written: JsonObject) -> None:
    """Evidence, what an order may say, and a policy that answers nobody."""
    assert places(tmp_path, written) == []


@pytest.mark.crd("resp-17", "resp-23")
@pytest.mark.parametrize("directory", [builtin_library(), EXAMPLES], ids=["built-in", "examples"])
def test_our_own_policies_send_nobody_to_a_portal(directory: Path) -> None:
    """What we ship, and what authors start from."""
    assert list(find_portals(read_library([directory]))) == []


@pytest.mark.crd("resp-17", "resp-23")
def test_check_finds_file_and_place(tmp_path: Path) -> None:
    """With any finding `crd check` ends in failure, so that it does not pass a pipeline."""
    write_library(tmp_path, organization(), policy(title="Ask on the Acme portal"))
    (finding,) = check_library([tmp_path], date(2026, 11, 26)).findings

    assert (finding.file.name, finding.where) == ("PlanDefinition-acme-1.json", "$.title")
    assert finding.problem.startswith("a portal (“portal”): ")


# Every word of a policy that a card may show has a number, and sends to a portal.
WORDED = ("title", "text", "display", "label", "description", "name", "value", "valueString")
NUMBERED = re.compile(r"portal\d+")


def numbered(value: Any, numbers: Iterator[int], name: str = "") -> Any:
    """The same JSON, each text in which there are words with a portal of its own."""
    if isinstance(value, dict):
        return {key: numbered(inner, numbers, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [numbered(inner, numbers, name) for inner in value]
    is_words = isinstance(value, str) and name in WORDED and value not in HOOK_NAMES
    return f"{value} portal{next(numbers)}" if is_words else value


@pytest.mark.crd("resp-17", "resp-23")
def test_whatever_a_card_shows_of_a_policy_is_looked_through(tmp_path: Path) -> None:
    """No text of policies reaches a card of any kind without having been read for portals."""
    determination = (
        part("covered", "conditional"),
        part("info-needed", "OTH"),
        part("doc-needed", "clinical"),
        reason("It depends"),
        instruction("Fax the chart"),
        {"url": "questionnaire", "valueCanonical": DEFINITIONS[-1]["url"]},
        {
            "url": "contact",
            "valueContactDetail": {"name": "Desk", "telecom": [{"system": "phone", "value": "5"}]},
        },
    )
    written = proposing(*EVERY_KIND.values(), determination=determination)
    written["relatedArtifact"] = [{"type": "documentation", "label": "P-2", "display": "Another"}]
    numbers = count(1)
    resources = [
        numbered(resource, numbers)
        for resource in (written, *DEFINITIONS[:-1], {**DEFINITIONS[-1], "title": "A form"})
    ]
    index = small_index(tmp_path, *resources)
    member = (patient(), coverage("acme", None, subscriberId="old"))
    cards = [
        card
        for hook in HOOK_NAMES
        for card in ask(call(hook, asked_about(hook, "0001T"), member=member), index=index)["cards"]
    ]
    shown = set(NUMBERED.findall(encode(cards).decode()))
    mentions = "".join(mention.problem for mention in find_portals(read_library([tmp_path])))

    assert len(shown) > 20
    assert shown <= set(NUMBERED.findall(mentions))
