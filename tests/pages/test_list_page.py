"""The page with the list of policies: searched, and read a page at a time."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from flask.testing import FlaskClient
from hosted_policies import client_of, library_of, many_policies, numbered, two_versions
from html_page import Page
from small_library import policy

HOSTILE = "\"><script>alert('x')</script><img src=x onerror=y>"
UGLY = [
    "page=-1",
    "page=0",
    "page=9999999",
    "page=abc",
    "page=%C2%B2",
    "page=" + "9" * 5_000,
    "page=",
    "page",
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
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of pages over 120 policies: three pages of the list."""
    return client_of(library_of(tmp_path_factory.mktemp("library"), *many_policies(120)))


def ask(client: FlaskClient, query: str = "") -> Page:
    """The page of the list that this query string leads to."""
    response = client.get("/policies", environ_overrides={"QUERY_STRING": query})
    assert response.status_code == 200
    return Page(response.text)


def policies_on(page: Page) -> list[str]:
    """The ids of the policies that a page leads to."""
    links = (link for link in page.links if link.startswith("/policies/"))
    return [link.removeprefix("/policies/") for link in links]


def walk(client: FlaskClient, page: Page) -> Iterator[Page]:
    """This page and those that `Next page` leads to, each in turn."""
    yield page
    following = [given["href"] for _, given in page.elements if given.get("rel") == "next"]
    for link in following:
        yield from walk(client, ask(client, urlsplit(link).query))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", "1 to 50 of 120 policies"),
        ("page=2", "51 to 100 of 120 policies"),
        ("page=3", "101 to 120 of 120 policies"),
        ("q=payer-0010", "10 policies with “payer-0010”"),
        ("q=0007T", "1 policy with “0007T”"),
        ("q=n.00&page=2", "51 to 100 of 100 policies with “n.00”"),
    ],
)
def test_the_list_tells_what_of_how_many_is_shown(
    client: FlaskClient, query: str, count: str
) -> None:
    """The caption of the table counts, with the words that were searched for."""
    assert count in ask(client, query).text["main"]


def test_a_page_of_the_list_has_fifty_policies(client: FlaskClient) -> None:
    """The page does not grow with the library."""
    assert len(policies_on(ask(client))) == 50


@pytest.mark.parametrize(("query", "pages"), [("", 3), ("q=n.00", 2), ("q=0007T", 1)])
def test_next_page_leads_through_all_that_was_found(
    client: FlaskClient, query: str, pages: int
) -> None:
    """Each policy found is met once, and the search is kept from page to page."""
    walked = list(walk(client, ask(client, query)))

    met = [policy_id for page in walked for policy_id in policies_on(page)]
    assert len(walked) == pages
    assert len(met) == len(set(met)) == {"": 120, "q=n.00": 100, "q=0007T": 1}[query]


def test_previous_page_leads_back_with_the_search(client: FlaskClient) -> None:
    """The link names the page before and the words."""
    page = ask(client, "q=N.00&page=2")

    link = page.attributes("a", rel="prev")["href"]
    assert parse_qs(urlsplit(link).query) == {"q": ["N.00"], "page": ["1"]}


def test_the_ends_of_the_list_lead_no_further(client: FlaskClient) -> None:
    """The first page has no previous one, the last no next."""
    first, last = ask(client), ask(client, "page=3")

    assert [given.get("rel") for _, given in first.elements if "rel" in given] == ["next"]
    assert [given.get("rel") for _, given in last.elements if "rel" in given] == ["prev"]


def test_a_short_list_has_no_pages(client: FlaskClient) -> None:
    """What fits on one page is shown without a way to others."""
    assert "Page 1 of" not in ask(client, "q=0007T").text["main"]


def test_a_code_finds_the_policies_that_list_it(client: FlaskClient) -> None:
    """Only the whole code does."""
    assert policies_on(ask(client, "q=0007t")) == ["policy-0007"]
    assert policies_on(ask(client, "q=007t")) == []


def test_a_search_in_vain_is_a_page_that_leads_back(client: FlaskClient) -> None:
    """It tells what was not found, and has neither table nor pages."""
    page = ask(client, "q=no+such+thing")

    assert "No policy matches “no such thing”" in page.text["main"]
    assert "/policies" in page.links
    assert "table" not in page.tags


def test_the_search_field_is_labelled_and_keeps_the_words(client: FlaskClient) -> None:
    """A label names the field; the form asks this page with GET, and needs no script."""
    page = ask(client, "q=liver+surgery")

    field = page.attributes("input", name="q")
    form = page.attributes("form")
    assert page.attributes("label")["for"] == field["id"]
    assert field["aria-describedby"] in page.ids
    assert field["value"] == "liver surgery"
    assert (form["method"], form["action"]) == ("get", "/policies")


@pytest.mark.parametrize("query", UGLY, ids=lambda query: query[:20])
def test_whatever_is_asked_gets_a_well_formed_page(client: FlaskClient, query: str) -> None:
    """Never an error, never markup of a stranger's, never a page as long as what was asked."""
    page = ask(client, query)

    assert page.unbalanced == []
    assert {"script", "img"}.isdisjoint(page.tags)
    assert len(page.html) < 50_000
    assert page.tags.count("h1") == 1


def test_markup_in_a_query_is_shown_as_it_was_typed(client: FlaskClient) -> None:
    """In the field, and in what was not found."""
    page = ask(client, "q=" + quote_plus(HOSTILE))

    assert page.attributes("input", name="q")["value"] == HOSTILE
    assert f"“{HOSTILE}”" in page.text["main"]


@pytest.mark.parametrize(
    ("query", "number"), [("page=-1", 1), ("page=abc", 1), ("page=9999999", 3)]
)
def test_a_page_that_is_not_there_leads_to_the_nearest(
    client: FlaskClient, query: str, number: int
) -> None:
    """An old bookmark still shows policies."""
    assert f"Page {number} of 3" in ask(client, query).text["main"]


def test_the_title_names_the_search_and_the_page(client: FlaskClient) -> None:
    """Windows, histories and screen readers tell one page of the list from another."""
    html = client.get("/policies?q=n.00&page=2").text

    assert "<title>“n.00” in Coverage policies, page 2 of 2</title>" in html


@pytest.mark.parametrize(
    ("today", "standings"),
    [
        (date(2023, 12, 31), ["Not yet in force", "Not yet in force"]),
        (date(2024, 1, 1), ["In force", "Not yet in force"]),
        (date(2025, 1, 1), ["Ended", "In force"]),
    ],
)
def test_the_list_tells_how_each_version_stands_today(
    tmp_path: Path, today: date, standings: list[str]
) -> None:
    """Of two versions of a policy, a person sees which one governs on the day of reading."""
    client = client_of(library_of(tmp_path, *two_versions()), lambda: today)

    html = client.get("/policies").text

    rows = html[html.index("<tbody>") :].split("<tr>")[1:]
    words = ("Not yet in force", "In force", "Ended")
    shown = [next(word for word in words if f">{word}<" in row) for row in rows]
    assert shown == standings
    assert today.isoformat() in html


@pytest.mark.parametrize(
    ("name", "today", "note"),
    [
        ("old", date(2023, 12, 31), "Not yet in force. This version is in force from 2024-01-01"),
        ("old", date(2025, 1, 1), "Ended. This version was in force until 2024-12-31."),
        ("new", date(2024, 12, 31), "Not yet in force. This version is in force from 2025-01-01"),
    ],
)
def test_the_page_of_a_version_not_in_force_tells_so(
    tmp_path: Path, name: str, today: date, note: str
) -> None:
    """Whoever follows an old card's link sees at once that another version governs, and where."""
    client = client_of(library_of(tmp_path, *two_versions()), lambda: today)

    page = Page(client.get(f"/policies/{name}").text)

    assert note in page.text["main"]
    assert page.unbalanced == []


def test_the_page_of_a_version_in_force_needs_no_note(tmp_path: Path) -> None:
    """What governs today is not remarked on."""
    client = client_of(library_of(tmp_path, policy()))

    assert "This version" not in client.get("/policies/acme-1").text


def test_a_hostile_number_is_shown_as_it_is_written(tmp_path: Path) -> None:
    """What a policy's author wrote is never markup in the list."""
    client = client_of(library_of(tmp_path, numbered("hostile", HOSTILE)))

    page = ask(client)

    assert HOSTILE in page.text["main"]
    assert {"script", "img"}.isdisjoint(page.tags)
