"""The token endpoint over HTTP, and where a client finds it."""

import logging
import time
from pathlib import Path

import pytest
from access.issuing import Signer, make_claims
from backend_client import ASSERTION_TYPE, TOKEN_URL, BackendClient, Clock, token_service
from flask import Flask
from flask.testing import FlaskClient
from security.reviewed import BASE_URL, guarded, reviewing

from cds_service.access.backend_services import TokenService
from cds_service.web.tokens import create_token_endpoint


@pytest.fixture
def client() -> BackendClient:
    """A registered client."""
    return BackendClient(name="north", clock=Clock())


@pytest.fixture
def tokens(tmp_path: Path, client: BackendClient) -> TokenService:
    """The service that knows it."""
    return token_service(tmp_path, client.clock, client.registered())


@pytest.fixture
def web(tokens: TokenService) -> FlaskClient:
    """The endpoint in an application."""
    app = Flask(__name__)
    app.register_blueprint(create_token_endpoint(tokens))
    return app.test_client()


def test_a_client_finds_the_endpoint_and_gets_a_token(
    web: FlaskClient, tokens: TokenService, client: BackendClient
) -> None:
    """From the configuration to a token that our own endpoints understand."""
    configuration = web.get("/fhir/.well-known/smart-configuration")
    response = web.post("/auth/token", data=client.form())

    assert configuration.mimetype == "application/json"
    assert configuration.get_json()["token_endpoint"] == TOKEN_URL
    assert configuration.get_json()["token_endpoint_auth_signing_alg_values_supported"] == [
        "ES384",
        "RS384",
    ]
    assert configuration.get_json()["scopes_supported"] == ["system/*.rs"]
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    assert response.get_json()["token_type"] == "bearer"  # noqa: S105
    assert response.get_json()["expires_in"] <= 300
    assert tokens.read_access_token(response.get_json()["access_token"]).client.name == "north"


def test_a_false_assertion_is_401_and_its_cause_is_only_logged(
    web: FlaskClient, client: BackendClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of the assertion is in the answer or in the log."""
    assertion = client.assertion(aud="https://crd.example.invalid/marker-7319")

    with caplog.at_level(logging.INFO):
        response = web.post("/auth/token", data=client.form(client_assertion=assertion))

    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "a valid client assertion is needed",
    }
    assert response.headers["Cache-Control"] == "no-store"
    (record,) = caplog.records
    assert record.__dict__["cause"] == "audience"
    assert assertion not in caplog.text
    assert "marker-7319" not in caplog.text


def test_other_errors_are_400_in_words(web: FlaskClient, client: BackendClient) -> None:
    """With the codes of OAuth."""
    response = web.post("/auth/token", data=client.form(scope="system/*.cud"))

    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{}", "application/json"),
        (b"", ""),
        (b"scope=a&scope=b", "application/x-www-form-urlencoded"),
        (b"scope=" + b"x" * (33 << 10), "application/x-www-form-urlencoded"),
        (b"%ff%fe=%00&grant_type", "application/x-www-form-urlencoded"),
        (
            b"&".join(b"a%d=1" % number for number in range(3000)),
            "application/x-www-form-urlencoded",
        ),
    ],
    ids=["JSON", "nothing", "a parameter twice", "too long", "bytes", "many parameters"],
)
def test_a_body_that_is_no_such_form_is_a_400(web: FlaskClient, data: bytes, kind: str) -> None:
    """Whatever comes, the answer is OAuth's."""
    response = web.post("/auth/token", data=data, content_type=kind)

    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_request"


def test_a_token_is_asked_for_by_post_alone(web: FlaskClient) -> None:
    """An assertion in an address would stand in logs."""
    assert web.get("/auth/token?client_assertion=x").status_code == 405


def test_an_assertion_that_got_no_token_for_our_trouble_may_come_again(tmp_path: Path) -> None:
    """It was not recorded, so nothing was given for it; once it was, it is used up."""
    signer = Signer()
    now = int(time.time())
    claims = make_claims(
        iss="north", sub="north", aud=f"{BASE_URL}/auth/token", iat=now, exp=now + 200
    )
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signer.token(claims=claims),
        "scope": "system/*.rs",
    }
    with reviewing(guarded(tmp_path, signer, scopes=["system/*.rs"])) as service:
        service.log.broken = True
        refused = service.web.post("/auth/token", data=form).status_code
        service.log.broken = False
        statuses = [service.web.post("/auth/token", data=form).status_code for _ in range(2)]

    assert (refused, *statuses) == (503, 200, 401)
