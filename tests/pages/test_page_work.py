"""What the pages cost, in steps of the interpreter: these do not depend on the machine."""

import pytest
from flask.testing import FlaskClient
from hosted_policies import client_of, library_of, many_policies
from steps import TENFOLD, count_steps

from cds_service.pages.routes import read_pages
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

FEW, MANY = 100, 1_000
SAME = 1.1  # what a page may cost that does not depend on the number of policies


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Library, PolicyIndex]]:
    """Few policies and many, with as many rules and a tenth as many payers."""
    directory = tmp_path_factory.mktemp("libraries")
    read = {
        count: library_of(directory / str(count), *many_policies(count)) for count in (FEW, MANY)
    }
    return {
        count: (library, compile_library(library, base_url="https://crd.example.invalid"))
        for count, library in read.items()
    }


@pytest.fixture(scope="module")
def clients(libraries: dict[int, tuple[Library, PolicyIndex]]) -> dict[int, FlaskClient]:
    """Pages over few policies and over many."""
    return {count: client_of(library) for count, (library, _) in libraries.items()}


def cost(client: FlaskClient, path: str) -> int:
    """The steps that a page costs, once its template is compiled."""
    client.get(path)
    return count_steps(lambda: client.get(path))


def test_the_list_is_read_in_one_pass(
    libraries: dict[int, tuple[Library, PolicyIndex]],
) -> None:
    """Ten times the policies, rules and payers cost at most twelve times the steps at start."""
    few = count_steps(lambda: read_pages(*libraries[FEW]))
    many = count_steps(lambda: read_pages(*libraries[MANY]))

    assert many <= TENFOLD * few


@pytest.mark.parametrize(
    "path", ["/policies", "/policies?page=2", "/policies/policy-0042", "/policies/unknown"]
)
def test_a_page_costs_the_same_whatever_else_is_hosted(
    clients: dict[int, FlaskClient], path: str
) -> None:
    """Neither a page of the list nor a policy's own looks through all policies or rules."""
    assert cost(clients[MANY], path) <= SAME * cost(clients[FEW], path)


@pytest.mark.parametrize("query", ["policy", "0042T", "nothing", "n+0+policy+payer+title+x"])
def test_a_search_costs_no_more_than_its_list_grows(
    clients: dict[int, FlaskClient], query: str
) -> None:
    """Ten times the policies cost at most twelve times the steps."""
    path = f"/policies?q={query}"

    assert cost(clients[MANY], path) <= TENFOLD * cost(clients[FEW], path)
