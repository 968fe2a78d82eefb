"""Pages of a search, and what comes with their matches (FHIR R4, search)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_web import fake_web
from fakes import BASE_URL
from fhir_api import fhir_client, found, get, links, notes, rest_of
from flask.testing import FlaskClient
from small_library import (
    JsonObject,
    insurance_plan,
    organization,
    policy,
    write_library,
)

from cds_service.policy.library.artifacts import Library, read_library
from cds_service.rest.routes import create_rest
from cds_service.rest.search import following

VALUE_SET = "https://policies.example.invalid/ValueSet/codes"


def value_set(name: str, version: str) -> JsonObject:
    """A version of one ValueSet."""
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": VALUE_SET,
        "version": version,
        "status": "active",
        "compose": {"include": [{"system": "urn:codes", "concept": [{"code": "a"}]}]},
    }


def depending(name: str, canonical: str) -> JsonObject:
    """A policy that depends on something."""
    return policy(name=name, relatedArtifact=[{"type": "depends-on", "resource": canonical}])


def library_in(directory: Path, *resources: JsonObject) -> Library:
    """The library of these resources, with two payers of whom one is part of the other."""
    part_of = organization("acme", partOf={"reference": "Organization/bolt"})
    payers = part_of, organization("bolt")
    return read_library([write_library(directory, *payers, *resources)])


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """Seven policies, some of which depend on ValueSets; plans and their payers."""
    return fhir_client(
        library_in(
            tmp_path,
            *(policy(name=f"p{number}") for number in range(4)),
            depending("pinned", f"{VALUE_SET}|1"),
            depending("loose", VALUE_SET),
            depending("outside", "https://elsewhere.invalid/ValueSet/y|1"),
            value_set("codes-1", "1"),
            value_set("codes-2", "2"),
            insurance_plan("gold", "511"),
        )
    )


def pages(client: FlaskClient, path: str, relation: str = "next") -> Iterator[JsonObject]:
    """A page and those that its links lead to."""
    while path:
        bundle = get(client, path)
        yield bundle
        path = links(bundle).get(relation, "")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 500])
def test_following_the_links_shows_every_match_once(client: FlaskClient, count: int) -> None:
    """And back again; each page knows the total."""
    everything = found(get(client, "/PlanDefinition"))
    forward = list(pages(client, f"/PlanDefinition?_count={count}&_sort=-_id"))
    last = links(forward[0]).get("last", "/PlanDefinition?_sort=-_id")
    backward = list(pages(client, last, "previous"))

    assert [name for page in forward for name in found(page)] == everything[::-1]
    assert [name for page in backward[::-1] for name in found(page)] == everything[::-1]
    assert {page["total"] for page in forward} == {7}


def test_types_that_are_searched_together_are_paged_together(client: FlaskClient) -> None:
    """No page ends where a type does."""
    sizes = [len(found(page)) for page in pages(client, "?_count=5")]

    assert sizes == [5, 5, 2]


def test_a_link_of_a_page_is_the_page(client: FlaskClient) -> None:
    """`self` names the page, and the values of parameters as they are used."""
    second = get(client, links(get(client, "/PlanDefinition?_count=2"))["next"])

    assert get(client, links(second)["self"]) == second
    assert links(get(client, "/PlanDefinition?_count=100000"))["self"].endswith("?_count=500")


def test_a_page_is_gone_once_other_policies_are_in_service(tmp_path: Path) -> None:
    """Rather than shown from the middle of another set; the search itself goes on."""
    before = rest_of(library_in(tmp_path / "a", *(policy(name=f"p{at}") for at in range(3))))
    after = rest_of(library_in(tmp_path / "b", *(policy(name=f"p{at}") for at in range(4))))
    current = [before]
    client = fake_web({}, [create_rest(lambda: current[0], BASE_URL)]).test_client()
    following_page = links(get(client, "/PlanDefinition?_count=2"))["next"]
    current[0] = after

    outcome = get(client, following_page, 410)

    assert "search again" in outcome["issue"][0]["diagnostics"]
    assert get(client, "/PlanDefinition?_count=2")["total"] == 4


@pytest.mark.parametrize("query", ["_summary=count", "_count=0"])
def test_a_count_is_a_total_and_nothing_else(client: FlaskClient, query: str) -> None:
    """`_count=0` asks for the same."""
    bundle = get(client, f"/PlanDefinition?{query}")

    assert bundle["total"] == 7
    assert "entry" not in bundle


def test_a_total_may_be_left_out(client: FlaskClient) -> None:
    """`_total=none` asks for that."""
    assert "total" not in get(client, "/PlanDefinition?_total=none")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/InsurancePlan?_include=InsurancePlan:owned-by", "acme"),
        ("/InsurancePlan?_include=InsurancePlan:owned-by:Organization", "acme"),
        ("/InsurancePlan?_include=InsurancePlan:owned-by:Patient", ""),
        ("/InsurancePlan?_include=InsurancePlan:*", "acme"),
        ("/InsurancePlan?_include=*", "acme"),
        ("/InsurancePlan?_include=*&_include:iterate=Organization:partof", "acme bolt"),
        ("/InsurancePlan?_include=*&_include=Organization:partof", "acme"),
        ("/PlanDefinition?_id=pinned&_include=PlanDefinition:depends-on", "codes-1"),
        ("/PlanDefinition?_id=loose&_include=PlanDefinition:depends-on", "codes-1 codes-2"),
        ("/PlanDefinition?_id=outside&_include=PlanDefinition:depends-on", ""),
        ("/PlanDefinition?_include=PlanDefinition:depends-on", "codes-1 codes-2"),
        ("/ValueSet?_id=codes-1&_revinclude=PlanDefinition:depends-on", "loose pinned"),
        ("/ValueSet?_id=codes-2&_revinclude=PlanDefinition:depends-on", "loose"),
        ("/Organization?_id=acme&_revinclude=InsurancePlan:owned-by", "gold"),
        ("/Organization?_id=bolt&_revinclude:iterate=Organization:partof", "acme"),
        ("/Organization?_revinclude=Organization:partof", ""),
    ],
)
def test_what_a_match_refers_to_comes_with_it(
    client: FlaskClient, path: str, expected: str
) -> None:
    """Once, marked as included and not counted; forth and back, and on where it is iterated."""
    bundle = get(client, path)

    assert sorted(found(bundle, "include")) == expected.split()
    assert bundle["total"] == len(found(bundle))
    assert notes(bundle) == []


def test_no_page_carries_more_than_can_be_sent(tmp_path: Path) -> None:
    """What refers to one resource may be the whole library: the page says that it is not all."""
    many = range(following.MOST_INCLUDED + 1)
    client = fhir_client(
        library_in(
            tmp_path,
            value_set("codes-1", "1"),
            *(insurance_plan(f"plan-{number}", "511") for number in many),
        )
    )
    bundle = get(client, "/Organization?_id=acme&_revinclude=InsurancePlan:owned-by&_elements=id")

    assert len(found(bundle, "include")) == following.MOST_INCLUDED
    assert "search for the others" in notes(bundle)[0]
