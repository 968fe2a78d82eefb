"""The service over HTTP: what discovery, calls and errors put on the wire, for rules on all of it.

Besides the built-in policies it hosts those of `acme`, which propose one thing of each kind, leave
an order open, read a patient's history, have titles as long as a summary may not be, and a document
that the payer publishes.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from pathlib import Path
from tempfile import TemporaryDirectory

from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    PULSED_FIELD,
    UNLISTED,
    VERSIONS,
    JsonObject,
    asked_about,
    call,
    with_token,
)
from fakes import FakeLog
from flask.testing import FlaskClient
from hook_requests import coverage, patient
from proposal_library import ALL_HOOKS, DEFINITIONS, EVERY_KIND, proposing, update
from scripted_ehr import ScriptedEhr
from small_library import instruction, organization, part, policy, reason, rule, write_library
from werkzeug.test import TestResponse

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.crd.request.hooks import HOOKS
from cds_service.ehr.client import Ehr
from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.fhir.resource import decode, encode
from cds_service.settings import Settings

ABSENT = object()
PROPOSING, LONG, OPEN = "0001T", "0004T", "0005T"  # codes of acme's policies
LONG_TITLE = " ".join(["something"] * 14) + "s"  # 140 characters
DOCUMENT = "https://acme.example.invalid/policies/acme-2.pdf"
ACME = (patient(), coverage("acme", None, subscriberId="old"))
UNDECIDED = (
    part("covered", "conditional"),
    part("info-needed", "OTH"),
    reason("Too little is known."),
    instruction("Tell how long the trouble has lasted."),
)
# Code and text of the services that members of the built-in policies are asked about.
_SERVICES = ((LISTED, ""), (UNLISTED, ""), (UNLISTED, PULSED_FIELD), (NOT_IN_A_POLICY, ""))
_HISTORY: tuple[JsonObject, ...] = tuple(
    {
        "id": kind.lower(),
        "type": kind,
        "codeFilter": [{"path": "code", "code": [{"system": ICD_10_CM, "code": "I48.91"}]}],
    }
    for kind in ("Condition", "Observation")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A client of a service, and the service's log."""

    client: FlaskClient
    log: FakeLog

    def services(self) -> list[JsonObject]:
        """What discovery lists."""
        listed: list[JsonObject] = decode(self.client.get("/cds-services").data)["services"]
        return listed

    def send(self, request: JsonObject) -> TestResponse:
        """The answer to a call, whatever it is."""
        return self.send_to(request["hook"], request)

    def send_to(self, hook: str, request: JsonObject) -> TestResponse:
        """The answer of the service for a hook, whichever the call says it is of."""
        return self.post(f"{hook}-crd", encode(request))

    def post(self, path: str, body: bytes) -> TestResponse:
        """The answer to a body sent to an address below /cds-services."""
        return self.client.post(f"/cds-services/{path}", data=body)

    def answer(self, request: JsonObject) -> JsonObject:
        """The body of the answer to a call that is answered."""
        response = self.send(request)
        assert response.status_code == 200, response.text
        body: JsonObject = decode(response.data)
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call that was answered: the request, and the body of the answer as an object."""

    hook: str
    version: str
    request: JsonObject
    body: JsonObject

    @property
    def cards(self) -> list[JsonObject]:
        """The cards of the answer."""
        return list(self.body["cards"])


def whole_ehr() -> ScriptedEhr:
    """An EHR that holds all that a call of any hook needs."""
    about = {asked_about(hook)["resourceType"]: asked_about(hook) for hook in HOOK_NAMES}
    return ScriptedEhr([patient(), coverage(), *about.values()])


def open_wire(directory: Path, *resources: JsonObject, ehr: Ehr | None = None) -> Wire:
    """A service over the built-in policies and these resources; an `ehr` is how it queries."""
    library = write_library(directory, *(resources or acme()))
    log = FakeLog()
    settings = Settings(library=(library,), base_url="https://crd.example.invalid")
    service = build_service(settings, ehr=ehr, log=log)
    return Wire(client=open_site(service, settings).app.test_client(), log=log)


def acme() -> tuple[JsonObject, ...]:
    """The payer, its policies and what they refer to."""
    reading = ("%condition.exists()", "%observation.exists()")
    history = rule("reads", codes=["0006T"], conditions=reading, input=[_order(), *_HISTORY])
    titled = rule("long", codes=[LONG], title=LONG_TITLE)
    undecided = rule("open", codes=[OPEN], determination=UNDECIDED)
    proposals = {
        **EVERY_KIND,
        "update": update(precheckBehavior="yes"),
        "other": update("other", title=LONG_TITLE),  # on the same card
    }
    return (
        organization(),
        *DEFINITIONS,
        proposing(*proposals.values(), codes=[PROPOSING]),
        policy(
            *(titled, undecided, history),
            name="acme-2",
            hooks=ALL_HOOKS,
            relatedArtifact=[{"type": "derived-from", "url": DOCUMENT}],
        ),
    )


def _order() -> JsonObject:
    listed = [{"system": CPT, "code": "0006T"}]
    return {"type": "ServiceRequest", "codeFilter": [{"path": "code", "code": listed}]}


def authorized(hook: str, **changed: object) -> JsonObject:
    """A call that must query for all it needs, some members of its authorization changed."""
    request = with_token({**call(hook), "prefetch": {}})
    members = {**request["fhirAuthorization"], **changed}
    kept = {name: value for name, value in members.items() if value is not ABSENT}
    return {**request, "fhirAuthorization": kept}


@cache
def every_exchange() -> tuple[Exchange, ...]:
    """Calls of every hook in every version for members of every kind, as far as answered."""
    with TemporaryDirectory() as directory:
        wire = open_wire(Path(directory) / "library")
        return tuple(_answered(wire, chain(_builtin_calls(), _acme_calls())))


def _builtin_calls() -> Iterator[tuple[str, JsonObject]]:
    for hook, version in product(HOOK_NAMES, VERSIONS):
        for member, (code, words) in product(MEMBERS.values(), _SERVICES):
            about = asked_about(hook, code, words)
            yield version, call(hook, about, version=version, member=member)


def _acme_calls() -> Iterator[tuple[str, JsonObject]]:
    for hook, version, code in product(HOOK_NAMES, VERSIONS, (PROPOSING, LONG, OPEN)):
        about = asked_about(hook, code, "A service of acme")
        yield version, call(hook, about, version=version, member=ACME)


def _answered(wire: Wire, calls: Iterable[tuple[str, JsonObject]]) -> Iterator[Exchange]:
    for version, request in calls:
        response = wire.send(request)
        assert response.status_code in (200, 400), response.text
        if response.status_code == 200:
            body = json.loads(response.data)
            yield Exchange(hook=request["hook"], version=version, request=request, body=body)


def every_card() -> list[JsonObject]:
    """Each card of every exchange."""
    return [card for exchange in every_exchange() for card in exchange.cards]


def every_suggestion() -> list[JsonObject]:
    """Each suggestion on any card."""
    return [suggestion for card in every_card() for suggestion in card.get("suggestions", ())]


def every_suggested_action() -> list[JsonObject]:
    """Each action of any suggestion."""
    return [action for suggestion in every_suggestion() for action in suggestion.get("actions", ())]


def every_system_action() -> list[JsonObject]:
    """Each system action of every exchange."""
    return [
        action for exchange in every_exchange() for action in exchange.body.get("systemActions", ())
    ]


def hooks_called() -> set[str]:
    """The hooks that some exchange is of; all of them, or a rule would hold of nothing."""
    called = {exchange.hook for exchange in every_exchange()}
    assert called == set(HOOKS)
    return called
