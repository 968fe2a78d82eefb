"""Two whole sets of policies in the same files: an answer by a mixture of both is told apart."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hook_requests import MEDICARE_HMO, coverage, patient, service_request
from small_library import JsonObject, organization, part, policy, reason, rule, write_library

from cds_service.fhir.resource import encode
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.snapshot import digest

SPRING, AUTUMN = "spring", "autumn"
SEASONS = (SPRING, AUTUMN)
PLANS = 6  # policies in a set besides the one that is asked


def resources_of(season: str) -> Iterable[JsonObject]:
    """A set whose every resource names its season; its rule gives it as the reason."""
    determination = (part("covered", "not-covered"), reason(f"because it is {season}"))
    yield organization(alias=[season])
    yield policy(rule(determination=determination), title=f"Policy of {season}")
    for number in range(PLANS):
        codes = [f"000{number + 2}T"]
        name = f"acme-{number + 2}"
        yield policy(rule(codes=codes), name=name, title=f"Policy {number} of {season}")


def cases_of(season: str) -> JsonObject:
    """The set's own test, which the other one fails."""
    member = {"coverage": coverage("acme", MEDICARE_HMO)}
    code = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "0001T"}]}
    case = {
        "name": f"as in {season}",
        "order": {"code": code},
        "member": "member",
        "date": "2026-11-01",
        "expect": {
            "covered": "not-covered",
            "rule": "rule-1",
            "says": [f"because it is {season}"],
        },
    }
    return {"members": {"member": member}, "cases": [case]}


def write_set(directory: Path, season: str) -> Path:
    """The set in a directory, which is made if need be."""
    write_library(directory, *resources_of(season))
    (directory / "cases.json").write_bytes(encode(cases_of(season)))
    return directory


def digests(directory: Path) -> Mapping[str, str]:
    """What the sets are named by, without any other policy, by their season."""
    return {
        season: digest(read_library([write_set(directory / season, season)])) for season in SEASONS
    }


def turn(link: Path, target: Path) -> None:
    """Have a link lead elsewhere, in one step, as whoever deploys does."""
    coming = link.with_name(f"{link.name}.coming")
    coming.symlink_to(target)
    coming.rename(link)


def write_volume(root: Path, number: int, season: str) -> None:
    """The set in a directory as Kubernetes writes a ConfigMap, exchanged in one step."""
    version = f"..2026_11_27_{number}"
    write_set(root / version, season)
    turn(root / "..data", Path(version))
    for file in (root / version).iterdir():
        link = root / file.name
        if not link.is_symlink():
            link.symlink_to(Path("..data") / file.name)


def order_request(hook_instance: str) -> dict[str, Any]:
    """A call about the order that the sets answer differently."""
    order = {"resource": service_request("0001T")}
    return {
        "hook": "order-sign",
        "hookInstance": hook_instance,
        "fhirServer": "http://127.0.0.1:1/fhir",
        "context": {
            "userId": "Practitioner/signer",
            "patientId": "member-1",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [order]},
        },
        "prefetch": {"patient": patient(), "coverage": coverage("acme")},
    }


def season_in(response: str) -> str:
    """The season that an answer is by; empty if it is by none, or by both."""
    found = [season for season in SEASONS if f"because it is {season}" in response]
    return found[0] if len(found) == 1 else ""


def replace_file(file: Path, body: bytes) -> None:
    """Write a file beside it and rename it into place."""
    beside = file.with_name(f".{file.name}.part")
    beside.write_bytes(body)
    os.replace(beside, file)  # noqa: PTH105  # over what is there
