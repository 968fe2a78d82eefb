"""Real services on one store: they swap at one instant under load, and serve nothing unapproved."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from crd_command import EXAMPLE, crd, serving, url_of
from live_sets import live_store, order
from small_library import change, copy_of_builtin
from stores import wait_until

from cds_service.access.approval_keys import make_approval_key, read_approval_key
from cds_service.access.approvals import sign_approval
from cds_service.access.operators import make_token
from cds_service.audit.libraries import keep_library
from cds_service.audit.reading import Reader
from cds_service.database.engine import open_engine
from cds_service.fhir.resource import decode
from cds_service.live.activations import add_activation, find_plan
from cds_service.live.approvals_store import save_approval
from cds_service.live.kept_sets import find_kept
from cds_service.live.serving import list_served
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.snapshot import digest, pack

ICARE = "PlanDefinition-icare-wi-pa-1266-20241008.json"
NEW_SUMMARY = "Irreversible electroporation: not covered (new wording)"
_PAUSE = 0.02  # seconds between two calls of a thread
# That a swap is seen may take so long on a machine with much else to do.
PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store, a changed policy in a directory, and two operators who can approve."""

    directory: Path
    url: str
    clients: Path

    @property
    def changed(self) -> Path:
        """The directory of the changed policy."""
        return self.directory / "changed"

    @property
    def options(self) -> tuple[str | Path, ...]:
        """Those that services and commands here have in common."""
        key = self.directory / "audit.key"
        return ("--data-dir", self.directory, "--database", self.url, "--audit-key", key)

    @property
    def serve_options(self) -> tuple[str | Path, ...]:
        """Those of a service."""
        return (*self.options, "--checkpoint-key", self.directory / "checkpoint.key")


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    """A store with this release's schema, on either kind of database."""
    library = copy_of_builtin(tmp_path)
    (found,) = library.rglob(ICARE)
    change(found, _word_anew)
    (tmp_path / "changed").mkdir()
    found.rename(tmp_path / "changed" / ICARE)
    (tmp_path / "audit.key").write_text("0" * 64)
    (tmp_path / "audit.key").chmod(0o600)
    make_approval_key(tmp_path / "checkpoint.key")  # an Ed25519 key like any other
    tables = []
    for name in ("ada", "bob"):
        public = make_approval_key(tmp_path / f"{name}.key")
        tables.append(f'[operators.{name}]\ntoken_sha256 = "{make_token()[1]}"')
        tables.append(f'approval_key = "{public}"')
    clients = tmp_path / "clients.toml"
    clients.write_text("\n".join(tables))
    with live_store(database_url):
        return Place(directory=tmp_path, url=database_url, clients=clients)


def _word_anew(policy: dict[str, Any]) -> None:
    (rule,) = policy["action"][0]["action"]
    rule["title"] = NEW_SUMMARY


@dataclass
class Callers:
    """Threads that call without end, and the summaries they were given."""

    urls: list[str]
    failures: list[str] = field(default_factory=list)
    summaries: set[str] = field(default_factory=set)
    count: int = 0

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A block under load."""
        stop = Event()
        threads = [Thread(target=self._call, args=(url, stop)) for url in self.urls]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _call(self, url: str, stop: Event) -> None:
        while not stop.is_set():
            status, body = ask(url)
            if status != 200:
                self.failures.append(f"{status} {body}")
                continue
            self.count += 1
            time.sleep(_PAUSE)
            self.summaries.update(card["summary"] for card in body["cards"])


def ask(url: str, path: str = "/cds-services/order-sign-crd") -> tuple[int, Any]:
    """Status and JSON of an answer."""
    body = EXAMPLE.read_bytes() if path.startswith("/cds") else None
    try:
        with urllib.request.urlopen(f"{url}{path}", data=body, timeout=20) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def summary_of(url: str) -> str:
    """What a service answers now."""
    _, body = ask(url)
    return str(body["cards"][0]["summary"])


@contextmanager
def services(place: Place, count: int, *options: str | Path) -> Iterator[list[str]]:
    """So many services on the store; their addresses."""
    with ExitStack() as running:
        started = [
            running.enter_context(serving(*place.serve_options, *options)) for _ in range(count)
        ]
        yield [url_of(lines) for _, lines in started]


@pytest.mark.long
def test_all_swap_at_one_instant_under_load_and_a_restart_goes_on_with_it(place: Place) -> None:
    """Every answer is of one set whole, and each record names it: the former, then the new one."""
    with services(place, 2) as urls:
        former = summary_of(urls[0])
        callers = Callers(urls)
        with callers.calling():
            activated = crd("policy", "activate", place.changed, *place.options)
            wait_until(lambda: all(summary_of(url) == NEW_SUMMARY for url in urls))
    with services(place, 1) as urls:
        restarted = summary_of(urls[0])

    assert activated.returncode == 0, activated.stderr
    assert callers.failures == []
    assert callers.count > 20
    assert callers.summaries == {former, NEW_SUMMARY}
    assert restarted == NEW_SUMMARY
    _check_records(place, former)


@pytest.mark.long
def test_a_rollback_and_the_return_to_the_directories_reach_every_service(place: Place) -> None:
    """Each command ends when both have it in service."""
    with services(place, 2) as urls:
        former = summary_of(urls[0])
        seen = []
        for command in (("activate", place.changed), ("rollback",), ("activate", place.changed)):
            ran = crd("policy", *command, *place.options)
            assert ran.returncode == 0, ran.stderr
            seen.append({summary_of(url) for url in urls})
        followed = crd("policy", "follow", *place.options)
        assert followed.returncode == 0, followed.stderr
        seen.append({summary_of(url) for url in urls})

    assert seen == [{NEW_SUMMARY}, {former}, {NEW_SUMMARY}, {former}]


def _check_records(place: Place, former: str) -> None:
    """Each answer is of the set in its record; none is of the new one before its instant."""
    engine = open_engine(place.url)
    records = [decode(found.payload) for found in Reader(engine).find(kind="answer")]
    sinces = [found.serving for found in list_served(engine, 50)]
    starts = find_plan(engine).activations[-1].starts
    engine.dispose()
    summaries: dict[str, set[str]] = {}
    for record in records:
        cards = record["response"]["cards"]
        summaries.setdefault(record["library"], set()).add(cards[0]["summary"])
    name = digest(read_library([builtin_library(), place.changed]))
    assert summaries == {
        name: {NEW_SUMMARY},
        digest(read_library([builtin_library()])): {former},
    }
    first = sorted(served.since for served in sinces if served.digest == name)[:2]
    assert starts <= first[0] <= first[1] <= starts + PATIENCE


@pytest.mark.long
def test_a_service_starts_once_two_have_approved_its_directories(place: Place) -> None:
    """Until then its message has the command; and what nobody approved never goes live."""
    two = ("--approvals", "2", "--clients", place.clients)
    refused = crd("serve", "--port", "0", *place.serve_options, *two)
    (name,) = set(re.findall(r"crd policy approve ([0-9a-f]{12}) ", refused.stderr))
    _approve(place, name)

    assert refused.returncode == 1
    assert "0 of 2 approvals" in refused.stderr
    with services(place, 1, *two) as urls:
        former = summary_of(urls[0])
        _write_activation(place)
        wait_until(lambda: "0 of 2 approvals" in _cause(urls[0]))
        unchanged = summary_of(urls[0])
    # A restart does not follow it either.
    with services(place, 1, *two) as urls:
        restarted = summary_of(urls[0])

    assert (unchanged, restarted) == (former, former)


def _approve(place: Place, name: str) -> None:
    """What `crd policy approve` does, for both operators."""
    engine = open_engine(place.url)
    for who in ("ada", "bob"):
        key = read_approval_key(place.directory / f"{who}.key")
        found = find_kept(engine, name)
        approval = sign_approval(key, digest=found, approver=who, starts=None)
        save_approval(engine, approval, find_plan(engine).now)
    engine.dispose()


def _write_activation(place: Place) -> None:
    """What the owner of the database can do: keep a set, and write that it is activated."""
    library = read_library([builtin_library(), place.changed])
    engine = open_engine(place.url)
    keep_library(engine, digest(library), pack(library))
    add_activation(engine, order(digest(library)), lead=timedelta(0))
    engine.dispose()


def _cause(url: str) -> str:
    """What `/readyz` has against the policies in service."""
    _, body = ask(url, "/readyz")
    causes = (check.get("cause", "") for check in body["checks"] if check["name"] == "policies")
    return str(next(causes))
