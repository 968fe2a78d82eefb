"""Policy pages: everything a policy says is there, reachable, well formed and harmless."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hosted_policies import client_of
from html_page import Page

from cds_service.fhir.resource import follow
from cds_service.pages.routes import CONTENT_SECURITY, SEARCH_SECURITY
from cds_service.policy.library.artifacts import Library, builtin_library, read_library

ICARE = "icare-wi-pa-1266-20241008"
ANTHEM = "anthem-surg-00126-20240401"
POLICIES = (ICARE, ANTHEM)
PAGES = ("/policies", "/policies/unknown", *(f"/policies/{policy}" for policy in POLICIES))
SECTIONS = (
    "position codes plans dates next-steps evidence references related-documents history terms"
    " about"
).split()
HOSTILE = "</title><script>alert('x')</script><img src=x onerror=\"y\">"
PROSE = frozenset(
    "title subtitle description purpose usage copyright publisher text display citation label"
    " textEquivalent valueMarkdown valueString name alias".split()
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}


@pytest.fixture(scope="module")
def library() -> Library:
    return read_library([builtin_library()])


@pytest.fixture(scope="module")
def client(library: Library) -> FlaskClient:
    return client_of(library)


def page(client: FlaskClient, policy: str) -> Page:
    """The parsed page of one policy."""
    return Page(client.get(f"/policies/{policy}").text)


def resource_of(library: Library, kind: str, name: str) -> dict[str, Any]:
    """A resource of the library."""
    resources = (artifact.resource for artifact in library.of_type(kind))
    return next(resource for resource in resources if resource["id"].startswith(name))


def related(library: Library, policy: str, kind: str) -> list[dict[str, Any]]:
    """A policy's related artifacts of one type."""
    artifacts = resource_of(library, "PlanDefinition", policy)["relatedArtifact"]
    return [artifact for artifact in artifacts if artifact["type"] == kind]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_page_has_every_section_and_its_contents_link_to_it(
    client: FlaskClient, policy: str
) -> None:
    """Each section has its anchor, once, and the list of contents links to it."""
    shown = page(client, policy)

    assert [element for element in shown.ids if element in SECTIONS] == SECTIONS
    assert {f"#{section}" for section in SECTIONS} <= set(shown.links)


@pytest.mark.parametrize("policy", POLICIES)
def test_each_rule_has_the_anchor_that_cards_link_to(
    client: FlaskClient, library: Library, policy: str
) -> None:
    """The element whose id is the rule's holds the rule's title, words and source section."""
    shown = page(client, policy)

    for rule in follow(resource_of(library, "PlanDefinition", policy), ("action", "action")):
        wanted = (
            rule["title"],
            rule["description"],
            rule["textEquivalent"],
            rule["documentation"][0]["label"],
        )
        assert [words for words in wanted if words not in shown.text[f"rule-{rule['id']}"]] == []


def test_a_rule_shows_what_to_do_and_whom_to_ask(client: FlaskClient) -> None:
    """The California rule shows its determination, what is needed, and all three numbers."""
    shown = page(client, ANTHEM).text["rule-ca-hmo-do-not-decide"]

    wanted = (
        "Depends on further information",
        "Fax 818-234-2767",
        "Fax 818-234-3824",
        "Phone 1-800-365-0609",
    )
    assert [words for words in wanted if words not in shown] == []


def test_the_next_steps_name_each_instruction_once(client: FlaskClient) -> None:
    """What several rules ask for is one step."""
    steps = page(client, ANTHEM).text["next-steps"]

    assert steps.count("say so plainly in the text of its code") == 1
    assert steps.count("take precedence over SURG.00126 and come first") == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_no_link_leads_nowhere_or_outside(client: FlaskClient, policy: str) -> None:
    """Fragments resolve on the page; other links stay on this service and answer."""
    shown = page(client, policy)
    fragments = {link[1:] for link in shown.links if link.startswith("#")}

    assert fragments <= set(shown.ids)
    assert {client.get(link).status_code for link in shown.links if not link.startswith("#")} == {
        200
    }


@pytest.mark.parametrize("policy", POLICIES)
def test_an_id_stands_for_one_element(client: FlaskClient, policy: str) -> None:
    """No id is given twice."""
    shown = page(client, policy)

    assert len(shown.ids) == len(set(shown.ids))


@pytest.mark.parametrize(("policy", "count"), [(ICARE, 2), (ANTHEM, 16)])
def test_every_code_is_shown(
    client: FlaskClient, library: Library, policy: str, count: int
) -> None:
    """The codes the rules filter on, which `focus` repeats, are all in the tables."""
    contexts = resource_of(library, "PlanDefinition", policy)["useContext"]
    focus = follow(contexts[-1], ("valueCodeableConcept", "coding"))
    tables = page(client, policy).text["codes"]

    assert len(focus) == count
    assert [coding["code"] for coding in focus if coding["code"] not in tables] == []


def test_a_code_of_a_value_set_has_our_own_label(client: FlaskClient, library: Library) -> None:
    """The comments of the ValueSet label its codes."""
    tables = page(client, ANTHEM).text["codes"]
    concepts = follow(resource_of(library, "ValueSet", "anthem"), ("compose", "include", "concept"))
    labels = [concept["extension"][0]["valueString"] for concept in concepts]

    assert [label for label in labels if label not in tables] == []


@pytest.mark.parametrize(("policy", "count"), [(ICARE, 17), (ANTHEM, 72)])
def test_every_citation_is_listed(
    client: FlaskClient, library: Library, policy: str, count: int
) -> None:
    """Each citation stands in full, under an anchor of its own."""
    shown = page(client, policy)
    citations = related(library, policy, "citation")

    anchors = [f"citation-{citation['label']}" for citation in citations]
    full = [citation["citation"] for citation in citations]
    assert [element for element in shown.ids if element.startswith("citation-")] == anchors
    assert [words for words in full if words not in shown.text["references"]] == []
    assert len(citations) == count


@pytest.mark.parametrize("policy", POLICIES)
def test_every_justification_is_shown(client: FlaskClient, library: Library, policy: str) -> None:
    """The evidence is given in full, with links to what it rests on."""
    shown = page(client, policy)

    justifications = related(library, policy, "justification")
    evidence = [
        part for justification in justifications for part in justification["citation"].split("\n\n")
    ]
    assert [words for words in evidence if words not in shown.text["evidence"]] == []
    assert any(link.startswith("#citation-") for link in shown.links)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_comment_is_lost(client: FlaskClient, library: Library, policy: str) -> None:
    """History, discrepancies, derivations, guidance and absences are all somewhere on the page."""
    shown = page(client, policy).text["main"]

    parts = follow(resource_of(library, "PlanDefinition", policy), ("extension", "extension"))
    texts = [part["valueMarkdown"].replace("`", "") for part in parts if part["url"] == "text"]
    assert [words for words in texts if words.split(": ", 1)[-1] not in shown] == []


@pytest.mark.parametrize(("policy", "count"), [(ICARE, 1), (ANTHEM, 14)])
def test_the_history_has_a_row_for_each_entry(client: FlaskClient, policy: str, count: int) -> None:
    """The rows of the document's history, and no other comments, are in the table."""
    html = client.get(f"/policies/{policy}").text
    section = html[html.index('<section id="history"') : html.index('<section id="terms"')]

    assert section.count('<tr><th scope="row"') == count


@pytest.mark.parametrize(
    ("policy", "derived"),
    [(ICARE, ["Effective until", "Approved"]), (ANTHEM, ["Effective from", "Approved", "Version"])],
)
def test_a_derived_date_is_marked_as_such(
    client: FlaskClient, policy: str, derived: list[str]
) -> None:
    """Dates the document does not print are marked, with the reason."""
    html = client.get(f"/policies/{policy}").text
    section = html[html.index('<section id="dates"') : html.index('<section id="next-steps"')]
    rows = [row for row in section.split("<tr>") if "(derived)" in row]

    assert [
        name for name in derived for row in rows if name in row and "Derived:" in row
    ] == derived
    assert len(rows) == len(derived)


@pytest.mark.parametrize(
    ("policy", "line"),
    [(ICARE, "iCare Medicare Advantage"), (ANTHEM, "not stated in the document")],
)
def test_the_line_of_business_is_given_or_stated_to_be_missing(
    client: FlaskClient, policy: str, line: str
) -> None:
    """A policy that names no line of business says that its document does not."""
    assert line in page(client, policy).text["plans"]


def test_the_list_leads_to_every_policy(client: FlaskClient) -> None:
    """The start page leads to the list, and the list to each policy."""
    response = client.get("/", follow_redirects=True)

    assert response.request.path == "/policies"
    assert {f"/policies/{policy}" for policy in POLICIES} <= set(Page(response.text).links)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_well_formed(client: FlaskClient, path: str) -> None:
    """Tags balance, there is one h1, and no level of heading is skipped."""
    shown = Page(client.get(path).text)
    levels = [HEADINGS[tag] for tag in shown.tags if tag in HEADINGS]

    assert shown.unbalanced == []
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", ["/", *PAGES])
def test_a_page_loads_nothing(client: FlaskClient, path: str) -> None:
    """No page asks for anything but itself."""
    response = client.get(path)

    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(Page(response.text).tags)
    assert " style=" not in response.text


@pytest.mark.parametrize("path", PAGES)
def test_only_the_list_may_send_a_form_and_only_here(client: FlaskClient, path: str) -> None:
    """The header of each page allows its own style, the list's a form to this service besides."""
    response = client.get(path)
    has_form = "form" in Page(response.text).tags

    expected = SEARCH_SECURITY if path == "/policies" else CONTENT_SECURITY
    assert response.headers["Content-Security-Policy"] == expected
    assert has_form == (path == "/policies")


def test_the_two_security_headers_differ_in_forms_alone() -> None:
    """Neither lets a page load or run anything."""
    differing = set(CONTENT_SECURITY.split("; ")) ^ set(SEARCH_SECURITY.split("; "))

    assert differing == {"form-action 'none'", "form-action 'self'"}
    assert "default-src 'none'" in CONTENT_SECURITY


@pytest.mark.parametrize("path", PAGES)
def test_a_table_says_what_it_holds(client: FlaskClient, path: str) -> None:
    """Every table has a caption, and every header cell a scope."""
    html = client.get(path).text

    assert html.count("<table>") == html.count("<caption>")
    assert html.count("<th ") == html.count("<th scope=")
    assert "<th>" not in html


def test_an_unknown_policy_is_a_page_too(client: FlaskClient) -> None:
    """It is 404, says so, leads to the list, and repeats nothing of the address."""
    response = client.get("/policies/no-such-thing")

    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "/policies" in Page(response.text).links
    assert "no-such-thing" not in response.text


def overlay(resource: dict[str, Any], directory: Path) -> FlaskClient:
    """A client of the built-in library with this resource in it."""
    file = directory / f"{resource['resourceType']}-{resource['id']}.json"
    file.write_text(json.dumps(resource), encoding="utf-8")
    return client_of(read_library([builtin_library(), directory]))


def test_versions_of_a_policy_link_to_each_other(library: Library, tmp_path: Path) -> None:
    """An earlier version shows until when it holds, and where the next one is."""
    later = {"id": "icare-next", "version": "2025.1.1", "effectivePeriod": {"start": "2025-01-01"}}
    client = overlay({**resource_of(library, "PlanDefinition", ICARE), **later}, tmp_path)

    earlier = page(client, ICARE)
    assert "2024-12-31" in earlier.text["dates"]
    assert "/policies/icare-next" in earlier.links
    assert f"/policies/{ICARE}" in page(client, "icare-next").links


def test_a_policy_that_says_little_has_every_section(library: Library, tmp_path: Path) -> None:
    """Without evidence, references, history or terms the page says that there are none."""
    kept = (
        "resourceType",
        "id",
        "url",
        "version",
        "title",
        "status",
        "useContext",
        "effectivePeriod",
        "action",
    )
    resource = resource_of(library, "PlanDefinition", ICARE)

    shown = page(overlay({name: resource[name] for name in kept}, tmp_path), ICARE)

    empty = ("evidence", "references", "related-documents", "history", "terms")
    assert [element for element in shown.ids if element in SECTIONS] == SECTIONS
    assert [name for name in empty if "The policy" not in shown.text[name]] == []
    assert shown.unbalanced == []


def test_a_library_without_policies_has_an_empty_list(tmp_path: Path) -> None:
    """The list says that there is nothing to list."""
    assert "No policy is hosted here" in client_of(read_library([tmp_path])).get("/policies").text


def hostile(value: Any, name: str = "") -> Any:
    """The same JSON with markup after all prose; the names of hooks are no prose."""
    if isinstance(value, dict):
        return {
            key: inner if key == "trigger" else hostile(inner, key) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [hostile(item, name) for item in value]
    return f"{value} {HOSTILE}" if name in PROSE else value


def write_hostile(library: Library, directory: Path) -> None:
    """Write the policies, payers and ValueSets of the library with hostile prose."""
    for kind in ("PlanDefinition", "ValueSet", "Organization", "InsurancePlan"):
        for artifact in library.of_type(kind):
            text = json.dumps(hostile(artifact.resource))
            (directory / artifact.path.name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def attacked(library: Library, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of pages whose library is hostile wherever it holds prose."""
    directory = tmp_path_factory.mktemp("library")
    write_hostile(library, directory)
    return client_of(read_library([builtin_library(), directory]))


@pytest.mark.parametrize("path", PAGES)
def test_text_of_a_policy_is_never_markup(attacked: FlaskClient, path: str) -> None:
    """Tags in a policy's words, labels and names are shown as they stand."""
    response = attacked.get(path)
    shown = Page(response.text)

    assert response.status_code in (200, 404)
    assert {"script", "img"}.isdisjoint(shown.tags)
    assert shown.unbalanced == []
    assert ("&lt;script&gt;" in response.text) == (response.status_code == 200)
