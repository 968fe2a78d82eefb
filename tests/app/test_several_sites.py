"""Several sites on one store, as on several hosts: a token is of use once, wherever it comes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest
from flask import Flask
from hosts.client import DISCOVERY, SERVICE, Client

from cds_service.access.token_key import open_token_key
from cds_service.app.memory import open_memory
from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.settings import Settings

BASE = "http://127.0.0.1:8000"
NORTH = Client(name="north", base=BASE)
SOUTH = Client(name="south", base=BASE, rate=4)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Flask]]:
    """Two sites on one SQLite file, each with a memory of its own, and no policies."""
    directory = tmp_path_factory.mktemp("sites")
    file = directory / "clients.toml"
    file.write_text(f"{NORTH.registration()}\n{SOUTH.registration()}")
    file.chmod(0o600)
    open_token_key("", directory)
    settings = Settings(
        auth="jwt",
        clients=str(file),
        base_url=BASE,
        data_dir=str(directory),
        builtin_library=False,
    )
    with ExitStack() as stack:
        apps = []
        for _ in range(2):
            memory = stack.enter_context(closing(open_memory(settings)))
            service = build_service(settings, ehr=None, log=memory.log, audit_key=memory.audit_key)
            apps.append(stack.enter_context(closing(open_site(service, settings, memory))).app)
        yield apps


def status(app: Flask, path: str, token: str, body: bytes | None = None) -> int:
    """The status of a request; a GET without a body."""
    headers = {"Authorization": f"Bearer {token}"}
    client = app.test_client()
    if body is None:
        return client.get(path, headers=headers).status_code
    return client.post(
        path, data=body, headers=headers, content_type="application/json"
    ).status_code


def test_a_token_for_discovery_is_refused_at_another_host(sites: Sequence[Flask]) -> None:
    """Though discovery leaves no record."""
    here, elsewhere = sites
    token = NORTH.token(DISCOVERY)

    assert [status(app, DISCOVERY, token) for app in (here, elsewhere, here)] == [200, 401, 401]


@pytest.mark.parametrize(
    ("path", "body", "first"),
    [
        (f"{SERVICE}/feedback", b"no JSON", 400),
        (f"{SERVICE}-of-nobody", b"{}", 404),
        (SERVICE, b"no JSON", 400),
    ],
    ids=["feedback", "unknown-service", "call"],
)
def test_a_token_of_a_refused_request_is_refused_at_another_host(
    sites: Sequence[Flask], path: str, body: bytes, first: int
) -> None:
    """Whether or not the refusal leaves a record."""
    here, elsewhere = sites
    token = NORTH.token(path)

    assert [status(app, path, token, body) for app in (here, elsewhere)] == [first, 401]


def test_the_rate_of_a_client_is_that_of_both(sites: Sequence[Flask]) -> None:
    """Of ten requests at once four are answered, whichever site they come to."""
    found = [status(sites[turn % 2], DISCOVERY, SOUTH.token(DISCOVERY)) for turn in range(10)]

    assert found[:4] == [200] * 4
    assert 429 in found
