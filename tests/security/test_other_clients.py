"""What is one client's is not another's, though both are registered (reliability: E10)."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from access.issuing import Signer
from every_hook import call
from flask.testing import FlaskClient
from security.reviewed import BASE_URL, ISSUER, claims_for, clients_file
from werkzeug.test import TestResponse

from cds_service.app.memory import open_memory
from cds_service.app.service import build_service, keep_library
from cds_service.app.site import open_site
from cds_service.fhir.resource import encode
from cds_service.settings import Settings

NORTH, SOUTH = ISSUER, "https://south.example.invalid"


@pytest.fixture
def signer() -> Signer:
    """The keys of both clients: it is the issuer that tells them apart."""
    return Signer()


@pytest.fixture
def web(tmp_path: Path, signer: Signer) -> Iterator[FlaskClient]:
    """A service with a memory, for two clients."""
    file = clients_file(tmp_path, signer)
    of_north = file.read_text()
    file.write_text(f"{of_north}\n{of_north.replace('north', 'south')}")
    settings = Settings(
        base_url=BASE_URL, auth="jwt", clients=str(file), data_dir=str(tmp_path / "data")
    )
    with closing(open_memory(settings)) as memory:
        service = build_service(settings, ehr=None, log=memory.log, audit_key=memory.audit_key)
        keep_library(service, memory.log)
        with closing(open_site(service, settings, memory)) as site:
            yield site.app.test_client()


def send(web: FlaskClient, signer: Signer, issuer: str, path: str, body: Any) -> TestResponse:
    """What a client gets for a body."""
    url = f"/cds-services/order-sign-crd{path}"
    token = signer.token(claims=claims_for("order-sign", iss=issuer))
    return web.post(url, data=encode(body), headers={"Authorization": f"Bearer {token}"})


def reaction(card: str) -> dict[str, Any]:
    """Feedback on a card."""
    time = "2026-11-20T12:00:00Z"
    return {"feedback": [{"card": card, "outcome": "overridden", "outcomeTimestamp": time}]}


def test_nobody_tells_what_became_of_a_card_that_another_client_was_given(
    web: FlaskClient, signer: Signer
) -> None:
    """A stranger's word on it would stand in the dossier of an answer that it never saw."""
    answer = send(web, signer, NORTH, "", call("order-sign"))
    (card,) = answer.get_json(force=True)["cards"]

    refused = send(web, signer, SOUTH, "/feedback", reaction(card["uuid"]))
    taken = send(web, signer, NORTH, "/feedback", reaction(card["uuid"]))

    assert (refused.status_code, taken.status_code) == (403, 200)
    assert card["uuid"] not in refused.text


def test_a_card_that_is_not_in_the_store_may_be_told_of(web: FlaskClient, signer: Signer) -> None:
    """Its answer may be in the journal still, or on its way from another host."""
    unknown = reaction("00000000-0000-4000-8000-000000000001")

    assert send(web, signer, SOUTH, "/feedback", unknown).status_code == 200
