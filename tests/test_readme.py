"""The README: its commands, excerpts, files, paths and figures are checked against the code."""

import contextlib
import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from author_guide import Block, read_blocks, snippets
from click.testing import CliRunner, Result
from crd_command import serving, url_of
from operating import (
    OPERATOR,
    ORDER_SIGN,
    README,
    REQUEST,
    ROOT,
    assertion_of,
    call,
    commands,
    install,
    operator_token,
    printed,
    send,
)

from cds_service.cli.main import main
from cds_service.settings import all_settings

SHOWN = re.findall(r"<!-- (\S+) -->\n```json\n(.*?)```", README, re.DOTALL)
OF_ANOTHER_PAYER = (ROOT / "examples" / "order-sign-anthem-0f5g3zf" / "request.json").read_bytes()


def holds(value: Any, part: Any) -> bool:
    """Whether `part` is `value` or is anywhere inside it."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value == part or any(holds(inner, part) for inner in inside)


def test_it_opens_with_one_line_to_run_and_one_to_test() -> None:
    """Two commands, each on one line, before any prose."""
    assert README.splitlines()[:6] == [
        "# CRD service",
        "",
        "```sh",
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/crd serve",
        "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest",
        "```",
    ]


@pytest.mark.parametrize(("file", "shown"), SHOWN)
def test_what_it_shows_of_an_example_is_what_the_example_says(file: str, shown: str) -> None:
    """The order, the extension and the card in the README are those of the example."""
    assert holds(json.loads((ROOT / file).read_text()), json.loads(shown))


def test_it_shows_a_request_and_its_answer() -> None:
    """It shows an order, an extension and a card, in this order."""
    assert [file.rsplit("/", 1)[1] for file, _ in SHOWN] == [
        "request.json",
        "response.json",
        "response.json",
    ]


def block_of(name: str, about: str) -> Block:
    """The one block with this label."""
    (block,) = [block for block in snippets(read_blocks(README), name) if block.about == about]
    return block


def run_block(about: str, directory: Path) -> list[Result]:
    """What the lines of a block come to that run `.venv/bin/crd`, in a directory."""
    with contextlib.chdir(directory):
        return [
            CliRunner().invoke(main, shlex.split(line)[1:])
            for line in block_of("run", about).text.splitlines()
        ]


def test_the_list_answers_the_printed_question_as_printed(tmp_path: Path) -> None:
    """The answer stands above the rows."""
    (run,) = run_block("list", tmp_path)

    assert run.exit_code == 0
    assert run.stdout.startswith(block_of("prints", "list").text)


def test_the_printed_exports_are_written_and_come_in_again(tmp_path: Path) -> None:
    """A package, a Bundle and NDJSON; importing our own changes nothing."""
    runs = run_block("exchange", tmp_path)

    assert [run.output for run in runs if run.exit_code] == []
    bundle = json.loads((tmp_path / "icare.json").read_text())
    assert (bundle["type"], (tmp_path / "policies").is_dir()) == ("transaction", True)
    assert "https://payer.example/fhir/PlanDefinition" in "".join(
        file.read_text() for file in (tmp_path / "policies").iterdir()
    )
    assert "0 new" in runs[-1].output


@pytest.mark.long
def test_the_printed_commands_put_policies_in_service_and_go_back(tmp_path: Path) -> None:
    """On a running service: another set answers silently, goes live, and gives way again."""
    here = install(tmp_path)
    assert here.run("crd audit migrate").exit_code == 0
    coming = shutil.copytree(ROOT / "examples" / "policies" / "example-northland", tmp_path / "n")
    lines = block_of("run", "go live").text.replace("next-policies", str(coming)).splitlines()

    with serving("--config", here.config):
        runs = [here.run(line) for line in lines]

    assert [run.output for run in runs if run.exit_code] == []
    history = here.run("crd policy history --json")
    assert re.findall(r'"kind": ?"(\w+)"', history.stdout) == ["follow", "rollback", "activate"]


def test_every_file_it_names_exists() -> None:
    """Paths in back-ticks and links lead somewhere."""
    folders = "cds_service|fhir_library|tests|examples|docker"
    named = set(re.findall(rf"[`(]((?:{folders})(?:/[\w./-]*)?)[`)]", README))

    assert {"docker/README.md", "examples/README.md", "fhir_library/README.md"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_changelog_counts_the_cases_there_are() -> None:
    """The number of cases in the changelog is the number of cases in the library."""
    files = (ROOT / "fhir_library").rglob("cases.json")
    count = sum(len(json.loads(file.read_text())["cases"]) for file in files)

    assert f"with {count} cases" in (ROOT / "CHANGELOG.md").read_text()


def test_every_key_of_the_printed_settings_file_is_a_setting() -> None:
    """As it stands, with its production paths."""
    names = {setting.name for setting in all_settings()}

    assert set(tomllib.loads(printed("crd.toml"))) <= names


def test_the_printed_commands_do_what_they_are_for(tmp_path: Path) -> None:
    """All but the one that asks the client's servers, those that serve, and policies' own."""
    here = install(tmp_path)
    west = str(tmp_path / "west-lab.jwks.json")
    lines = [
        line.replace("west-lab.jwks.json", west)
        for line in commands(README)
        if line != "crd clients check" and not line.startswith(("crd serve", "crd policy"))
    ]

    done = [here.run(line) for line in lines]

    assert [run.output for run in done if run.exit_code] == []
    registered = tomllib.loads(here.place("/etc/crd/clients.toml").read_text())
    assert [*registered["clients"]] == ["north-hospital", "west-lab"]
    assert [*registered["operators"]] == [OPERATOR]


def test_the_printed_files_start_a_service_that_answers_its_client_and_explains_itself(
    tmp_path: Path, database_url: str
) -> None:
    """From the settings file alone: discovery, an answer, its dossier; and strangers get a 401."""
    here = install(tmp_path / "box", database_url)
    assert here.run("crd audit migrate").exit_code == 0
    operator = operator_token(here.run(f"crd clients new {OPERATOR} --operator").output)

    with serving("--config", here.config) as (process, lines):
        base = url_of(lines)
        discovery, _ = send(base, "/cds-services", token=here.token("/cds-services"))
        answered, response = call(here, base)
        refused = [send(base, ORDER_SIGN, REQUEST), send(base, "/cds-services")]
        of_another_payer, _ = call(here, base, OF_ANOTHER_PAYER)
        assertion = assertion_of(response)
        explained, dossier = send(base, f"/assertions/{assertion}?format=json", token=operator)
        hidden, _ = send(base, f"/assertions/{assertion}?format=json")

    assert (discovery, answered, explained) == (200, 200, 200)
    assert [status for status, _ in refused] == [401, 401]
    assert (of_another_payer, hidden) == (403, 401)
    assert dossier["record"]["client"] == "north-hospital"
    assert dossier["record"]["response"] == response
    assert process.returncode == 0
