"""`GET /coverage-list`: the page a person searches in, and how programs get the same."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import pytest
from flask.testing import FlaskClient
from hosted_policies import TODAY, client_of, library_of, many_policies
from html_page import Page
from listed_coverage import BASE_URL, SINCE, coverage_client, shipped
from small_library import policy, rule

from cds_service.pages.coverage.routes import MEDIA_TYPES
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.snapshot import digest

PATH = "/coverage-list"
QUESTION = "q=is+0600T+covered+by+iCare%3F"
HOSTILE = "\"><script>alert('x')</script><img src=x onerror=y>"
UGLY = [
    "page=-1",
    "page=9999999",
    "page=%C2%B2",
    "page=" + "9" * 5_000,
    "q=" + "x" * 10_240,
    "q=" + "x+" * 5_120,
    "q=%00%01",
    "q=%FF%FE",
    "q=%ED%A0%80",
    "q=%",
    "q=\xff\xfe",
    "q=" + quote_plus(HOSTILE),
    "q=0600T&q=nothing",
    "q[]=x&page[]=2",
    "&&&=&=",
    "x=" + "&x=" * 3_000,
    "date=&payer=&plan=&answer=&format=",
]
REFUSED = [
    "date=yesterday",
    "date=2026-02-30",
    "date=%FF%FE",
    "date=" + "9" * 5_000,
    "payer=aetna",
    "payer=" + quote_plus(HOSTILE),
    "plan=gold",
    "answer=maybe",
]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """A client of the list of the policies that come with the service, and the examples."""
    return coverage_client(*shipped())


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of the list of 120 policies with a code each: three pages."""
    library = library_of(tmp_path_factory.mktemp("library"), *many_policies(120))
    return coverage_client(library, compile_library(library, base_url=BASE_URL))


def page_of(client: FlaskClient, query: str = "") -> Page:
    """The page that this query string leads to."""
    response = client.get(PATH, environ_overrides={"QUERY_STRING": query})
    assert response.status_code == 200
    return Page(response.text)


def test_the_first_line_answers_in_bold(client: FlaskClient) -> None:
    """A stranger who asks reads it before any row."""
    page = page_of(client, QUESTION)

    lead = "iCare Medicare Advantage: 0600T is not covered (since 2024-10-08)"
    assert page.text["answers"].strip().startswith(lead)
    assert f"<strong>{lead}</strong>" in page.html
    assert page.html.index("<strong>") < page.html.index("<table>")
    assert page.html.count("<tr>") == 2


def test_a_row_leads_to_its_place_on_the_policys_page(client: FlaskClient) -> None:
    """And that page, and the list of policies, lead back."""
    page = page_of(client, QUESTION)
    [link] = [link for link in page.links if link.startswith("/policies/")]

    policy_page = Page(client.get(link).text)

    assert urlsplit(link).fragment in policy_page.ids
    assert PATH in policy_page.links
    assert PATH in Page(client.get("/policies").text).links
    assert "/policies" in page.links


def test_pages_without_the_list_do_not_lead_to_it(tmp_path: Path) -> None:
    """Nothing breaks where it is not served."""
    response = client_of(library_of(tmp_path, policy())).get("/policies")

    assert response.status_code == 200
    assert PATH not in Page(response.text).links


def test_the_caption_tells_the_day_and_the_set(client: FlaskClient) -> None:
    """Of which day and of which policies the rows are."""
    library, _ = shipped()
    page = page_of(client, "date=2024-05-05")

    caption = page.html[page.html.index("<caption>") : page.html.index("</caption>")]
    assert "as of 2024-05-05" in caption
    assert digest(library) in caption
    assert "(today)" not in caption
    assert f"as of {TODAY} (today)" in page_of(client).html


def test_the_table_is_one_for_a_screen_reader(client: FlaskClient) -> None:
    """Headings with their scope, a caption, labels for all fields, tags in balance, no script."""
    page = page_of(client, QUESTION)

    assert page.unbalanced == []
    assert len(page.ids) == len(set(page.ids))
    headings = [given["scope"] for tag, given in page.elements if tag == "th"]
    assert headings[:6] == ["col", "col", "col", "col", "col", "row"]
    labelled = {given["for"] for tag, given in page.elements if tag == "label"}
    fields = {given["id"] for tag, given in page.elements if tag in ("input", "select")}
    assert labelled == fields == {"q", "payer", "plan", "answer", "date"}
    assert {"script", "img", "link", "iframe"}.isdisjoint(page.tags)
    assert "@media print" in page.html


def test_the_page_tells_what_the_list_is_not(client: FlaskClient) -> None:
    """No guarantee, and silence is no coverage."""
    html = page_of(client).html

    assert "no guarantee of coverage or payment" in html
    assert "It is not covered by being absent" in html


@pytest.mark.parametrize("query", UGLY)
def test_ugly_questions_get_a_page(client: FlaskClient, query: str) -> None:
    """None of them raises, and none gets its text in as markup."""
    page = page_of(client, query)

    assert page.unbalanced == []
    assert "script" not in page.tags


@pytest.mark.parametrize("query", REFUSED)
@pytest.mark.parametrize("form", list(MEDIA_TYPES))
def test_what_cannot_be_asked_is_400_in_words(client: FlaskClient, query: str, form: str) -> None:
    """A page for people, an OperationOutcome for programs."""
    whole = {"QUERY_STRING": f"{query}&format={form}"}
    response = client.get(PATH, environ_overrides=whole)

    assert response.status_code == 400
    name = query.partition("=")[0]
    if form == "html":
        assert f"`{name}`" in response.text
        assert "script" not in Page(response.text).tags
    else:
        assert response.mimetype == "application/fhir+json"
        [issue] = json.loads(response.data)["issue"]
        assert issue["diagnostics"].startswith(f"`{name}`")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("format=xml", "`format` is one of html, csv, json, fhir"),
        ("format=json&count=0", "`count` is a number of rows from 1 to 2000"),
        ("format=csv&count=10001", "`count` is a number of rows"),
        ("format=json&count=many", "`count` is a number of rows"),
        ("format=json&count=%C2%B2", "`count` is a number of rows"),
    ],
)
def test_unknown_formats_and_counts_are_refused(
    client: FlaskClient, query: str, problem: str
) -> None:
    """With what there is instead."""
    response = client.get(f"{PATH}?{query}")

    assert response.status_code == 400
    assert problem in response.text


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("*/*", "html"),
        ("application/json", "json"),
        ("application/fhir+json", "fhir"),
        ("text/csv", "csv"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("image/png", "html"),
    ],
)
def test_the_format_is_the_one_that_is_accepted(
    client: FlaskClient, accept: str, form: str
) -> None:
    """A browser gets the page; a format that is named goes before."""
    headers = {"Accept": accept} if accept else {}

    assert client.get(PATH, headers=headers).mimetype == MEDIA_TYPES[form]
    named = client.get(f"{PATH}?format=csv", headers=headers)
    assert named.mimetype == "text/csv"
    assert "Accept" in named.headers["Vary"]


def test_the_page_leads_to_the_same_in_other_formats(client: FlaskClient) -> None:
    """With the question that was asked."""
    links = page_of(client, f"{QUESTION}&answer=not-covered").links

    for form in ("csv", "json", "fhir"):
        [link] = [link for link in links if f"format={form}" in link]
        response = client.get(link)
        assert response.mimetype == MEDIA_TYPES[form]
        assert "WI.PA-1266" in response.text
        assert "SURG.00126" not in response.text


def test_csv_is_a_file_to_keep(client: FlaskClient) -> None:
    """Named by its day."""
    response = client.get(f"{PATH}?format=csv&date=2024-05-05")

    assert response.headers["Content-Disposition"] == (
        'attachment; filename="coverage-list-2024-05-05.csv"'
    )
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"


def walk(client: FlaskClient, page: Page) -> Iterator[Page]:
    """This page and those that `Next page` leads to, each in turn."""
    yield page
    following = {given["href"] for _, given in page.elements if given.get("rel") == "next"}
    for link in following:
        yield from walk(client, page_of(client, urlsplit(link).query))


def test_the_pages_together_are_every_row_once(many: FlaskClient) -> None:
    """In their order, whatever the question."""
    pages = list(walk(many, page_of(many, "answer=not-covered")))

    links = [link for page in pages for link in page.links if link.startswith("/policies/")]
    assert len(pages) == 3
    assert len(links) == len(set(links)) == 120


def test_programs_follow_the_next_link(many: FlaskClient) -> None:
    """In the header of every format, and in the body of those that have one."""
    first = many.get(f"{PATH}?format=json&count=100")
    second = many.get(json.loads(first.data)["next"])

    rows = [*json.loads(first.data)["rows"], *json.loads(second.data)["rows"]]
    assert len({row["code"] for row in rows}) == 120
    assert json.loads(second.data)["next"] is None
    following = many.get(f"{PATH}?format=csv&count=100").headers["Link"]
    assert following == f'<{PATH}?format=csv&count=100&page=2>; rel="next"'
    rest = many.get(following[1 : following.index(">")]).text
    assert len(list(csv.reader(io.StringIO(rest)))) == 21


def test_a_known_answer_is_not_sent_again(client: FlaskClient) -> None:
    """By its tag, which is another for another day, question, format and page."""
    tags = set()
    for query in ("", QUESTION, "date=2024-05-05", "format=json", "format=fhir", "answer=covered"):
        first = client.get(f"{PATH}?{query}")
        tags.add(first.headers["ETag"])
        again = client.get(f"{PATH}?{query}", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert len(tags) == 6


def test_another_set_or_day_is_sent_whole(tmp_path: Path, client: FlaskClient) -> None:
    """The tag of one is none of the other's."""
    library = library_of(tmp_path, policy())
    index = compile_library(library, base_url=BASE_URL)
    known = client.get(PATH).headers["ETag"]

    other = coverage_client(library, index).get(PATH, headers={"If-None-Match": known})
    tomorrow = coverage_client(*shipped(), today=lambda: date(2026, 11, 27))

    assert other.status_code == 200
    assert tomorrow.get(PATH, headers={"If-None-Match": known}).status_code == 200


def test_it_was_changed_by_the_set_or_by_the_day(client: FlaskClient) -> None:
    """What is asked as of today changes with the day; of a fixed day only with the set."""
    today = client.get(PATH).last_modified
    fixed = client.get(f"{PATH}?date=2024-05-05").last_modified

    assert today
    assert (today.date(), today.hour) == (TODAY, 0)
    assert fixed == SINCE


def test_any_page_may_read_it_and_caches_ask_again_soon(client: FlaskClient) -> None:
    """With no script of its own."""
    headers = client.get(PATH).headers

    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == "ETag, Last-Modified, Link"
    assert headers["Cache-Control"] == "public, max-age=60"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src ")
    assert "form-action 'self'" in headers["Content-Security-Policy"]


def test_hostile_policies_are_shown_as_text(tmp_path: Path) -> None:
    """A title with markup is a title."""
    library = library_of(tmp_path, policy(rule(title=HOSTILE), title=HOSTILE))
    client = coverage_client(library, compile_library(library, base_url=BASE_URL))

    page = page_of(client, "q=0001T")

    assert "script" not in page.tags
    assert page.unbalanced == []


def test_an_empty_library_has_a_page(tmp_path: Path) -> None:
    """Which tells so."""
    library = library_of(tmp_path)
    client = coverage_client(library, compile_library(library, base_url=BASE_URL))

    assert "No policy is hosted here" in page_of(client).html
    assert json.loads(client.get(f"{PATH}?format=json").data)["total"] == 0


def test_a_payer_is_chosen_from_few_and_typed_of_many(tmp_path: Path, client: FlaskClient) -> None:
    """The one that was asked for stays in the form."""
    library = library_of(tmp_path, *many_policies(600))
    many = coverage_client(library, compile_library(library, base_url=BASE_URL))

    chosen = page_of(client, "payer=icare")
    typed = page_of(many, "payer=payer-0010")

    assert chosen.attributes("option", value="icare") == {"value": "icare", "selected": ""}
    assert typed.attributes("input", id="payer")["value"] == "payer-0010"
