"""`crd answer`: the response to one request file, or why it is what it is."""

import json
from pathlib import Path

import pytest
from crd_command import EXAMPLE, crd


def test_answer_prints_the_response_without_recording_it(tmp_path: Path) -> None:
    """Offline answers leave nothing behind."""
    run = crd("answer", EXAMPLE, CRD_DATA_DIR=str(tmp_path / "data"))

    assert run.returncode == 0
    assert json.loads(run.stdout)["systemActions"][0]["type"] == "update"
    assert not (tmp_path / "data").exists()


def test_answer_explains_which_rule_spoke_and_why() -> None:
    """The trace names policy version, rule, matched code and each condition's value."""
    run = crd("answer", EXAMPLE, "--explain")

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
    run = crd("answer", EXAMPLE, CRD_BASE_URL="https://crd.example.invalid/")

    (card,) = json.loads(run.stdout)["cards"]
    assert card["links"][0]["url"].startswith("https://crd.example.invalid/policies/")


def test_answer_refuses_what_the_service_refuses(tmp_path: Path) -> None:
    """The same OperationOutcome, and exit status 1."""
    request = tmp_path / "request.json"
    request.write_text('{"hook": "order-sign"}')

    run = crd("answer", request)

    assert run.returncode == 1
    assert json.loads(run.stdout)["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("body", ["{", "[]", '{"hook": "patient-view"}'])
def test_answer_says_what_is_wrong_with_a_file_that_is_no_hook_request(
    tmp_path: Path, body: str
) -> None:
    """No stack, whatever the file."""
    request = tmp_path / "request.json"
    request.write_text(body)

    run = crd("answer", request)

    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stdout or run.stderr


def test_answer_names_the_hook_that_no_service_answers(tmp_path: Path) -> None:
    """A request for another hook is one line with its name."""
    request = tmp_path / "request.json"
    request.write_text('{"hook": "patient-view"}')

    run = crd("answer", request)

    assert run.stderr == "Error: no service answers the hook `patient-view`\n"
