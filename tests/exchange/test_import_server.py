"""Policies of a FHIR server: what they lead to, page by page, from that server and no other."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from crd_command import crd_here
from imports import snapshot
from small_library import insurance_plan, organization, policy, rule

from cds_service.errors import ExchangeError
from cds_service.exchange.incoming.delivery import Delivery
from cds_service.exchange.incoming.server_reading import read_server
from cds_service.fhir.reference import read_key

JsonObject = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]
# Path and query to a reply.
Answer = Callable[[str, dict[str, str]], Reply]

CODES = {
    "resourceType": "ValueSet",
    "id": "codes",
    "url": "https://acme.invalid/fhir/ValueSet/codes",
    "version": "1",
    "status": "active",
    "compose": {
        "include": [{"system": "http://www.ama-assn.org/go/cpt", "concept": [{"code": "0001T"}]}]
    },
}
FILTER = {
    "type": "ServiceRequest",
    "codeFilter": [{"path": "code", "valueSet": f"{CODES['url']}|1"}],
}
NEEDED = (policy(rule(input=[FILTER])), CODES, organization(), insurance_plan("gold"))
UNNEEDED = (organization("other"), {**CODES, "id": "more", "url": "https://x.invalid/ValueSet/m"})


def body(value: Any, status: int = 200) -> Reply:
    """A JSON reply."""
    return status, {"Content-Type": "application/fhir+json"}, json.dumps(value).encode()


def searchset(resources: Sequence[JsonObject], next_page: str = "") -> Reply:
    """A page of a search."""
    links = [{"relation": "next", "url": next_page}] if next_page else []
    entries = [{"resource": resource} for resource in resources]
    return body({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries})


def holding(*resources: JsonObject, ignores: Sequence[str] = ()) -> Answer:
    """A server with these resources; it gives policies one a page.

    Search parameters that it `ignores` filter nothing, as FHIR lets a server do.
    """

    def answer(path: str, query: dict[str, str]) -> Reply:
        kind, _, name = path.removeprefix("/fhir/").partition("/")
        found = [resource for resource in resources if resource["resourceType"] == kind]
        if name:
            read = [resource for resource in found if resource["id"] == name]
            return body(read[0]) if read else body({}, 404)
        heeded = {key: value for key, value in query.items() if key not in ignores}
        found = [resource for resource in found if is_found(resource, heeded)]
        if kind == "PlanDefinition":
            page = int(query.get("page", "0"))
            more = f"PlanDefinition?page={page + 1}" if page + 1 < len(found) else ""
            return searchset(found[page : page + 1], more)
        return searchset(found)

    return answer


def is_found(resource: JsonObject, query: dict[str, str]) -> bool:
    """Whether a search finds a resource."""
    identifiers = [
        f"{identifier['system']}|{identifier['value']}"
        for identifier in resource.get("identifier", ())
    ]
    owner = resource.get("ownedBy", {}).get("reference")
    return (
        query.get("url", resource.get("url")) == resource.get("url")
        and query.get("version", resource.get("version")) == resource.get("version")
        and ("identifier" not in query or query["identifier"] in identifiers)
        and query.get("owned-by", owner) == owner
    )


@contextmanager
def served(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server on this machine: its base address, and the addresses it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, headers, sent = answer(parts.path, query)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", f"{len(sent)}")
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_words: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/fhir", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(base: str, *allowed: str) -> Delivery:
    """What a server brings."""
    return read_server(
        base, allowed=allowed, ca_file="", clock=monotonic, progress=lambda _resources: None
    )


def keys(delivery: Delivery) -> list[str]:
    """Types and ids of what came."""
    return sorted(f"{read_key(resource)}" for _, resource in delivery.resources)


ALL_NEEDED = sorted(f"{read_key(resource)}" for resource in NEEDED)


def test_policies_come_with_what_they_lead_to_and_nothing_else() -> None:
    """Code sets, payers by identifier, and their plans."""
    with served(holding(*NEEDED, *UNNEEDED)) as (base, _):
        assert keys(read(base)) == ALL_NEEDED


def test_a_server_that_ignores_what_is_searched_by_brings_no_more() -> None:
    """What it sends unasked is not taken."""
    answer = holding(*NEEDED, *UNNEEDED, ignores=("url", "version", "identifier", "owned-by"))

    with served(answer) as (base, _):
        assert keys(read(base)) == ALL_NEEDED


def test_every_page_of_policies_is_read() -> None:
    """One policy a page, here."""
    policies = [policy(name=f"acme-{number}") for number in range(5)]

    with served(holding(*policies, organization())) as (base, asked):
        assert len(keys(read(base))) == 6
    assert sum("page=" in path for path in asked) == 4


def test_what_cannot_be_had_is_named() -> None:
    """A server without plans leaves the rest good; the check of the whole decides."""

    def answer(path: str, query: dict[str, str]) -> Reply:
        return body({}, 400) if "InsurancePlan" in path else holding(*NEEDED)(path, query)

    with served(answer) as (base, _):
        delivery = read(base)

    assert [why for place, why in delivery.passed_over if "InsurancePlan" in place] == [
        "HTTP status 400"
    ]
    assert "ValueSet/codes" in keys(delivery)


def test_plans_come_all_or_not_at_all() -> None:
    """One that a policy names cannot come alone: which plan a member has depends on the others."""
    line = {"code": {"code": "program"}, "valueReference": {"reference": "InsurancePlan/gold"}}
    named = policy(rule(input=[FILTER]))
    named["useContext"] = [*named["useContext"], line]
    held = holding(named, *NEEDED[1:])

    def answer(path: str, query: dict[str, str]) -> Reply:
        return body({}, 400) if "owned-by" in query else held(path, query)

    with served(answer) as (base, _):
        delivery = read(base)

    assert "InsurancePlan/gold" in keys(delivery)
    assert [fault.file.rpartition("/")[2] for fault in delivery.faults] == ["acme"]


def redirecting(target: str) -> Answer:
    """A server that sends everybody elsewhere."""
    return lambda _path, _query: (302, {"Location": target}, b"")


def paging_to(target: str) -> Answer:
    """A server whose first page names this one as the next."""
    return lambda _path, _query: searchset([organization()], target)


def test_neither_redirects_nor_next_pages_lead_to_another_server() -> None:
    """The other one, on the same machine, is never asked; nor is another path of the same."""
    with served(holding(*NEEDED)) as (other, asked):
        for answer in (
            redirecting(f"{other}/PlanDefinition"),
            paging_to(f"{other}/PlanDefinition"),
            paging_to("/another-tenant/PlanDefinition"),
            paging_to("file:///etc/passwd"),
            paging_to("PlanDefinition?_count=100"),
        ):
            with served(answer) as (base, _), pytest.raises(ExchangeError):
                read(base)

    assert asked == []


BROKEN = {
    "no FHIR": (200, {}, b"<html>"),
    "a member twice": (200, {}, b'{"resourceType":"Bundle","type":"searchset","type":"x"}'),
    "in trouble": (503, {}, b"{}"),
    "locked": (401, {}, b"{}"),
    "compressed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_server_that_tells_no_policies_is_named_with_the_cause(broken: str) -> None:
    """One line, with the query that failed."""
    with (
        served(lambda _path, _query: BROKEN[broken]) as (base, _),
        pytest.raises(ExchangeError, match="PlanDefinition"),
    ):
        read(base)


@pytest.mark.parametrize(
    "base",
    [
        "https://fhir.payer.invalid/r4",
        "http://10.0.0.1/fhir",
        "http://user@127.0.0.1/fhir",
        "http://127.0.0.1.payer.invalid/fhir",
    ],
)
def test_a_server_that_is_not_listed_is_not_asked(base: str) -> None:
    """Nobody's name is even looked up."""
    with pytest.raises(ExchangeError, match="--policy-server"):
        read(base)


def test_with_a_list_this_machine_is_not_asked_either() -> None:
    """The list is all there is."""
    with (
        served(holding(*NEEDED)) as (base, asked),
        pytest.raises(ExchangeError, match="--policy-server"),
    ):
        read(base, "https://fhir.payer.invalid/r4")

    assert asked == []


def test_the_command_takes_them_in_without_a_token(tmp_path: Path) -> None:
    """And a second time it finds them the same."""
    with served(holding(*NEEDED, *UNNEEDED)) as (base, _):
        first = crd_here("import", base, "--into", tmp_path / "taken", "--policy-server", base)
        before = snapshot(tmp_path / "taken")
        second = crd_here("import", base, "--into", tmp_path / "taken", CRD_POLICY_SERVER=base)

    assert first.returncode == 0, first.stdout + first.stderr
    assert len(before) == len(NEEDED)
    assert "0 new, 4 same, 0 replaced" in second.stderr
    assert snapshot(tmp_path / "taken") == before
