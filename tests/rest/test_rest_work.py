"""What the FHIR API costs, in steps of the interpreter: these do not depend on the machine."""

import pytest
from fhir_api import fhir_client, get, links, rest_of
from flask.testing import FlaskClient
from hosted_policies import library_of, many_policies
from steps import TENFOLD, count_steps

from cds_service.crd.codes import CANONICAL_BASE, PAYER_ID
from cds_service.policy.library.artifacts import Library

FEW, MANY = 100, 1_000
SAME = 1.1  # what may vary where the number of policies does not count


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Library]:
    """Few policies and many, with a tenth as many payers."""
    directory = tmp_path_factory.mktemp("libraries")
    return {
        count: library_of(directory / str(count), *many_policies(count)) for count in (FEW, MANY)
    }


@pytest.fixture(scope="module")
def clients(libraries: dict[int, Library]) -> dict[int, FlaskClient]:
    """The API over few policies and over many."""
    return {count: fhir_client(library) for count, library in libraries.items()}


def cost(client: FlaskClient, path: str) -> int:
    """The steps that an answer costs, once indexes are there."""
    get(client, path)
    return count_steps(lambda: get(client, path))


@pytest.mark.parametrize(
    "path",
    [
        "/PlanDefinition/policy-0042",
        "/metadata",
        "/PlanDefinition?_count=10",
        "/PlanDefinition?_count=10&_sort=-date",
        "/PlanDefinition?_count=10&_sort=title&_elements=url",
        "/PlanDefinition?_id=policy-0042",
        f"/PlanDefinition?url={CANONICAL_BASE}/PlanDefinition/policy-0042",
        "/PlanDefinition?identifier=N.0042",
        f"/PlanDefinition?context={PAYER_ID}|payer-0040",
        "/PlanDefinition?title=policy policy-0042",
        f"/PlanDefinition?url:below={CANONICAL_BASE}/PlanDefinition/policy-0042",
        "/PlanDefinition?_id=policy-0042&_include=*",
        "?_count=10",
    ],
)
def test_an_answer_costs_the_same_whatever_else_is_hosted(
    clients: dict[int, FlaskClient], path: str
) -> None:
    """Ten times the policies cost nothing more where one of them, or a page, is asked for."""
    assert cost(clients[MANY], path) <= SAME * cost(clients[FEW], path)


def test_a_later_page_costs_what_the_first_does(clients: dict[int, FlaskClient]) -> None:
    """Nobody pays for the pages before."""
    client = clients[MANY]
    first = get(client, "/PlanDefinition?_count=10")

    assert cost(client, links(first)["last"]) <= SAME * cost(client, links(first)["next"])


@pytest.mark.parametrize("path", ["status=active", "title:contains=policy", "effective=2020"])
def test_any_search_costs_no_more_than_its_library_grows(
    clients: dict[int, FlaskClient], path: str
) -> None:
    """Ten times the policies cost at most twelve times the steps."""
    path = f"/PlanDefinition?_count=10&{path}"

    assert cost(clients[MANY], path) <= TENFOLD * cost(clients[FEW], path)


def test_a_set_is_read_in_one_pass(libraries: dict[int, Library]) -> None:
    """So that it comes into service soon: indexes are made when they are first asked for."""
    few = count_steps(lambda: rest_of(libraries[FEW]))
    many = count_steps(lambda: rest_of(libraries[MANY]))

    assert many <= TENFOLD * few


@pytest.mark.parametrize("path", ["context-type-value=program$payer-0010", "identifier=N.0042"])
def test_an_index_is_made_in_one_pass(libraries: dict[int, Library], path: str) -> None:
    """The first search pays for it."""

    def first(library: Library) -> int:
        client = fhir_client(library)
        return count_steps(lambda: get(client, f"/PlanDefinition?{path}"))

    assert first(libraries[MANY]) <= TENFOLD * first(libraries[FEW])
