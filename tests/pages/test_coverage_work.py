"""What the coverage list costs, in steps of the interpreter: these do not depend on the machine."""

import pytest
from flask.testing import FlaskClient
from hosted_policies import library_of, many_policies
from listed_coverage import BASE_URL, coverage_client
from steps import TENFOLD, count_steps

from cds_service.pages.coverage.listing import list_coverage
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

pytestmark = pytest.mark.long

FEW, MANY = 520, 5_200  # with more payers than are offered to choose from
SAME = 1.1  # what a page may cost that does not depend on the number of policies

Read = tuple[Library, PolicyIndex]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Read]:
    """Few policies and many, a tenth as many payers."""
    directory = tmp_path_factory.mktemp("libraries")
    read = {
        count: library_of(directory / str(count), *many_policies(count)) for count in (FEW, MANY)
    }
    return {
        count: (library, compile_library(library, base_url=BASE_URL))
        for count, library in read.items()
    }


@pytest.fixture(scope="module")
def clients(libraries: dict[int, Read]) -> dict[int, FlaskClient]:
    """The list over few policies and over many."""
    return {count: coverage_client(*read) for count, read in libraries.items()}


def cost(client: FlaskClient, path: str) -> int:
    """The steps that a page costs, once its rows are selected and its template is compiled."""
    client.get(path)
    return count_steps(lambda: client.get(path))


def test_the_list_is_read_in_one_pass(libraries: dict[int, Read]) -> None:
    """Ten times the policies, rules, codes and payers cost at most twelve times the steps."""
    few = count_steps(lambda: list_coverage(*libraries[FEW], name="few"))
    many = count_steps(lambda: list_coverage(*libraries[MANY], name="many"))

    assert many <= TENFOLD * few


@pytest.mark.parametrize(
    "query",
    [
        "",
        "page=2",
        "answer=not-covered",
        "q=0042T",
        "q=0042T&format=fhir",
        "date=2022-02-02",
        "format=json&count=20",
        "format=csv&count=20",
    ],
)
def test_a_page_costs_what_stands_on_it(clients: dict[int, FlaskClient], query: str) -> None:
    """Ten times the policies do not make a page of the list, or of a code, dearer."""
    path = f"/coverage-list?{query}"

    assert cost(clients[MANY], path) <= SAME * cost(clients[FEW], path)


@pytest.mark.parametrize(
    "query",
    ["q=policy", "q=payer", "q=nothing", "q=99999", "payer=payer-0010", "q=is+0042T+a+policy"],
)
def test_a_search_costs_no_more_than_its_list_grows(
    clients: dict[int, FlaskClient], query: str
) -> None:
    """Ten times the policies cost at most twelve times the steps."""
    path = f"/coverage-list?{query}"

    assert cost(clients[MANY], path) <= TENFOLD * cost(clients[FEW], path)


@pytest.mark.parametrize("word", ["nothing", "99"])
def test_words_that_no_rule_has_are_not_looked_for_in_each(
    clients: dict[int, FlaskClient], word: str
) -> None:
    """Of which a visitor may write many, in words or as codes."""
    path = f"/coverage-list?q={'+'.join(f'{word}{at:03d}' for at in range(20))}"

    assert cost(clients[MANY], path) <= 2 * cost(clients[FEW], path)
