"""The integrator's guide: its calls are made, its answers compared, its tables held to the code.

`python tests/test_integrator_guide.py` writes the generated tables into the guide.
"""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from author_guide import SERVED_AT, Block, read_blocks, shown_tables, snippets, with_tables
from crd_command import serving, url_of
from integrator_guide import (
    GUIDE,
    TABLES,
    TEXT,
    Call,
    agrees,
    comparable,
    read_call,
    statuses_of_the_code,
)
from operating import BASE_URL, CLIENT_ISSUER, ORDER_SIGN, REQUEST, install, send

from cds_service.errors import InvalidRequest, PayerNotHandled, UnsupportedVersion
from cds_service.pages.coverage.rows import ANSWERS

BLOCKS = read_blocks(TEXT)
CALLS = {block.about: read_call(block.text) for block in snippets(BLOCKS, "call")}
SHOWN = {block.about.split()[0]: block for block in snippets(BLOCKS, "answer")}
FREE = ("/fhir/metadata", "/openapi.json", "/coverage-list?format=json", "/readyz")
PROSE = re.sub(r"(?ms)^```.*?^```$", "", TEXT)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service runs that was started as the guide has it."""
    with serving("--data-dir", tmp_path_factory.mktemp("data")) as (_, lines):
        yield url_of(lines)


def block_of(name: str, about: str) -> Block:
    """The one block with this label."""
    (block,) = [block for block in snippets(BLOCKS, name) if block.about == about]
    return block


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_generated_table_is_as_the_code_is_now(name: str) -> None:
    """`python tests/test_integrator_guide.py` writes them anew."""
    assert shown_tables(TEXT)[name] == f"{TABLES[name]()}\n"


def test_every_call_has_its_answer() -> None:
    """One below the other."""
    order = [block.about.split()[0] for block in BLOCKS if block.name in ("call", "answer")]

    assert len(CALLS) >= 10
    assert order == [name for name in CALLS for _ in range(2)]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_gets_the_answer_below_it(base: str, name: str) -> None:
    """Status and body; the status is 200 where the answer's label states none."""
    shown = SHOWN[name]
    expected = int(shown.about.partition(" ")[2] or 200)

    status, body = CALLS[name].send(base)

    assert status == expected, body
    assert agrees(comparable(body, base), comparable(shown.text)), body


@pytest.mark.parametrize(
    ("answer", "shown", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2, 3], [1, "…"], True),
        ([1, 2], [1], False),
        ([], [1, "…"], False),
        ("not covered", "not…", True),
        ("covered", "not…", False),
        ("covered", "not covered", False),
        (True, "…", False),
    ],
)
def test_an_answer_agrees_with_no_less_than_is_shown(
    answer: object, shown: object, expected: bool
) -> None:
    """What is shown may be cut short, but must be there."""
    assert agrees(answer, shown) is expected


def test_the_translation_of_a_call_refuses_what_it_does_not_know() -> None:
    """So that no option is lost."""
    with pytest.raises(ValueError, match="-X is not translated"):
        read_call("curl -X PUT http://127.0.0.1:8000/")

    assert read_call("curl -s -G http://h/p --data-urlencode 'q=a b' -d n=1") == Call(
        url="http://h/p?q=a%20b&n=1", body=None, headers={}
    )


def test_the_printed_client_reads_the_policies(base: str) -> None:
    """With fhirpy: it prints what the guide shows."""
    code = block_of("python", "fhirpy").text.replace(SERVED_AT, base)
    printed = io.StringIO()

    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(GUIDE), "exec"), {})  # noqa: S102

    assert printed.getvalue() == block_of("prints", "fhirpy").text


def test_the_printed_tokens_open_the_door_once(tmp_path: Path) -> None:
    """Each for one call of its address; what is said to need none needs none."""
    here = install(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(block_of("python", "token").text, str(GUIDE), "exec"), names)  # noqa: S102
    token = names["make_token"](f"{BASE_URL}{ORDER_SIGN}", here.key)

    with serving("--config", here.config) as (_, lines):
        served = url_of(lines)
        answers = [send(served, ORDER_SIGN, REQUEST, token) for _ in range(2)]
        elsewhere, _ = send(served, "/cds-services", token=token)
        free = [send(served, path)[0] for path in FREE]

    assert CLIENT_ISSUER in block_of("python", "token").text
    assert [status for status, _ in answers] == [200, 401]
    assert elsewhere == 401
    assert free == [200] * len(FREE)


def test_an_order_that_has_its_answer_is_told_nothing_new(base: str) -> None:
    """The order as it came back, sent again."""
    request = json.loads(REQUEST)
    _, response = send(base, ORDER_SIGN, REQUEST)
    (action,) = response["systemActions"]
    request["context"]["draftOrders"]["entry"][0]["resource"] = action["resource"]

    status, again = send(base, ORDER_SIGN, json.dumps(request).encode())

    assert (status, again) == (200, {"cards": []})


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first line begins with `| head |`."""
    (found,) = re.findall(
        rf"^\| {re.escape(head)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE
    )
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in found.splitlines()]


def test_every_status_is_explained() -> None:
    """Those of our errors, in the table or in the line on the FHIR API; and no other of ours."""
    listed = {int(cells[0]) for cells in rows("status")}
    of_fhir = {int(status) for status in re.findall(r"also answers (\d+).*? (\d+) \(", TEXT)[0]}

    assert statuses_of_the_code() <= listed | of_fhir
    assert listed - statuses_of_the_code() == {200, 405, 408, 431, 500}
    assert {error.status for error in (InvalidRequest, PayerNotHandled)} == {400}
    assert UnsupportedVersion.status == 422


def test_every_parameter_of_the_coverage_list_is_listed(base: str) -> None:
    """Those of the OpenAPI document, which is checked against the service; and every answer."""
    _, document = send(base, "/openapi.json")
    offered = document["paths"]["/coverage-list"]["get"]["parameters"]
    listed = [name for cells in rows("parameter") for name in re.findall(r"`(\w+)`", cells[0])]

    assert sorted(listed) == sorted(parameter["name"] for parameter in offered)
    (answers,) = [cells[1] for cells in rows("parameter") if "`answer`" in cells[0]]
    assert re.findall(r"`([\w-]+)`", answers) == [*ANSWERS]


@pytest.mark.parametrize("path", re.findall(rf"^\| `{SERVED_AT}(/[^`]+)`", TEXT, re.MULTILINE))
def test_every_address_for_programs_answers(base: str, path: str) -> None:
    """With JSON."""
    status, _ = send(base, path)

    assert status == 200


def test_its_links_lead_to_its_headings_and_to_files() -> None:
    """Those that stay in the guide, and those that leave it."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PROSE) if not link.startswith("http")]
    inner = {link[1:] for link in links if link.startswith("#")}

    assert inner <= anchors_of(TEXT)
    for link in links:
        path, _, anchor = link.partition("#")
        file = GUIDE.parent / path
        assert file.exists(), link
        if path and anchor:
            assert anchor in anchors_of(file.read_text("utf-8")), link


def anchors_of(guide: str) -> set[str]:
    """The anchors of a guide's headings."""
    headings = re.findall(r"^#+ (.*)$", guide, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_its_lines_are_not_longer_than_they_may_be() -> None:
    """120 columns; rows of tables apart."""
    lines = PROSE.splitlines()

    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


if __name__ == "__main__":
    GUIDE.write_text(with_tables(TEXT, TABLES), "utf-8")
