"""Whole hook calls for tests: status, decisions, and a check that the response is sound.

Soundness is read from CDS Hooks (Response) and CRD coverage-information, not from the code that
writes them. An order has to come back with nothing changed but our extension.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes import FakeLog, builtin_index, fake_pipeline

from cds_service.audit.record import AuditRecord
from cds_service.crd.request.hooks import HOOKS
from cds_service.ehr.client import Ehr
from cds_service.errors import HookError
from cds_service.fhir.resource import decode, encode
from cds_service.pipeline import Pipeline

JsonObject = dict[str, Any]

COVERAGE_INFORMATION = (
    "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
)
OUR_IDS = "00000000-0000-4000-8000-"  # how the fake ids begin, and no other id in a test
COVERED = {
    "2.0": {"covered", "not-covered", "conditional"},
    "2.1": {"covered", "not-covered", "conditional"},
    "2.2": {"covered", "not-covered", "conditional", "indeterminate"},
}
# No policy of the built-in library covers anything or waives an authorization, so no response to
# a fuzzed call may do so either.
TOO_LOOSE = {("covered", "covered"), ("pa-needed", "no-auth"), ("pa-needed", "satisfied")}
_TAG = re.compile(r"<[A-Za-z/!?]")


@dataclass(slots=True)
class ForgetfulLog(FakeLog):
    """Keeps nothing, so that a hundred thousand answers fit into memory."""

    def write(self, record: AuditRecord) -> None:
        """Drop the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The outcome of one call: a response if `status` is 200, else the problem and its place."""

    status: int
    response: JsonObject = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""
    where: str = ""

    @property
    def actions(self) -> list[JsonObject]:
        return list(self.response.get("systemActions", ()))

    @property
    def orders(self) -> list[JsonObject]:
        """The orders that the response updates."""
        return [action["resource"] for action in self.actions]

    @property
    def decisions(self) -> list[list[Any]]:
        """For each coverage-information of ours: resourceType, id, covered, every info-needed."""
        return [_decision(order, ours) for order in self.orders for ours in our_repetitions(order)]

    @property
    def reasons(self) -> list[str]:
        """The codes of all reasons given, in their order."""
        codes: list[str] = []
        for order in self.orders:
            for repetition in our_repetitions(order):
                for part in _parts(repetition, "reason"):
                    codings = part["valueCodeableConcept"].get("coding", ())
                    codes.extend(coding["code"] for coding in codings)
        return codes

    @property
    def facts(self) -> list[bytes]:
        """What was determined for each order, without dates and ids, sorted."""
        return sorted(
            encode([order["resourceType"], order["id"], *_lasting_parts(ours)])
            for order in self.orders
            for ours in our_repetitions(order)
        )


def _decision(order: JsonObject, ours: JsonObject) -> list[Any]:
    codes = [
        part["valueCode"] for name in ("covered", "info-needed") for part in _parts(ours, name)
    ]
    return [order["resourceType"], order["id"], *codes]


def _lasting_parts(ours: JsonObject) -> list[JsonObject]:
    return [
        part for part in ours["extension"] if part["url"] not in ("date", "coverage-assertion-id")
    ]


def _parts(extension: JsonObject, name: str) -> list[JsonObject]:
    inside = listed(extension.get("extension"))
    return [part for part in inside if isinstance(part, dict) and part.get("url") == name]


def our_repetitions(order: JsonObject) -> list[JsonObject]:
    """The coverage-information extensions that this response put on the order."""
    return [extension for extension in listed(order.get("extension")) if _is_ours(extension)]


def _is_ours(extension: Any) -> bool:
    if not isinstance(extension, dict) or extension.get("url") != COVERAGE_INFORMATION:
        return False
    return any(
        str(part.get("valueString")).startswith(OUR_IDS)
        for part in _parts(extension, "coverage-assertion-id")
    )


def listed(value: Any) -> list[Any]:
    """A value that should be a list, as one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class Service:
    """The pipeline of every hook over the built-in library, with fakes at its seams."""

    def __init__(self, pipelines: Mapping[str, Pipeline]) -> None:
        self.pipelines = pipelines

    def __repr__(self) -> str:
        return "the service"  # hypothesis prints what it is given, and an index is large

    def answer(self, hook: str, body: bytes) -> Answered:
        """The outcome of one call; any error but a HookError is a bug and is let through."""
        try:
            answer = self.pipelines[hook].respond(body)
        except HookError as error:
            return Answered(status=error.status, problem=str(error), where=error.where)
        return Answered(status=200, response=decode(answer), body=answer)


def make_service(ehr: Ehr | None = None) -> Service:
    """A service for tests, to be used for many calls; without an `ehr` nothing can be queried."""
    index = builtin_index()
    return Service(
        {hook: fake_pipeline(index, log=ForgetfulLog(), hook=hook, ehr=ehr) for hook in HOOKS}
    )


def problems(answered: Answered, request: Any, from_ehr: Any = ()) -> list[str]:
    """Everything wrong with the outcome of a request, whatever the request; empty if sound."""
    return list(_problems(answered, request, from_ehr))


def _problems(answered: Answered, request: Any, from_ehr: Any) -> Iterator[str]:
    if answered.status != 200:
        if not 400 <= answered.status < 500:
            yield f"status {answered.status}"
        if not answered.problem:
            yield "an error without words"
        return
    version = _version(request)
    yield from _envelope_problems(answered.response, version)
    for card in answered.response.get("cards", ()):
        yield from _card_problems(card)
    came = _by_name([request, from_ehr])
    for action in answered.actions:
        yield from _action_problems(action, version)
        yield from _order_problems(action["resource"], came)


def _version(request: Any) -> str:
    """The CRD version that the response to a request is written in."""
    extension = (listed(request.get("extension")) or [None])[0]
    asked = extension.get("davinci-crd.requestedVersion") if isinstance(extension, dict) else None
    return str(asked).strip()[:3] if asked is not None else "2.0"


def _envelope_problems(response: JsonObject, version: str) -> Iterator[str]:
    actions = response.get("systemActions", [])
    # Of an updated order only our extension: an EHR may leave anything empty in the rest.
    written = [{**action, "resource": our_repetitions(action["resource"])} for action in actions]
    shown = {**response, "systemActions": written}
    wants_empty_list = version == "2.0"
    if not actions and (wants_empty_list or "systemActions" not in response):
        del shown["systemActions"]
    yield from (f"an empty value at {path}" for path in _empties(shown, "$") if path != "$.cards")
    yield from (f"an unknown element {name}" for name in set(response) - {"cards", "systemActions"})
    orders = [action["resource"] for action in actions]
    keys = {(order["resourceType"], str(order.get("id"))) for order in orders}
    if len(keys) != len(orders):
        yield "two updates of one order"


def _empties(value: Any, path: str) -> Iterator[str]:
    if value in (None, "", [], {}):
        yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from _empties(inner, f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}")


def _card_problems(card: JsonObject) -> Iterator[str]:
    if not 0 < len(card["summary"]) < 140:
        yield f"a summary of {len(card['summary'])} characters"
    if card["indicator"] not in ("info", "warning"):
        yield f"the indicator {card['indicator']}"
    if not card["uuid"].startswith(OUR_IDS):
        yield "a card without uuid"
    if not card["source"]["label"] or card["source"]["topic"]["code"] in ("", "coverage-info"):
        yield f"the source {card['source']}"
    if any(
        set(link) != {"label", "url", "type"} or link["type"] != "absolute"
        for link in card.get("links", ())
    ):
        yield "a link that is not absolute"
    if not all(
        {"code", "system", "display"} <= set(reason) for reason in card.get("overrideReasons", ())
    ):
        yield "cds-resp-4"
    if _TAG.search(card["detail"]):
        yield "a tag in the detail"


def _action_problems(action: JsonObject, version: str) -> Iterator[str]:
    if set(action) != {"type", "description", "resource"} or action["type"] != "update":
        yield f"an action with {sorted(action)}"
    ours = our_repetitions(action["resource"])
    if not ours or not str(action["resource"].get("id", "")).strip():
        yield "an update without coverage-information or id"
    for repetition in ours:
        yield from _repetition_problems(repetition, version)


def _repetition_problems(ours: JsonObject, version: str) -> Iterator[str]:
    names = [part["url"] for part in ours["extension"]]
    for name in ("coverage", "covered", "date", "coverage-assertion-id"):
        if names.count(name) != 1:
            yield f"{names.count(name)} times {name}"
    coded = [(part["url"], part["valueCode"]) for part in ours["extension"] if "valueCode" in part]
    yield from (f"{name} {code}" for name, code in coded if (name, code) in TOO_LOOSE)
    if not set(_codes(coded, "covered")) <= COVERED[version]:
        yield f"covered {_codes(coded, 'covered')} in {version}"
    is_conditional = "conditional" in _codes(coded, "covered", "pa-needed", "doc-needed")
    if is_conditional != ("info-needed" in names):
        yield "crd-ci-q3"
    if ("covered", "not-covered") in coded and "pa-needed" in names and version != "2.0":
        yield "crd-ci-q2"
    if (
        not all(part["valueCodeableConcept"].get("text") for part in _parts(ours, "reason"))
        or "reason" not in names
    ):
        yield "an answer without reason in words"


def _codes(coded: list[tuple[str, str]], *names: str) -> list[str]:
    return [code for name, code in coded if name in names]


Name = tuple[str, str]


def _order_problems(back: JsonObject, came: Mapping[Name, list[JsonObject]]) -> Iterator[str]:
    differences = [order_changes(sent, back) for sent in came.get(_name(back), ())]
    if not differences:
        yield f"an update of {_name(back)}, which did not come"
    elif all(differences):
        yield f"{_name(back)} came back changed: {differences[0]}"


def _by_name(value: Any) -> Mapping[Name, list[JsonObject]]:
    """Every object in a JSON value that has a resourceType, by type and id."""
    found: dict[Name, list[JsonObject]] = defaultdict(list)
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict) and "resourceType" in part:
            found[_name(part)].append(part)
        waiting.extend(
            part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        )
    return found


def _name(resource: JsonObject) -> Name:
    return str(resource.get("resourceType")).strip(), str(resource.get("id")).strip()


def order_changes(
    came: JsonObject, back: JsonObject, write: Callable[[Any], bytes] = encode
) -> list[str]:
    """The differences between an order sent and its update, apart from ours (CRD resp-37)."""
    changes = []
    if write(_without_extensions(came)) != write(_without_extensions(back)):
        changes.append("other than its extensions")
    about = {_coverage_of(repetition) for repetition in our_repetitions(back)}
    sent, returned = listed(came.get("extension")), listed(back.get("extension"))
    kept = [extension for extension in sent if not _is_replaced(extension, about)]
    now = [extension for extension in returned if not _is_ours(extension)]
    if write(kept) != write(now):
        changes.append(f"its extensions: {write(now)[:200]!r}")
    return changes


def _without_extensions(order: JsonObject) -> list[tuple[str, Any]]:
    """The other elements as pairs, so that their order counts too."""
    return [(name, value) for name, value in order.items() if name != "extension"]


def _is_replaced(extension: Any, about: set[str]) -> bool:
    """Whether this is an earlier assertion for a Coverage that the response is about."""
    is_one = isinstance(extension, dict) and extension.get("url") == COVERAGE_INFORMATION
    return is_one and _coverage_of(extension) in about


def _coverage_of(extension: JsonObject) -> str:
    named = [part.get("valueReference") for part in _parts(extension, "coverage")]
    literal = named[0].get("reference") if named and isinstance(named[0], dict) else None
    return str(literal).split("/_history/", maxsplit=1)[0].rsplit("/", 1)[-1].strip()
