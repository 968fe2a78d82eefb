"""What is dated is refused while the clocks of host and store differ, whatever is asked for."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from databases import fresh_database
from flask.testing import FlaskClient
from two_sets import SPRING, write_set
from werkzeug.test import TestResponse

from cds_service.access.token_key import FILE_NAME, open_token_key
from cds_service.app.memory import open_memory
from cds_service.app.orders import Orders
from cds_service.app.reloads import Workplace
from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.audit.audit_key import open_audit_key
from cds_service.audit.migration import migrate_store
from cds_service.audit.signing_key import open_signer
from cds_service.live.permits import Permits
from cds_service.live.reading import LibraryDirectories
from cds_service.live.store_clock import StoreClock
from cds_service.settings import Settings
from cds_service.warm_up import warm_up

pytestmark = pytest.mark.postgresql

CLIENTS = """
[clients.north]
iss = "https://ehr.north.example"
jku = "https://ehr.north.example/jwks.json"
"""
DATED = (
    ("GET", "/cds-services", ""),
    ("POST", "/auth/token", "grant_type=client_credentials"),
    ("GET", "/fhir/ValueSet/$validate-code?url=x&code=y", ""),
    ("POST", "/fhir/ValueSet/nobody-knows/$expand", ""),
    ("GET", "/fhir/CodeSystem/$lookup?system=x&code=y", ""),
    ("GET", "/policies", ""),
    ("GET", "/coverage-list", ""),
)


@pytest.fixture
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FlaskClient, StoreClock]]:
    """A site on a PostgreSQL, and the clock that it takes for the store's."""
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(request.config.getoption("--postgresql")))
        settings = _settings(tmp_path, url)
        memory = stack.enter_context(closing(open_memory(settings)))
        directories = LibraryDirectories(settings.library)
        service = build_service(settings, ehr=None, log=memory.log, audit_key=memory.audit_key)
        clock = StoreClock()
        workplace = Workplace(
            settings=settings,
            memory=memory,
            ehr=None,
            directories=directories,
            known=directories.fingerprint(),
            warm_up=warm_up,
            orders=Orders(permits=Permits(needed=0), clock=clock, begun=None),
        )
        site = open_site(service, settings, memory, workplace=workplace)
        yield stack.enter_context(closing(site)).app.test_client(), clock


def _settings(directory: Path, url: str) -> Settings:
    clients = directory / "clients.toml"
    clients.write_text(CLIENTS)
    clients.chmod(0o600)
    audit_key, checkpoint_key = directory / "audit.key", directory / "checkpoint.key"
    migrate_store(url, open_audit_key(audit_key), lambda _: None)
    open_signer(checkpoint_key)
    open_token_key("", directory)
    return Settings(
        library=(write_set(directory / "library", SPRING),),
        builtin_library=False,
        watch=False,
        data_dir=str(directory),
        database_url=url,
        audit_key=str(audit_key),
        checkpoint_key=str(checkpoint_key),
        token_key=str(directory / FILE_NAME),
        auth="jwt",
        clients=str(clients),
        base_url="https://crd.example.invalid",
    )


def asked(client: FlaskClient) -> list[TestResponse]:
    """What each gets of what is dated."""
    return [
        client.open(path, method=way, data=body, content_type="application/x-www-form-urlencoded")
        for way, path, body in DATED
    ]


@pytest.mark.parametrize("hours", [1, -1])
def test_nothing_that_is_dated_is_answered_by_a_wrong_clock(
    web: tuple[FlaskClient, StoreClock], hours: int
) -> None:
    """Hooks, tokens, operations, and pages of what is in force: 503, with the same reason."""
    client, clock = web
    before = asked(client)
    clock.set(datetime.now(UTC) + timedelta(hours=hours), monotonic())
    refused = asked(client)

    assert 503 not in {response.status_code for response in before}
    assert [response.status_code for response in refused] == [503] * len(DATED)
    assert {response.get_json()["issue"][0]["diagnostics"] for response in refused} == {
        "this host does not know what time it is; another may"
    }


def test_what_is_not_dated_is_shown_by_any_clock(web: tuple[FlaskClient, StoreClock]) -> None:
    """A policy is what it is."""
    client, clock = web
    clock.set(datetime.now(UTC) + timedelta(hours=1), monotonic())

    assert client.get("/fhir/metadata").status_code == 200
    assert client.get("/livez").status_code == 200
