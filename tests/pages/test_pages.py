"""Policy pages: everything a policy says is there, reachable, well formed and harmless."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.fhir.resource import follow
from cds_service.pages.routes import CONTENT_SECURITY, create_pages
from cds_service.policy.library.artifacts import Library, builtin_library, read_library
from cds_service.policy.library.compiler import compile_library

ICARE = "icare-wi-pa-1266-20241008"
ANTHEM = "anthem-surg-00126-20240401"
POLICIES = (ICARE, ANTHEM)
PAGES = ("/policies", "/policies/unknown", *(f"/policies/{policy}" for policy in POLICIES))
SECTIONS = "position codes plans dates next-steps evidence references related-documents history terms about".split()
HOSTILE = "</title><script>alert('x')</script><img src=x onerror=\"y\">"
PROSE = frozenset(
    "title subtitle description purpose usage copyright publisher text display citation label textEquivalent"
    " valueMarkdown valueString name alias".split()
)
VOID = frozenset({"meta", "br"})
HEADINGS = {f"h{level}": level for level in range(1, 7)}


@dataclass
class Page(HTMLParser):
    """What a page holds: ids, links, headings, the text of each element with an id, and tags out of balance."""

    html: str
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    text: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self.feed(self.html)
        self.close()
        self.unbalanced += [tag for tag, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag not in VOID:
            self._open.append((tag, given.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        for element in {element for _, element in self._open} - {""}:
            self.text[element] = self.text.get(element, "") + data


def client_of(library: Library) -> FlaskClient:
    """A client of the pages over one library."""
    app = Flask(__name__)
    app.register_blueprint(
        create_pages(library, compile_library(library, base_url="https://crd.example.invalid"))
    )
    return app.test_client()


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
    found = (one.resource for one in library.of_type(kind) if one.resource["id"].startswith(name))
    return next(found)


def related(library: Library, policy: str, kind: str) -> list[dict[str, Any]]:
    """A policy's related artifacts of one type."""
    found = resource_of(library, "PlanDefinition", policy)["relatedArtifact"]
    return [one for one in found if one["type"] == kind]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_page_has_every_section_and_its_contents_link_to_it(
    client: FlaskClient, policy: str
) -> None:
    """Each section has its anchor, once, and the list of contents links to it."""
    shown = page(client, policy)

    assert [one for one in shown.ids if one in SECTIONS] == SECTIONS
    assert {f"#{one}" for one in SECTIONS} <= set(shown.links)


@pytest.mark.parametrize("policy", POLICIES)
def test_each_rule_has_the_anchor_that_cards_link_to(
    client: FlaskClient, library: Library, policy: str
) -> None:
    """The element whose id is the rule's says the rule's title, words and source section."""
    shown = page(client, policy)

    for rule in follow(resource_of(library, "PlanDefinition", policy), ("action", "action")):
        said = (
            rule["title"],
            rule["description"],
            rule["textEquivalent"],
            rule["documentation"][0]["label"],
        )
        assert [words for words in said if words not in shown.text[f"rule-{rule['id']}"]] == []


def test_a_rule_says_what_to_do_and_whom_to_ask(client: FlaskClient) -> None:
    """The California rule shows its answer, what is needed, and all three numbers."""
    said = page(client, ANTHEM).text["rule-ca-hmo-do-not-decide"]

    wanted = (
        "Depends on further information",
        "Fax 818-234-2767",
        "Fax 818-234-3824",
        "Phone 1-800-365-0609",
    )
    assert [words for words in wanted if words not in said] == []


def test_the_next_steps_name_each_instruction_once(client: FlaskClient) -> None:
    """What several rules ask for is one step."""
    said = page(client, ANTHEM).text["next-steps"]

    assert said.count("Write on the order which procedure 93799 stands for") == 1
    assert said.count("guides decisions and is advisory") == 1


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
    codes = [
        one["code"] for one in follow({"c": contexts[-1:]}, ("c", "valueCodeableConcept", "coding"))
    ]
    said = page(client, policy).text["codes"]

    assert len(codes) == count
    assert [code for code in codes if code not in said] == []


def test_a_code_of_a_value_set_has_our_own_label(client: FlaskClient, library: Library) -> None:
    """The comments of the ValueSet label its codes."""
    said = page(client, ANTHEM).text["codes"]
    concepts = follow(resource_of(library, "ValueSet", "anthem"), ("compose", "include", "concept"))

    assert [one for one in concepts if one["extension"][0]["valueString"] not in said] == []


@pytest.mark.parametrize(("policy", "count"), [(ICARE, 17), (ANTHEM, 72)])
def test_every_citation_is_listed(
    client: FlaskClient, library: Library, policy: str, count: int
) -> None:
    """Each citation stands in full, under an anchor of its own."""
    shown = page(client, policy)
    citations = related(library, policy, "citation")

    anchors = [f"citation-{one['label']}" for one in citations]
    assert [one for one in shown.ids if one.startswith("citation-")] == anchors
    assert [one for one in citations if one["citation"] not in shown.text["references"]] == []
    assert len(citations) == count


@pytest.mark.parametrize("policy", POLICIES)
def test_every_justification_is_shown(client: FlaskClient, library: Library, policy: str) -> None:
    """The evidence is given in full, with links to what it rests on."""
    shown = page(client, policy)

    justifications = related(library, policy, "justification")
    assert [one for one in justifications if one["citation"] not in shown.text["evidence"]] == []
    assert any(link.startswith("#citation-") for link in shown.links)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_comment_is_lost(client: FlaskClient, library: Library, policy: str) -> None:
    """History, discrepancies, derivations, guidance and absences: every comment is somewhere on the page."""
    said = page(client, policy).text["main"]

    comments = follow(resource_of(library, "PlanDefinition", policy), ("extension", "extension"))
    texts = [one["valueMarkdown"].replace("`", "") for one in comments if one["url"] == "text"]
    assert [words for words in texts if words.split(": ", 1)[-1] not in said] == []


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
def test_a_derived_date_says_so(client: FlaskClient, policy: str, derived: list[str]) -> None:
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
def test_the_line_of_business_is_given_or_said_to_be_missing(
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
    """The policy of the header allows only our own style; the page asks for nothing else."""
    response = client.get(path)

    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY
    assert {"script", "img", "link", "iframe", "form", "object"}.isdisjoint(
        Page(response.text).tags
    )
    assert " style=" not in response.text


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
    """An earlier version says until when it holds, and where the next one is."""
    later = {"id": "icare-next", "version": "2025.1.1", "effectivePeriod": {"start": "2025-01-01"}}
    client = overlay({**resource_of(library, "PlanDefinition", ICARE), **later}, tmp_path)

    earlier = page(client, ICARE)
    assert "2024-12-31" in earlier.text["dates"]
    assert "/policies/icare-next" in earlier.links
    assert f"/policies/{ICARE}" in page(client, "icare-next").links


def test_a_policy_that_says_little_has_every_section(library: Library, tmp_path: Path) -> None:
    """Without evidence, references, history or terms the page still stands, and says that there are none."""
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
    assert [one for one in shown.ids if one in SECTIONS] == SECTIONS
    assert [name for name in empty if "The policy" not in shown.text[name]] == []
    assert shown.unbalanced == []


def test_a_library_without_policies_has_an_empty_list(tmp_path: Path) -> None:
    """The list says that there is nothing to list."""
    assert "No policy is hosted here" in client_of(read_library([tmp_path])).get("/policies").text


def hostile(value: Any, name: str = "") -> Any:
    """The same JSON with markup after all prose; the names of hooks are no prose."""
    if isinstance(value, dict):
        return {key: one if key == "trigger" else hostile(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, name) for one in value]
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
