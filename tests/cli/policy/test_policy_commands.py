"""`crd policy …` on a store: what is printed, written and recorded; two persons approve."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kept_records import records_in
from live_sets import live_store, serve
from small_library import organization, policy, write_library
from sqlalchemy import Engine

from cds_service.access.operators import make_token
from cds_service.audit.record import Kind
from cds_service.cli.main import main
from cds_service.live.activations import find_plan
from cds_service.live.serving import Serving

LATER = "2099-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A directory with a store, a library and a clients file, and the command that uses them."""

    directory: Path
    engine: Engine

    @property
    def library(self) -> Path:
        """The directory of policies."""
        return self.directory / "library"

    def change(self, title: str) -> None:
        """Change the policy."""
        write_library(self.library, organization(), policy(title=title))

    def crd(self, *arguments: str | Path, status: int = 0, answer: str = "") -> str:
        """What a command about policies prints, on both streams."""
        run: Result = CliRunner().invoke(
            main,
            ["policy", *map(str, arguments)],
            input=answer,
            env={
                "CRD_DATA_DIR": str(self.directory),
                "CRD_LIBRARY": str(self.library),
                "CRD_BUILTIN_LIBRARY": "no",
                "CRD_CLIENTS": str(self.directory / "clients.toml"),
            },
        )
        assert run.exit_code == status, run.output
        return run.output

    def digest(self, output: str) -> str:
        """The digest of the set that was printed."""
        found = re.search(r"Set sha256:([0-9a-f]{64}) ", output)
        assert found
        return found[1]

    def keep(self, title: str) -> str:
        """Keep a set whose policy has this title, and activate none; its digest."""
        self.change(title)
        name = self.digest(self.crd("activate", "--at", LATER))
        latest = find_plan(self.engine).coming[-1]
        self.crd("cancel", str(latest.number))
        return name

    def serve(
        self, name: str, *, source: str = "directories", approvals: int = 0, problem: str = ""
    ) -> None:
        """Write that a process, there now, serves a set."""
        now = find_plan(self.engine).now
        served = Serving(
            digest=f"sha256:{name}",
            source=source,
            since=now,
            problem=problem,
            approvals=approvals,
        )
        serve(self.engine, "host-1", served, now)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A store in use, a library with one policy, and two operators with keys."""
    with live_store(f"sqlite:///{tmp_path / 'crd.sqlite3'}") as engine:
        found = Desk(directory=tmp_path, engine=engine)
        found.change("First")
        tables = []
        (tmp_path / "clients.toml").write_text("")
        for name in ("ada", "bob"):
            made = found.crd("keys", "new", name, tmp_path / f"{name}.key")
            tables.append(f'[operators.{name}]\ntoken_sha256 = "{make_token()[1]}"')
            tables.append(made.splitlines()[-1])
        (tmp_path / "clients.toml").write_text("\n".join(tables))
        yield found


def test_directories_are_proved_kept_and_activated_and_the_change_is_recorded(
    desk: Desk,
) -> None:
    """With who, what, why and when; on a store where no service runs nobody waits."""
    output = desk.crd("activate", "--why", "new policy year")
    name = desk.digest(output)
    (record,) = records_in(desk.directory / "crd.sqlite3", Kind.CHANGE)

    assert "+ acme-1 1" in output
    assert "the next that starts serves it" in output
    assert record.whole["command"] == "policy activate"
    assert record.whole["set"] == f"sha256:{name}"
    assert record.whole["reason"] == "new policy year"
    assert record.whole["who"].startswith("user ")
    current = find_plan(desk.engine).current
    assert current is not None
    assert current.order.digest == f"sha256:{name}"


def test_a_set_that_is_not_fit_is_not_activated(desk: Desk) -> None:
    """The faults are named; nothing is written, nothing recorded."""
    (desk.library / "ValueSet-x.json").write_text('{"resourceType": "ValueSet", "id": "x"}')
    output = desk.crd("activate", "--no-wait", status=1)

    assert "ValueSet-x.json" in output
    assert find_plan(desk.engine).activations == ()
    assert records_in(desk.directory / "crd.sqlite3", Kind.CHANGE) == []


def test_what_is_neither_digest_nor_directory_is_named(desk: Desk) -> None:
    """So is a digest that is not kept."""
    assert "neither a directory nor a digest" in desk.crd("activate", "nowhere", status=1)
    assert "no set 0123456789 is kept" in desk.crd("activate", "0123456789", status=1)


def test_a_set_is_activated_again_by_the_first_digits_of_its_digest(desk: Desk) -> None:
    """And what it changes is told against the one in service."""
    first = desk.digest(desk.crd("activate", "--no-wait"))
    desk.serve(first, source="activation")
    desk.change("Second")
    second = desk.digest(desk.crd("activate", "--no-wait"))
    desk.serve(second, source="activation")

    output = desk.crd("activate", first[:8], "--no-wait")
    assert desk.digest(output) == first
    assert "~ acme-1 1" in output


@pytest.mark.long
def test_a_rollback_names_both_sets_and_is_one_step(desk: Desk) -> None:
    """A second one is refused while it is under way, with who did the first."""
    first = desk.keep("First")
    second = desk.keep("Second")
    desk.serve(first)
    desk.serve(second)

    output = desk.crd("rollback", "--no-wait")
    assert f"Rolling back from {second[:12]} to {first[:12]}" in output
    assert "rollback 3 by user" in desk.crd("rollback", status=1)


def test_an_instant_needs_its_zone_and_lies_ahead(desk: Desk) -> None:
    """Midnight is another instant in every office."""
    for typed, why in (
        ("2099-01-01T00:00:00", "names no zone"),
        ("tomorrow", "is no time such as"),
    ):
        assert why in desk.crd("activate", "--at", typed, status=2)
    assert "has passed" in desk.crd("activate", "--at", "2020-01-01T00:00:00Z", status=1)


def test_a_planned_activation_is_listed_and_can_be_cancelled(desk: Desk) -> None:
    """It stays when another is asked for, which says so."""
    desk.crd("activate", "--at", LATER, "--why", "new year")
    other = desk.crd("follow", "--no-wait")
    listed = desk.crd("history")
    cancelled = desk.crd("cancel", "1", "--why", "no")

    assert "`crd policy cancel 1` ends that" in other
    assert re.search(r"1 +2099-01-01 00:00:00Z +planned +activate .*new year", listed)
    assert re.search(r"2 .*coming +follow", listed)
    assert "Cancelled: activation 1" in cancelled
    assert re.search(r"1 .*cancelled", desk.crd("history"))


def test_history_shows_what_is_where_as_a_table_and_as_json(desk: Desk) -> None:
    """Before anything was activated too."""
    assert "each service follows its directories" in desk.crd("history")
    name = desk.digest(desk.crd("activate", "--no-wait"))
    desk.serve(name, source="activation")
    whole = json.loads(desk.crd("history", "--json"))

    assert re.search(rf"host-1 +1 +{name[:12]} +activation", desk.crd("history"))
    assert whole["activations"][0]["set"] == whole["served"][0]["set"] == f"sha256:{name}"


@pytest.mark.long
def test_a_process_that_cannot_take_a_set_up_is_named_and_the_command_fails(desk: Desk) -> None:
    """With its reason: scripts see it by the exit status."""
    first, second = desk.keep("First"), desk.keep("Second")
    desk.serve(first, problem="it is too new")
    output = desk.crd("activate", second[:8], status=1)

    assert "1 process makes it ready, 1 of them cannot" in output
    assert "host-1, process 1: it is too new" in output


def test_a_set_in_service_that_the_store_lacks_stands_in_no_ones_way(desk: Desk) -> None:
    """An emergency is no time to mend a database first."""
    desk.serve("0" * 64)

    assert "cannot be compared" in desk.crd("activate", "--no-wait")


def test_two_operators_approve_before_a_set_goes_live(desk: Desk) -> None:
    """Each sees what would change and is asked; whoever activates is none of them by that."""
    refused = desk.crd("activate", "--approvals", "2", status=1)
    (name,) = set(re.findall(r"crd policy approve ([0-9a-f]{12}) ", refused))
    ada: list[str | Path] = ["--as", "ada", "--key", desk.directory / "ada.key", "--approvals", "2"]
    bob: list[str | Path] = ["--as", "bob", "--key", desk.directory / "bob.key", "--approvals", "2"]
    declined = desk.crd("approve", name, *ada, status=1, answer="n\n")
    first = desk.crd("approve", name, *ada, answer="y\n")
    still = desk.crd("activate", name, "--approvals", "2", status=1)
    second = desk.crd("approve", name, *bob, "--yes")
    done = desk.crd("activate", name, "--approvals", "2", "--no-wait")

    assert "0 of 2 approvals" in refused
    assert "+ acme-1 1" in declined
    assert "is approved by ada: 1 of 2" in first
    assert "1 of 2 approvals (ada)" in still
    assert f"Put it in service with `crd policy activate {name}`" in second
    assert "Activation 1" in done
    assert "ada, bob" in desk.crd("history", "--approvals", "2")
    commands = [
        record.whole["command"]
        for record in records_in(desk.directory / "crd.sqlite3", Kind.CHANGE)
    ]
    assert commands == ["policy approve", "policy approve", "policy activate"]


def test_an_approval_for_an_instant_is_for_that_activation_alone(desk: Desk) -> None:
    """Not for one at once."""
    refused = desk.crd("activate", "--approvals", "1", status=1)
    (name,) = set(re.findall(r"crd policy approve ([0-9a-f]{12}) ", refused))
    key = desk.directory / "ada.key"
    desk.crd("approve", name, "--as", "ada", "--key", key, "--at", LATER, "--yes")

    assert "0 of 1 approvals" in desk.crd("activate", name, "--approvals", "1", status=1)
    desk.crd("activate", name, "--approvals", "1", "--at", LATER)


def test_somebody_elses_key_approves_nothing(desk: Desk) -> None:
    """It would not count, so it is not kept."""
    name = desk.digest(desk.crd("activate", "--at", LATER))
    key = desk.directory / "ada.key"
    output = desk.crd("approve", name, "--as", "bob", "--key", key, "--yes", status=1)

    assert "not the approval_key of operator bob" in output


def test_the_approvals_that_services_ask_for_count_where_the_command_was_set_to_none(
    desk: Desk,
) -> None:
    """Else every process would refuse what the command had written."""
    name = desk.digest(desk.crd("activate", "--at", LATER))
    desk.serve(name, approvals=2)

    assert "0 of 2 approvals" in desk.crd("activate", name, status=1)


def test_show_lists_a_set_by_digest_directory_or_as_it_is_in_service(desk: Desk) -> None:
    """With how it differs from that."""
    assert "no process has written yet" in desk.crd("show", status=1)
    name = desk.digest(desk.crd("activate", "--at", LATER))
    desk.serve(name)
    desk.change("Second")

    by_digest, in_service = desk.crd("show", name[:10]), desk.crd("show")
    by_directory = desk.crd("show", desk.library)
    assert re.search(r"acme-1 +First +1 +active +2020-01-01", by_digest)
    assert "is the set in service" in by_digest
    assert in_service.splitlines()[0] == f"Policies of set sha256:{name}"
    assert "Second" in by_directory
    assert "~ acme-1 1" in by_directory
