"""Endpoint discovery: where each payer's endpoints are (HRex)."""

from pathlib import Path

import pytest
from fake_web import fake_web
from flask.testing import FlaskClient
from hosted_policies import library_of
from small_library import organization

from cds_service.crd.codes import PAYER_ID
from cds_service.crd.request.version import VERSIONS
from cds_service.web.well_known import create_well_known, read_payers

BASE_URL = "https://crd.payer.example"
AT_ROOT = "/.well-known/davinci-configuration"


def client_of(directory: Path, *payers: str) -> FlaskClient:
    """A client where these payers are hosted, `acme` among the organizations."""
    more = [organization(payer) for payer in payers if payer != "acme"]
    named = read_payers(library_of(directory, *more), payers)
    return fake_web({}, [create_well_known(lambda: named, BASE_URL)]).test_client()


def test_the_one_payer_is_named_with_its_endpoints(tmp_path: Path) -> None:
    """A base for each version of CRD that is spoken, and for nothing that is not offered."""
    response = client_of(tmp_path, "acme").get(AT_ROOT)

    assert response.mimetype == "application/json"
    assert response.get_json() == {
        "identifier": {"system": PAYER_ID, "value": "acme"},
        "endpoints": {f"davinci_crd_hook_endpoint#{version}": BASE_URL for version in VERSIONS},
    }
    assert set(VERSIONS) == {"2.0", "2.1", "2.2"}


def test_each_of_several_payers_has_a_file_of_its_own(tmp_path: Path) -> None:
    """And the one at the root names none: it would be another's for most members."""
    client = client_of(tmp_path, "acme", "zenith")
    of_zenith = client.get(f"/payers/zenith{AT_ROOT}").get_json()

    assert "identifier" not in client.get(AT_ROOT).get_json()
    assert of_zenith["identifier"]["value"] == "zenith"
    assert of_zenith["endpoints"] == client.get(AT_ROOT).get_json()["endpoints"]


@pytest.mark.crd("found-14")
def test_a_payer_has_one_endpoint_for_all_its_coverages(tmp_path: Path) -> None:
    """Whatever the version and the line of business: one address, under which all are answered."""
    client = client_of(tmp_path, "acme", "zenith")
    for payer in ("acme", "zenith"):
        endpoints = client.get(f"/payers/{payer}{AT_ROOT}").get_json()["endpoints"]

        assert {name.partition("#")[0] for name in endpoints} == {"davinci_crd_hook_endpoint"}
        assert set(endpoints.values()) == {BASE_URL}


def test_a_payer_that_is_not_hosted_has_none(tmp_path: Path) -> None:
    """404 as an OperationOutcome, though the library has an Organization of that id."""
    response = client_of(tmp_path, "zenith").get(f"/payers/acme{AT_ROOT}")

    assert response.status_code == 404
    assert response.get_json(force=True)["issue"][0]["code"] == "not-found"


def test_a_payer_without_a_whole_identifier_is_not_named(tmp_path: Path) -> None:
    """HRex has an identifier say in which system its value stands."""
    half = organization("half", identifier=[{"value": "1"}])
    named = read_payers(library_of(tmp_path, half), ["half"])

    assert named.by_id == {}
    assert named.only is None


def test_caches_may_keep_it_and_any_page_may_read_it(tmp_path: Path) -> None:
    """With an ETag to ask by."""
    client = client_of(tmp_path, "acme")
    first = client.get(AT_ROOT)
    again = client.get(AT_ROOT, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert "public" in first.headers["Cache-Control"]
    assert first.headers["Access-Control-Allow-Origin"] == "*"
