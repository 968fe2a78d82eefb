"""The operator's guide: its commands are run, and its tables are held against the code.

`python tests/test_operator_guide.py` writes the generated tables into the guide.
"""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from author_guide import read_blocks, shown_tables, snippets, with_tables
from crd_command import serving, url_of
from operating import (
    OPERATOR,
    ROOT,
    Installation,
    assertion_of,
    call,
    commands,
    install,
    printed,
)
from operator_guide import (
    FLAT,
    GUIDE,
    PROSE,
    TABLES,
    TEXT,
    events_of_the_code,
    in_ticks,
    names,
    rows,
    texts_of_the_code,
)

from cds_service.access.causes import Cause
from cds_service.access.clients import Client
from cds_service.access.clients_file import parse_clients
from cds_service.access.token_key import open_token_key
from cds_service.access.tokens import FORBIDDEN_HEADERS
from cds_service.app.memory import open_memory
from cds_service.app.reloads import Workplace
from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.audit.audit_key import read_audit_key
from cds_service.audit.health import StoreHealth
from cds_service.audit.record import Kind
from cds_service.audit.retention import parse_retention
from cds_service.audit.signing_key import read_signer
from cds_service.cli.main import main
from cds_service.live.reading import LibraryDirectories
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.health import Readiness
from cds_service.web.logs import SHOWN
from cds_service.web.metric_table import METRICS

BLOCKS = read_blocks(FLAT)
ALL_COMMANDS = [*commands(FLAT), *(text for text in in_ticks(PROSE) if text.startswith("crd "))]
# What asks servers elsewhere, or does not end.
NOT_RUN = {"crd clients check", "crd serve"}
# Blocks with tests of their own.
RUN_APART = ("install", "keys", "owners", "unit", "secrets", "backup", "restore")
# A field of a client that the file calls otherwise.
CALLED = {"iss": "issuer", "test": "is_test", "private_network": "is_in_private_network"}
RISKS = 17


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_generated_table_is_as_the_code_is_now(name: str) -> None:
    """`python tests/test_operator_guide.py` writes them anew."""
    assert shown_tables(TEXT)[name] == f"{TABLES[name]()}\n"


def find_command(line: str) -> tuple[click.Command, list[str]]:
    """The command that a line names, and the rest of the line."""
    _, *rest = shlex.split(line, comments=True)
    command: click.Command = main
    while isinstance(command, click.Group) and rest:
        command = command.commands[rest.pop(0)]
    return command, rest


def options_of(command: click.Command) -> set[str]:
    """Every option of a command."""
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("line", sorted(set(ALL_COMMANDS)))
def test_each_command_exists_with_its_options(line: str) -> None:
    """In blocks and in the text."""
    command, rest = find_command(line)
    given = {word for word in rest if word.startswith("--")}

    assert given <= options_of(command)


def all_commands(group: click.Command = main) -> Iterator[click.Command]:
    """Every command there is, without the groups."""
    if isinstance(group, click.Group):
        for command in group.commands.values():
            yield from all_commands(command)
    else:
        yield group


def test_each_option_that_is_named_is_one() -> None:
    """Of some command."""
    known = set[str]().union(*map(options_of, all_commands()))
    switched_off = {
        option
        for command in all_commands()
        for parameter in command.params
        for option in parameter.secondary_opts
    }
    named = {text.split()[0] for text in in_ticks(PROSE) if text.startswith("--")}

    assert named
    assert sorted(named - known - switched_off) == []


def test_every_command_about_the_store_is_shown() -> None:
    """Each with an example, and in the table or a section that it names."""
    shown = {find_command(line)[0] for line in commands(FLAT)}
    group = main.commands["audit"]

    assert isinstance(group, click.Group)
    assert [name for name, command in group.commands.items() if command not in shown] == []
    assert main.commands["metrics"] in shown


@pytest.fixture(scope="module")
def in_use(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, str]:
    """An installation that has answered a call, and the id of the assertion."""
    here = install(tmp_path_factory.mktemp("production"))
    with serving("--config", here.config) as (_, lines):
        status, response = call(here, url_of(lines))
    assert status == 200
    return here, assertion_of(response)


@pytest.mark.parametrize(
    "block",
    [block for block in snippets(BLOCKS, "run") if block.about not in RUN_APART],
    ids=lambda block: block.about,
)
def test_the_commands_of_a_block_do_what_they_are_for(
    in_use: tuple[Installation, str], block: Any
) -> None:
    """In their order, on a store with an answer in it."""
    here, assertion = in_use
    (here.directory / "token.txt").write_text(here.token("/cds-services"))
    values = {
        "ASSERTION-ID": assertion,
        "PUBLIC-KEY": here.run("crd audit key").output.strip(),
        **{name: str(here.directory / name) for name in ("token.txt", "proof.json")},
        **{name: str(here.directory / name) for name in ("answers.ndjson", "answers.parquet")},
    }
    ran = []
    for line in block.text.splitlines():
        if line.startswith("crd ") and line not in NOT_RUN:
            for name, value in values.items():
                line = line.replace(name, value)  # noqa: PLW2901
            ran.append(here.run(line))

    assert ran
    assert [run.output for run in ran if run.exit_code] == []


def run_shell(here: Installation, name: str) -> None:
    """Run a block of shell lines with the paths of an installation."""
    (block,) = [block for block in snippets(BLOCKS, "run") if block.about == name]
    subprocess.run(["bash", "-euc", here.here(block.text)], check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_printed_keys_are_such_keys(tmp_path: Path) -> None:
    """Each is read by the part that uses it."""
    here = install(tmp_path)
    run_shell(here, "keys")

    assert read_audit_key(here.place("/etc/crd/audit.key"))
    assert read_signer(here.place("/etc/crd/checkpoint.key"))
    assert open_token_key(str(here.place("/etc/crd/token.key")), tmp_path)


def test_a_backup_as_printed_is_restored_as_printed(
    in_use: tuple[Installation, str], tmp_path: Path
) -> None:
    """Where nothing is yet, and verified there."""
    here, _ = in_use
    backup, restore = ("".join(commands_of(name)) for name in ("backup", "restore"))
    assert here.run(backup).exit_code == 0

    there = {
        "--data-dir": tmp_path,
        "--journal": tmp_path / "journal",
        "--checkpoints": tmp_path / "checkpoints",
        "--database": f"sqlite:///{tmp_path}/crd.sqlite3",
        **{f"--{name}-key": tmp_path / f"{name}.key" for name in ("audit", "checkpoint", "token")},
    }
    ran = here.run(" ".join([restore, *(f"{option} {place}" for option, place in there.items())]))

    assert ran.exit_code == 0, ran.output
    assert "All records are as they were signed." in ran.output
    assert (tmp_path / "token.key").read_bytes() == here.place("/etc/crd/token.key").read_bytes()


def commands_of(name: str) -> list[str]:
    """The commands of the block of this name."""
    (block,) = [block for block in snippets(BLOCKS, "run") if block.about == name]
    return [line for line in block.text.splitlines() if line.startswith("crd ")]


def test_a_record_has_the_members_that_are_listed(in_use: tuple[Installation, str]) -> None:
    """All of them, and no other."""
    here, assertion = in_use
    shown = json.loads(here.run(f"crd audit show {assertion} --json").output)

    assert sorted(names("member")) == sorted(shown["record"])


def test_every_kind_of_record_is_listed() -> None:
    """In the table of members."""
    (kinds,) = [cells[1] for cells in rows("member") if "`kind`" in cells[0]]

    assert in_ticks(kinds) == [kind.value for kind in Kind]


def test_the_printed_retention_periods_are_read() -> None:
    """One of each class that may be purged."""
    written = [text for text in in_ticks(PROSE) if re.fullmatch(r"[a-z]+=\d+[dmy]", text)]

    assert len(parse_retention(written)) == len(written) == 3


def test_the_printed_clients_file_has_every_key_and_is_read() -> None:
    """Each key has another value than it has by default, and stands in the table."""
    document = tomllib.loads(printed("clients.toml", FLAT))
    (client,) = parse_clients(document).all
    of_default = Client(name="", issuer="")
    as_default = [
        field.name
        for field in fields(Client)
        if getattr(client, field.name) == getattr(of_default, field.name)
    ]

    assert as_default == []
    assert sorted(document["clients"]["north-hospital"]) == sorted(names("key"))


@pytest.mark.parametrize("key", ["skew", "lifetime", "algorithms"])
def test_the_defaults_of_a_client_are_those_listed(key: str) -> None:
    """Figures and algorithms; the others are words."""
    (cells,) = [cells for cells in rows("key") if in_ticks(cells[0]) == [key]]
    value = getattr(Client(name="", issuer=""), CALLED.get(key, key))

    assert cells[1].strip() == (str(value) if isinstance(value, int) else ", ".join(sorted(value)))


def test_every_cause_of_a_401_is_explained() -> None:
    """And no other; an operator's is one more."""
    assert names("cause") == [*(cause.value for cause in Cause), "operator"]


def test_the_headers_that_are_never_accepted_are_listed() -> None:
    """Those of another spelling apart."""
    (cells,) = [cells for cells in rows("part") if "`crit`" in cells[0]]

    assert set(in_ticks(cells[0])) == {name.partition("#")[0] for name in FORBIDDEN_HEADERS}


def test_every_key_of_a_log_line_is_listed() -> None:
    """And no other."""
    every_line = {"time", "level", "logger", "message", "exception"}

    assert sorted(names("in a line")) == sorted({*every_line, *SHOWN})


def test_the_shown_log_line_has_listed_keys_in_their_order() -> None:
    """It is one of a call."""
    (block,) = snippets(BLOCKS, "example")
    order = ["time", "level", "logger", "message", *SHOWN]
    keys = [*json.loads(block.text)]

    assert keys == [key for key in order if key in keys]
    assert "determinations" in keys


def test_every_event_is_listed() -> None:
    """And no other."""
    assert set(names("event")) == events_of_the_code()


def test_what_the_log_is_quoted_with_stands_in_the_code() -> None:
    """Each phrase, around what varies in it."""
    constants = "\n".join(texts_of_the_code())
    quoted = [text for cells in rows("what you see") for text in in_ticks(cells[1])]
    pieces = [piece.strip() for text in quoted for piece in text.split("…")]

    assert len(quoted) > 15
    assert [piece for piece in pieces if piece not in constants] == []


def test_every_metric_named_is_one() -> None:
    """In the text too; Prometheus adds suffixes."""
    named = set(re.findall(r"`(crd_[a-z]+_[a-z_]+)`", TEXT))

    assert named <= {metric.name for metric in METRICS}


def test_every_file_beside_the_guide_is_listed() -> None:
    """By itself, or by its directory."""
    listed = {GUIDE.parent / name for name in names("in `docker/`")}
    found = [path for path in GUIDE.parent.rglob("*") if path.is_file() and path != GUIDE]

    assert [path for path in listed if not path.exists()] == []
    assert [path for path in found if not {path, *path.parents} & listed] == []


def test_every_probe_is_listed() -> None:
    """In the order in which they are answered."""
    readiness = Readiness(policies=lambda: 1, store=StoreHealth)

    assert names("check") == [check.name for check in readiness.checks()]


def test_every_endpoint_is_listed(tmp_path: Path) -> None:
    """And no other (OWASP API9)."""
    here = install(tmp_path)
    settings = Settings(
        auth="jwt",
        base_url="https://crd.payer.example",
        clients=str(here.place("/etc/crd/clients.toml")),
        data_dir=str(tmp_path / "data"),
    )
    memory = open_memory(settings)
    try:
        service = build_service(settings, ehr=None, log=memory.log, audit_key=memory.audit_key)
        directories = LibraryDirectories([])
        workplace = Workplace(
            settings=settings,
            memory=memory,
            ehr=None,
            directories=directories,
            known=directories.fingerprint(),
            warm_up=warm_up,
        )
        site = open_site(service, settings, memory, workplace=workplace)
        routes = {
            f"{method} {re.sub(r'<[^>]+>', '{id}', rule.rule)}"
            for rule in site.app.url_map.iter_rules()
            for method in rule.methods or ()
            if method not in ("HEAD", "OPTIONS")
        }
        site.close()
    finally:
        memory.close()

    assert set(names("endpoint")) == routes


@pytest.mark.parametrize("head", ["risk", "item", "promise"])
def test_each_row_for_the_reviewer_names_tests_that_there_are(head: str) -> None:
    """In its last column."""
    for cells in rows(head):
        files = in_ticks(cells[-1])
        assert files, cells
        assert [file for file in files if not (ROOT / file).is_file()] == []


def test_every_risk_of_the_review_has_its_row_and_its_test() -> None:
    """By its number."""
    tests = (ROOT / "tests" / "security" / "test_cds_hooks_risks.py").read_text("utf-8")
    listed = [int(cells[0].split()[0][1:]) for cells in rows("risk")]

    assert listed == list(range(1, RISKS + 1))
    assert [number for number in listed if f"def test_r{number}_" not in tests] == []


def test_its_links_lead_to_its_headings_and_to_files() -> None:
    """Those that stay in the guide, and those that leave it."""
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)]+)\)", TEXT)

    assert {link[1:] for link in links if link.startswith("#")} <= anchors
    elsewhere = [link.partition("#")[0] for link in links if not link.startswith("#")]
    assert [link for link in elsewhere if not (GUIDE.parent / link).exists()] == []


def test_its_lines_are_not_longer_than_they_may_be() -> None:
    """120 columns; rows of tables, keys and log lines apart."""
    lines = PROSE.splitlines()

    assert [line for line in lines if len(line) > 120 and not line.lstrip().startswith("|")] == []


def test_each_row_of_a_table_is_one_line() -> None:
    """A row that goes on in the next line is no row: its cells fall into others."""
    rows = [line.strip() for line in PROSE.splitlines() if line.strip().startswith("|")]

    assert len(rows) > 100
    assert [row for row in rows if not row.endswith("|")] == []


def test_its_operator_is_the_readmes() -> None:
    """So that a reader of both finds one name."""
    assert f"`crd clients new {OPERATOR} --operator`" in TEXT


if __name__ == "__main__":
    GUIDE.write_text(with_tables(TEXT, TABLES), "utf-8")
