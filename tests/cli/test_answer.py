"""`crd answer`: the response to one request file, or why it is what it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from crd_command import EXAMPLE, crd_here
from hook_requests import bundle, coverage, order_sign, patient, service_request

from cds_service.crd.codes import PAYER_ID
from cds_service.fhir.resource import encode


def test_answer_prints_the_response_without_recording_it(tmp_path: Path) -> None:
    """Offline answers leave nothing behind."""
    run = crd_here("answer", EXAMPLE, CRD_DATA_DIR=str(tmp_path / "data"))

    assert run.returncode == 0
    assert json.loads(run.stdout)["systemActions"][0]["type"] == "update"
    assert not (tmp_path / "data").exists()


def test_answer_explains_which_rule_spoke_and_why() -> None:
    """The trace names policy version, rule, matched code and each condition's value."""
    run = crd_here("answer", EXAMPLE, "--explain")

    for words in (
        "icare-wi-pa-1266|2024.10.8",
        "ire-any-indication speaks",
        "|0600T",
        "true",
        "not-covered",
    ):
        assert words in run.stdout


def test_answer_reads_the_settings_of_the_service() -> None:
    """Links on cards lead where those of the running service would."""
    run = crd_here("answer", EXAMPLE, CRD_BASE_URL="https://crd.example.invalid/")

    (card,) = json.loads(run.stdout)["cards"]
    assert card["links"][0]["url"].startswith("https://crd.example.invalid/policies/")


def test_answer_refuses_what_the_service_refuses(tmp_path: Path) -> None:
    """The same OperationOutcome, and exit status 1."""
    request = tmp_path / "request.json"
    request.write_text('{"hook": "order-sign"}')

    run = crd_here("answer", request)

    assert run.returncode == 1
    assert json.loads(run.stdout)["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("body", ["{", '{"hook": "patient-view"}'])
def test_answer_says_what_is_wrong_with_a_file_that_is_no_hook_request(
    tmp_path: Path, body: str
) -> None:
    """No stack, whatever the file."""
    request = tmp_path / "request.json"
    request.write_text(body)

    run = crd_here("answer", request)

    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stdout or run.stderr


def test_answer_names_the_hook_that_no_service_answers(tmp_path: Path) -> None:
    """A request for another hook is one line with its name."""
    request = tmp_path / "request.json"
    request.write_text('{"hook": "patient-view"}')

    run = crd_here("answer", request)

    assert run.stderr == "Error: no service answers the hook `patient-view`\n"


def written(directory: Path, request: dict[str, Any]) -> Path:
    """A file with a request."""
    file = directory / "request.json"
    file.write_bytes(encode(request))
    return file


def test_answer_explains_why_nothing_addresses_an_order(tmp_path: Path) -> None:
    """The policies that came near, each with what it lacks."""
    early = order_sign(service_request(occurrenceDateTime="2023-01-01"), version="2.2")
    run = crd_here("answer", written(tmp_path, early), "--explain")

    assert run.returncode == 0
    assert "\nnear miss     https://" in run.stdout
    assert "  but for     the date: in force from 2024-10-08" in run.stdout


def test_answer_explains_what_was_understood_of_a_call_that_is_refused(tmp_path: Path) -> None:
    """Hook, version, coverage, payer and orders, then the error, its place and the remedy."""
    elsewhere = {"patient": patient(), "coverage": bundle(coverage("somebody-else"))}
    request = order_sign(version="2.2", prefetch=elsewhere)
    run = crd_here("answer", written(tmp_path, request), "--explain")

    assert run.returncode == 1
    for row in (
        "hook          order-sign",
        "version       2.2",
        "prefetch      patient, coverage",
        "patient       Patient/member-1, at hand",
        "coverage      Coverage/coverage-1, active",
        f"  identifiers {PAYER_ID}|somebody-else",
        "  payer       none that is hosted here",
        "order         ServiceRequest/order-1",
        "  codes       http://www.ama-assn.org/go/cpt|0600T",
        "refused       400, not-supported",
        "  at          $.prefetch",
        "  remedy      change the request where it says: the same request will be refused again",
    ):
        assert row in run.stdout.splitlines()


def test_answer_explains_what_would_let_it_ask_for_what_is_missing(tmp_path: Path) -> None:
    """A 412 names what was not sent, and how it could be queried."""
    request = order_sign(version="2.2", prefetch={})
    run = crd_here("answer", written(tmp_path, request), "--explain")

    assert "coverage      none at hand" in run.stdout
    assert "refused       412, required" in run.stdout
    assert "the request has no `fhirServer`" in run.stdout
    assert "`--ehr`" in run.stdout


@pytest.mark.parametrize("body", ["{", '{"hook": "order-sign"}', '{"hook": "order-dispatch"}'])
def test_answer_explains_also_what_is_no_hook_request(tmp_path: Path, body: str) -> None:
    """As much as there was to understand."""
    request = tmp_path / "request.json"
    request.write_text(body)

    run = crd_here("answer", request, "--explain")

    assert run.returncode == 1
    assert "refused       400, invalid" in run.stdout
    assert "Traceback" not in run.stderr


def test_answer_explains_advice_where_no_coverage_came(tmp_path: Path) -> None:
    """An older client gets cards without a Coverage, and these have reasons too."""
    request = order_sign(prefetch={"patient": patient(), "coverage": None})
    run = crd_here("answer", written(tmp_path, request), "--explain")

    assert run.stdout.startswith("No Coverage came, so nothing was determined.")
    assert "ire-any-indication speaks" in run.stdout
