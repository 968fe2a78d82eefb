"""The service as clients see it over HTTP: statuses, headers, bodies."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage_information_rules import URL as COVERAGE_INFORMATION
from flask.testing import FlaskClient
from hook_requests import bundle, coverage, order_sign, service_request
from kept_records import records_in

from cds_service.app.service import Service, build_service
from cds_service.app.site import open_site
from cds_service.audit.record import Kind
from cds_service.crd.request.hooks import HOOKS
from cds_service.fhir.resource import decode, encode
from cds_service.settings import Settings

SERVICE = "/cds-services/order-sign-crd"
HOSTILE_BODIES = {
    "empty": b"",
    "not json": b"{",
    "a list": b"[]",
    "nothing": b"null",
    "a number": b"7",
    "another encoding": '{"hook":"order-sign"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not a number": b'{"hook":NaN}',
    "deep nesting": b"[" * 100_000,
    "a lone surrogate": b'{"hook":"\\ud800"}',
    "many digits": b'{"hook":' + b"9" * 5000 + b"}",
    "no hook": b'{"hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{}}',
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    built = build_service(Settings(database_url=f"sqlite:///{tmp_path / 'log.sqlite3'}"), ehr=None)
    yield built
    built.log.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return open_site(service, Settings(max_body=200_000)).app.test_client()


def outcome_of(body: bytes) -> Any:
    """The one issue of an OperationOutcome."""
    outcome = decode(body)
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]


@pytest.mark.crd("dev-1", "found-24")
def test_discovery_lists_the_service_with_versions_and_prefetch_in_order(
    client: FlaskClient,
) -> None:
    """Every service names its CRD versions, and a template stands after those it reads."""
    services = client.get("/cds-services").get_json()["services"]

    assert [service["id"] for service in services] == [f"{hook}-crd" for hook in HOOKS]
    for service in services:
        assert service["extension"]["davinci-crd.version"] == ["2.1", "2.2"]
        assert service["usageRequirements"]
        names = list(service["prefetch"])
        for at, template in enumerate(service["prefetch"].values()):
            assert set(re.findall(r"%(\w+)", template)) <= set(names[:at])


@pytest.mark.crd("dev-4", "dev-5", "dev-7", "dev-8")
def test_discovery_offers_a_switch_for_every_response_type(client: FlaskClient) -> None:
    """Options are complete and unique in code, name and description."""
    for service in client.get("/cds-services").get_json()["services"]:
        check_options(service["extension"]["davinci-crd.configuration-options"])


def check_options(options: list[dict[str, Any]]) -> None:
    """Each response type has its switch."""

    assert [option["code"] for option in options] == [
        "coverage-info",
        "unsolicited-determ",
        "guideline",
        "claim",
        "max-cards",
    ]
    for name in ("code", "name", "description"):
        assert len({option[name] for option in options}) == len(options)
    assert all(
        "default" in option and option["type"] in ("boolean", "integer") for option in options
    )


@pytest.mark.crd("resp-14", "found-40")
def test_a_signed_order_comes_back_not_covered_with_a_card(client: FlaskClient) -> None:
    """The main job, over HTTP, without insignificant white space."""
    response = client.post(SERVICE, data=encode(order_sign(version="2.2")))
    answer = response.get_json()

    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert b'": ' not in response.data
    assert [card["indicator"] for card in answer["cards"]] == ["warning"]
    (action,) = answer["systemActions"]
    assert action["resource"]["id"] == "order-1"
    assert [extension["url"] for extension in action["resource"]["extension"]] == [
        COVERAGE_INFORMATION
    ]


@pytest.mark.crd("hook-9", "hook-10", "hook-13")
@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_what_is_not_a_hook_request_is_a_400_with_an_outcome(
    client: FlaskClient, name: str
) -> None:
    """Garbage is the caller's fault, said in FHIR's words, whatever it is."""
    response = client.post(SERVICE, data=HOSTILE_BODIES[name])

    assert response.status_code == 400
    assert "`$" in outcome_of(response.data)["diagnostics"]


def test_another_hooks_request_is_a_400_at_hook(client: FlaskClient) -> None:
    """A service answers its own hook only."""
    response = client.post(SERVICE, data=encode(order_sign() | {"hook": "patient-view"}))

    assert response.status_code == 400
    assert outcome_of(response.data)["expression"] == ["hook"]


@pytest.mark.crd("hook-13")
def test_a_payer_not_hosted_here_is_a_400(client: FlaskClient) -> None:
    """CRD 2.1 and later want to hear that they asked the wrong endpoint."""
    request = order_sign(version="2.2", prefetch={"coverage": bundle(coverage("somebody-else"))})

    response = client.post(SERVICE, data=encode(request))

    assert response.status_code == 400
    assert outcome_of(response.data)["code"] == "not-supported"


def test_a_version_not_spoken_is_a_422_that_names_ours(client: FlaskClient) -> None:
    """A client that asks for an unknown version learns which are known."""
    response = client.post(SERVICE, data=encode(order_sign(version="3.0")))

    assert response.status_code == 422
    assert "2.0, 2.1, 2.2" in outcome_of(response.data)["diagnostics"]


@pytest.mark.crd("hook-10")
def test_an_outcome_names_the_place_as_json_path_in_words_and_as_fhirpath(
    client: FlaskClient,
) -> None:
    """A developer searches the body by JSON path; `expression` is FHIRPath by definition."""
    issue = outcome_of(client.post(SERVICE, data=encode(order_sign(version="3.0"))).data)

    assert "`$.extension['davinci-crd.requestedVersion']`" in issue["diagnostics"]
    assert issue["expression"] == ["extension.`davinci-crd.requestedVersion`"]


def test_what_is_wrong_with_the_whole_body_has_no_expression(client: FlaskClient) -> None:
    """The root has no name in FHIRPath, and FHIR allows no empty element."""
    issue = outcome_of(client.post(SERVICE, data=b"{").data)

    assert "`$`" in issue["diagnostics"]
    assert "expression" not in issue


def test_a_coverage_nobody_sent_or_can_query_is_a_412(client: FlaskClient) -> None:
    """Needed data that is neither prefetched nor obtainable is a failed precondition."""
    response = client.post(SERVICE, data=encode(order_sign(version="2.2", prefetch={})))

    assert response.status_code == 412
    assert outcome_of(response.data)["code"] == "required"


def test_a_body_over_the_limit_is_a_413(client: FlaskClient) -> None:
    """The limit is the operator's, the answer an OperationOutcome."""
    response = client.post(SERVICE, data=b"x" * 200_001)

    assert response.status_code == 413
    assert outcome_of(response.data)["code"] == "too-long"


@pytest.mark.parametrize("path", ["/cds-services/nothing", "/cds-services/nothing/feedback"])
def test_an_unknown_service_is_a_404(client: FlaskClient, path: str) -> None:
    """No service, no answer."""
    assert client.post(path, data=b"{}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/cds-services//order-sign-crd", "//policies//x", "/cds-services/"]
)
def test_a_path_that_is_nearly_ours_leads_nowhere(client: FlaskClient, path: str) -> None:
    """A redirect would send patient and token again, to whatever Host was named, in clear."""
    response = client.post(path, data=b"{}", headers={"Host": "evil.example.invalid"})

    assert response.status_code == 404
    assert "Location" not in response.headers


def test_a_get_on_a_service_is_a_405_that_says_what_is_allowed(client: FlaskClient) -> None:
    """HTTP's own rules hold too."""
    response = client.get(SERVICE)

    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize("path", ["/cds-services", SERVICE, f"{SERVICE}/feedback"])
def test_a_browsers_preflight_needs_nothing_and_allows_what_it_will_send(
    client: FlaskClient, path: str
) -> None:
    """The CDS Hooks Sandbox asks before every call; credentials are never allowed."""
    response = client.options(path, headers={"Origin": "https://ehr.example.invalid"})

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_an_error_can_be_read_by_a_browser_too(client: FlaskClient) -> None:
    """Cross-origin headers stand on error answers as well."""
    assert client.post(SERVICE, data=b"{").headers["Access-Control-Allow-Origin"] == "*"


def test_feedback_sent_twice_is_taken_twice_and_kept_once(
    client: FlaskClient, service: Service, tmp_path: Path
) -> None:
    """Clients repeat themselves; one reaction stays one."""
    reaction = {"card": "c1", "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
    body = encode({"feedback": [reaction, reaction]})

    statuses = [client.post(f"{SERVICE}/feedback", data=body).status_code for _ in range(2)]

    assert statuses == [200, 200]
    service.log.close()
    assert len(records_in(tmp_path / "log.sqlite3", Kind.FEEDBACK)) == 1


def test_malformed_feedback_is_a_400(client: FlaskClient) -> None:
    """An outcome is accepted or overridden, nothing else."""
    body = encode(
        {
            "feedback": [
                {"card": "c", "outcome": "liked", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
            ]
        }
    )

    response = client.post(f"{SERVICE}/feedback", data=body)

    assert response.status_code == 400
    assert outcome_of(response.data)["expression"] == ["feedback[0].outcome"]


@pytest.mark.cds_hooks("authorization-6")
@pytest.mark.crd("found-11", "found-37", "sec-6")
def test_an_answer_is_on_disk_before_it_leaves_and_without_its_token(
    client: FlaskClient, tmp_path: Path
) -> None:
    """What was said can be shown later; the key to the EHR cannot."""
    authorization = {
        "access_token": "TOKEN-CANARY",
        "token_type": "Bearer",
        "expires_in": 30,
        "scope": "x",
        "subject": "y",
    }
    request = order_sign(
        fhirServer="https://ehr.example.invalid/fhir", fhirAuthorization=authorization
    )

    client.post(SERVICE, data=encode(request))

    assert len(records_in(tmp_path / "log.sqlite3")) == 1
    assert not [file for file in tmp_path.iterdir() if b"TOKEN-CANARY" in file.read_bytes()]


def test_an_answer_that_cannot_be_kept_is_not_given(client: FlaskClient, service: Service) -> None:
    """No log, no assertion: 503 with an OperationOutcome."""
    service.log.close()

    response = client.post(SERVICE, data=encode(order_sign()))

    assert response.status_code == 503
    assert outcome_of(response.data)["code"] == "transient"


@pytest.mark.crd("sec-1")
def test_a_bug_of_ours_gives_a_trace_id_and_nothing_else(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """No stack, no value of the request: not to the caller, and not in the log."""
    app = open_site(service, Settings()).app

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("PATIENT-CANARY")

    response = app.test_client().get("/broken")

    assert response.status_code == 500
    assert "trace" in outcome_of(response.data)["diagnostics"]
    assert "PATIENT-CANARY" not in response.text + caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.crd("sec-1")
def test_an_orders_markup_never_reaches_a_card(client: FlaskClient) -> None:
    """What an order says is shown letter for letter: no tag, no link."""
    hostile = "<script>alert(1)</script> [x](http://evil.example.invalid) www.evil.example.invalid"
    order = service_request()
    order["code"]["text"] = hostile

    card = client.post(SERVICE, data=encode(order_sign(order))).get_json()["cards"][0]

    assert "<script" not in card["detail"]
    assert not re.search(r"(?<!\\)\]\(", card["detail"])
    assert "http://evil" not in card["detail"]
