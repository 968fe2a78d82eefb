"""Authorizations on file in whole calls: named where they are beyond doubt, silent in what-ifs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coverage_information_rules import URL, VERSIONS, order_violations, read_parts
from fakes import fake_pipeline
from hook_requests import bundle, coverage, order_sign, patient, service_request
from small_library import AUTHORIZATION_NEEDED, policy, reason, rule, small_index

from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import decode, encode
from cds_service.members.authorizations import open_authorizations

JsonObject = dict[str, Any]

GRANTED: JsonObject = {
    "payer": "acme",
    "member": "M-1",
    "code": {"system": CPT, "code": "0001T"},
    "period": {"start": "2026-01-01", "end": "2026-12-31"},
    "number": "PA-1",
}


def respond(
    directory: Path, *, version: str = "2.2", wishes: JsonObject | None = None, **elements: Any
) -> JsonObject:
    """The response about one order of member M-1, whose policy demands an authorization."""
    index = small_index(directory, policy(rule(determination=[*AUTHORIZATION_NEEDED, reason()])))
    file = directory / "authorizations.json"
    file.write_bytes(encode([GRANTED]))
    pipeline = replace(
        fake_pipeline(index), authorizations=open_authorizations(str(file), ["acme"])
    )
    member = coverage("acme", None, subscriberId="M-1")
    request = order_sign(
        service_request("0001T", **elements),
        version=version,
        prefetch={"patient": patient(), "coverage": bundle(member)},
        extension={"davinci-crd.configuration": wishes or {}},
    )
    response: JsonObject = decode(pipeline.respond(encode(request)))
    return response


def order_in(response: JsonObject) -> JsonObject:
    """The order as it comes back."""
    found: JsonObject = response["systemActions"][0]["resource"]
    return found


def information(response: JsonObject) -> dict[str, list[Any]]:
    """The parts of the coverage information on it."""
    (written,) = [held for held in order_in(response)["extension"] if held["url"] == URL]
    return read_parts(written)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_authorization_on_file_is_written_in_each_version(tmp_path: Path, version: str) -> None:
    """Satisfied, and under which number."""
    response = respond(tmp_path, version=version)

    assert order_violations(order_in(response), version) == []
    assert information(response)["pa-needed"] == ["satisfied"]
    assert information(response)["satisfied-pa-id"] == ["PA-1"]


def test_a_card_says_that_it_is_given(tmp_path: Path) -> None:
    """And there is no card with steps."""
    (card,) = respond(tmp_path)["cards"]

    assert card["summary"].startswith("Covered; prior authorization already given")
    assert "PA-1" in card["detail"]


@pytest.mark.crd("dev-5", "dev-14")
def test_a_what_if_call_is_not_told(tmp_path: Path) -> None:
    """A client switches unsolicited determinations off then (CRD found-35)."""
    told = information(respond(tmp_path, wishes={"unsolicited-determ": False}))

    assert told["pa-needed"] == ["auth-needed"]
    assert "satisfied-pa-id" not in told


@pytest.mark.parametrize("day", ["2025-12-31", "2027-01-01", "2026", "2026-12"])
def test_another_day_or_a_vague_one_is_not_authorized(tmp_path: Path, day: str) -> None:
    """What was granted is for its period."""
    told = information(respond(tmp_path, occurrenceDateTime=day))

    assert told["pa-needed"] == ["auth-needed"]
