"""Lists of invented policies, and the pages over them."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from small_library import organization, policy, rule, write_library

from cds_service.pages.policy_list import PolicyList, list_policies
from cds_service.pages.routes import create_pages, read_pages
from cds_service.policy.library.artifacts import Library, read_library
from cds_service.policy.library.compiler import compile_library

JsonObject = dict[str, Any]

TODAY = date(2026, 11, 26)
_POLICIES_A_PAYER = 10


def numbered(name: str, number: str, /, **elements: Any) -> JsonObject:
    """A policy with a number of its payer's."""
    identifier = [{"system": "https://payer.example/policies", "value": number}]
    return policy(*elements.pop("rules", ()), name=name, identifier=identifier, **elements)


def two_versions() -> tuple[JsonObject, JsonObject]:
    """The versions `old` and `new` of one policy, in force from 2024 and from 2025 on."""
    url = "https://policies.example.invalid/PlanDefinition/p"
    return (
        numbered("old", "N.1", url=url, version="1", start="2024-01-01"),
        numbered("new", "N.1", url=url, version="2", start="2025-01-01"),
    )


def library_of(directory: Path, *resources: JsonObject) -> Library:
    """The library of these resources and the payer `acme`."""
    return read_library([write_library(directory, organization(), *resources)])


def list_of(directory: Path, *resources: JsonObject) -> PolicyList:
    """The list of these policies of the payer `acme`."""
    library = library_of(directory, *resources)
    return list_policies(library, compile_library(library, base_url="https://crd.example.invalid"))


def client_of(library: Library, today: Callable[[], date] = lambda: TODAY) -> FlaskClient:
    """A client of the pages over one library, on one day."""
    app = Flask(__name__)
    shown = read_pages(library, compile_library(library, base_url="https://crd.example.invalid"))
    app.register_blueprint(create_pages(lambda: shown, today))
    return app.test_client()


def many_policies(count: int) -> Iterator[JsonObject]:
    """So many policies, ten of them a payer's, each with a number and a code of its own."""
    for at in range(0, count, _POLICIES_A_PAYER):
        yield organization(f"payer-{at:04d}")
    for at in range(count):
        yield numbered(
            f"policy-{at:04d}",
            f"N.{at:04d}",
            payer=f"payer-{at - at % _POLICIES_A_PAYER:04d}",
            rules=[rule(codes=[f"{at:04d}T"])],
        )
