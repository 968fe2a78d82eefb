"""Mentions: by what a record is found. Patients and members stand there as keyed hashes only."""

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from cds_service.audit.called_orders import undecided_orders
from cds_service.audit.dossier import decisions_of
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject, text


class Mention(NamedTuple):  # not a dataclass: ten a call are compared and put into a set
    """One name and value that a record is found by, such as `payer` and `icare`."""

    name: str
    value: str


_LONGEST = 500  # characters; PostgreSQL indexes up to 2,700 bytes
HASHED = ("patient", "member")


def mention(name: str, value: str, audit_key: bytes) -> Mention:
    """The mention of a value; of a patient's or a member's, its hash under the deployer's key.

    A patient is given by id, with or without `Patient/` before it; a code as `system|code`, in any
    spelling of its system.
    """
    if name == "code":
        system, _, code = value.rpartition("|")
        return Mention(name, _indexed("|".join(Coding(system, code).key)))
    if name not in HASHED:
        return Mention(name, _indexed(value))
    bare = value.removeprefix("Patient/")
    return Mention(name, hmac.digest(audit_key, f"{name}:{bare}".encode(), sha256).hex())


def _indexed(value: str) -> str:
    """The value as an index takes it: one that is long, or no database can hold, by its digest."""
    if len(value) <= _LONGEST and "\0" not in value:
        return value
    return f"sha256:{sha256(value.encode(errors='surrogatepass')).hexdigest()}"


def mentions_of(record: JsonObject, audit_key: bytes) -> tuple[Mention, ...]:
    """All that a record, the JSON of its payload, is found by; sorted, each once.

    The same for a record that is written and one that is read back, so that `crd audit verify`
    can tell whether somebody has changed what a search finds.
    """
    found = {mention(name, value, audit_key) for name, value in _named(record) if value}
    return tuple(sorted(found))


def _named(record: JsonObject) -> Iterator[tuple[str, str]]:
    request = record.get("request")
    if isinstance(request, dict):
        context = request.get("context")
        yield "patient", text(context.get("patientId")) if isinstance(context, dict) else ""
    yield "hook-instance", text(record.get("hookInstance"))
    yield from (("card", card) for card in _texts(record.get("cards")))
    yield "subject", text(record.get("subject"))  # what a reading or a change was about
    decisions = decisions_of(record)
    for decision in decisions:
        yield from _named_in(decision)
    if isinstance(request, dict):  # what was decided on nothing is looked for too
        decided = {text(decision.get("order")) for decision in decisions}
        for order in undecided_orders(record, decided):
            yield "order", order.reference
            yield from (("code", code) for code in order.codes)


def _named_in(decision: JsonObject) -> Iterator[tuple[str, str]]:
    for name in ("order", "payer", "plan", "assertion"):
        yield name, text(decision.get(name))
    for member in _texts(decision.get("members")):
        yield "member", member
    for code in _texts(decision.get("codes")):
        yield "code", code
    for day in _texts(decision.get("dates")):
        yield "date", day


def _texts(values: object) -> Iterable[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else ()
