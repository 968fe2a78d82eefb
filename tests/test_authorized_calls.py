"""Authorizations on file in whole calls: named where they are beyond doubt, silent in what-ifs."""

from collections.abc import Sequence
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


def insured(name: str = "coverage-1", **elements: Any) -> JsonObject:
    """A Coverage of member M-1."""
    return coverage("acme", None, id=name, subscriberId="M-1", **elements)


def respond(
    directory: Path,
    *orders: JsonObject,
    version: str = "2.2",
    wishes: JsonObject | None = None,
    members: Sequence[JsonObject] = (insured(),),
    granted: Sequence[JsonObject] = (GRANTED,),
) -> JsonObject:
    """The response about orders of member M-1, whose policy demands an authorization."""
    demanding = policy(rule(determination=[*AUTHORIZATION_NEEDED, reason()]))
    index = small_index(directory / "library", demanding)
    file = directory / "authorizations.json"
    file.write_bytes(encode(list(granted)))
    pipeline = replace(
        fake_pipeline(index), authorizations=open_authorizations(str(file), ["acme"])
    )
    request = order_sign(
        *(orders or (service_request("0001T"),)),
        version=version,
        prefetch={"patient": patient(), "coverage": bundle(*members)},
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
    (written,) = every_information(order_in(response))
    return written


def every_information(order: JsonObject) -> list[dict[str, list[Any]]]:
    """The parts of each coverage information on an order."""
    return [read_parts(held) for held in order["extension"] if held["url"] == URL]


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
    told = information(respond(tmp_path, service_request("0001T", occurrenceDateTime=day)))

    assert told["pa-needed"] == ["auth-needed"]


def numbers(order: JsonObject) -> dict[str, list[str]]:
    """Which authorizations an order states, by the Coverage for which it states them."""
    return {
        parts["coverage"][0]["reference"]: parts.get("satisfied-pa-id", parts["pa-needed"])
        for parts in every_information(order)
    }


@pytest.mark.crd("resp-32")
def test_a_number_is_given_to_one_coverage_alone(tmp_path: Path) -> None:
    """Of two Coverages of one member the first has it, and the other as if none were on file."""
    both = [insured(), insured("coverage-2")]
    response = respond(tmp_path, version="2.0", members=both)

    assert numbers(order_in(response)) == {
        "Coverage/coverage-1": ["PA-1"],
        "Coverage/coverage-2": ["auth-needed"],
    }
    assert order_violations(order_in(response), "2.0") == []


@pytest.mark.crd("resp-32")
def test_it_is_the_same_coverages_on_each_order(tmp_path: Path) -> None:
    """Though the first Coverage is not active when the first order is due."""
    ended = insured(period={"end": "2026-06-30"})
    late, early = (
        service_request("0001T", id=day, occurrenceDateTime=day)
        for day in ("2026-12-01", "2026-06-01")
    )
    response = respond(tmp_path, late, early, version="2.0", members=[ended, insured("coverage-2")])
    of_late, of_early = (numbers(action["resource"]) for action in response["systemActions"])

    assert of_late["Coverage/coverage-2"] == ["PA-1"]
    assert of_early == {
        "Coverage/coverage-1": ["auth-needed"],
        "Coverage/coverage-2": ["PA-1"],
    }


@pytest.mark.crd("resp-32")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_number_that_the_order_states_for_another_coverage_is_not_repeated(
    tmp_path: Path, version: str
) -> None:
    """Whoever stated it, beside whatever, and whichever Coverage comes with the next call."""
    first = order_in(respond(tmp_path, version=version))
    parts = [
        {"url": "coverage", "valueReference": {"reference": "Coverage/theirs"}},
        {"url": "pa-needed", "valueCode": "no-auth"},
    ]
    first["extension"].insert(0, {"url": URL, "extension": parts})
    members = [insured("coverage-2")]
    then = order_in(respond(tmp_path, first, version=version, members=members))

    assert numbers(then) == {
        "Coverage/theirs": ["no-auth"],
        "Coverage/coverage-1": ["PA-1"],
        "Coverage/coverage-2": ["auth-needed"],
    }


@pytest.mark.crd("resp-32", "resp-35")
def test_a_number_stays_with_its_coverage_in_whatever_order_they_come(tmp_path: Path) -> None:
    """So that nothing is new when a client sends them the other way round."""
    both = [insured(), insured("coverage-2")]
    first = order_in(respond(tmp_path, version="2.0", members=both))
    again = respond(tmp_path, first, version="2.0", members=both[::-1])

    assert again == {"cards": [], "systemActions": []}


@pytest.mark.crd("resp-32")
def test_each_coverage_has_a_number_of_its_own_where_there_are_two(tmp_path: Path) -> None:
    """A number that is taken does not hide the next."""
    both = [insured(), insured("coverage-2")]
    granted = [GRANTED, {**GRANTED, "number": "PA-2"}]
    response = respond(tmp_path, version="2.0", members=both, granted=granted)

    assert numbers(order_in(response)) == {
        "Coverage/coverage-1": ["PA-1"],
        "Coverage/coverage-2": ["PA-2"],
    }
