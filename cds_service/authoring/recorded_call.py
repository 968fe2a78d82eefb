"""A call as its record has it, to be answered again: nothing is asked that was not asked then."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cds_service.crd.decision.authorizations import Sought
from cds_service.crd.decision.default_determinations import out_of_time
from cds_service.crd.request.arrival import AFTER_DECISIONS
from cds_service.crd.request.caller import Caller
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.reply import Reply
from cds_service.errors import AuditError
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import Json, JsonObject, encode, objects, text
from cds_service.outbound.access import Access

_TOKEN = "not-kept"  # noqa: S105  # in place of the token, which no record has
_PARSED = (200, 400, 403, 412, 422)  # what a call can come to that policies or their data decide


@dataclass(slots=True)
class RecordedEhr:
    """The EHR of a recorded call: replies as they came then; `unrecorded` is what it lacks."""

    replies: Mapping[str, Reply]
    unrecorded: list[str] = field(default_factory=list)

    def ask(self, _access: Access, queries: Sequence[str], _deadline: float) -> tuple[Reply, ...]:
        """The recorded Reply to each query; a failed one to a query that was never made."""
        self.unrecorded.extend(query for query in queries if query not in self.replies)
        lacking = "never recorded"
        return tuple(
            self.replies.get(query) or Reply(query=query, failure=lacking) for query in queries
        )


@dataclass(slots=True)
class RecordedAuthorizations:
    """What the payer's records gave then; `unrecorded` is what they were not asked for."""

    found: Sequence[JsonObject]
    unrecorded: list[str] = field(default_factory=list)

    def find(self, sought: Sought) -> str:
        """The number that was given then for this member, day and codes; empty if none was."""
        asked = [entry for entry in self.found if _is_of(entry, sought)]
        for entry in asked:
            if set(entry.get("taken") or ()) == sought.taken:
                return text(entry.get("number"))
        numbers = {text(entry.get("number")) for entry in asked} - sought.taken - {""}
        if not numbers:
            codes = ", ".join(map(_named, sought.codings))
            self.unrecorded.append(f"{codes} on {sought.day.isoformat()}")
        return min(numbers, default="")


def _is_of(entry: JsonObject, sought: Sought) -> bool:
    return (
        entry.get("payer") == sought.payer_id
        and entry.get("day") == sought.day.isoformat()
        and set(entry.get("members") or ()) == sought.member_ids
        and set(entry.get("codes") or ()) == set(map(_named, sought.codings))
    )


def _named(coding: Coding) -> str:
    return f"{coding.system}|{coding.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """All that the answer to a call rests on but the library: the world as it was for it."""

    hook: str
    at: datetime
    body: bytes
    caller: Caller
    ehr: RecordedEhr
    authorizations: RecordedAuthorizations


def check_replayable(record: JsonObject) -> None:
    """Pass a record whose call can be answered again.

    Raises:
        AuditError: it holds too little for that; the message says what is missing.
    """
    if record.get("kind") != "answer":
        raise AuditError(f"this is a record of kind `{text(record.get('kind'))}`, not of a call")
    if "queries" not in record or "durations" not in record:
        raise AuditError(
            "the record is of a former version, which did not keep what the EHR replied"
        )
    status = record.get("status", 200)
    if status not in _PARSED:
        raise AuditError(f"the call was refused with HTTP {status}, which no policy decides")
    if _may_have_been_late(record):
        raise AuditError("time may have run out in that call before every order was decided")


def _may_have_been_late(record: JsonObject) -> bool:
    """Whether an order was left undecided for want of time: a secondary hook is silent of that."""
    hook = HOOKS[record["hook"]]
    taken = sum(record["durations"].values())
    left_open = out_of_time().reasons[0].text.encode() in encode(record.get("response"))
    return left_open or taken >= hook.seconds - AFTER_DECISIONS


def read_recorded_call(record: JsonObject, *, with_token: bool) -> RecordedCall:
    """The call of a replayable record; a token that it came with stands for itself.

    Without `with_token`, as if none had come.
    """
    request = dict(record["request"])
    if with_token and isinstance(request.get("fhirAuthorization"), dict):
        kept = {**request["fhirAuthorization"], "access_token": _TOKEN}
        request["fhirAuthorization"] = {**kept, "expires_in": 3600}
    return RecordedCall(
        hook=text(record.get("hook")),
        at=datetime.fromisoformat(record["at"]),
        body=encode(request),
        caller=_caller(record),
        ehr=RecordedEhr(dict(_replies(record))),
        authorizations=RecordedAuthorizations(objects(record.get("authorizations"))),
    )


def _caller(record: JsonObject) -> Caller:
    payers: Collection[str] | None = record.get("payers")
    return Caller(
        name=text(record.get("client")),
        issuer=text(record.get("issuer")),
        tenant=text(record.get("tenant")),
        payers=None if payers is None else frozenset(payers),
        default_version=text(record.get("speaks")),
        is_test=True,
    )


def _replies(record: JsonObject) -> Iterator[tuple[str, Reply]]:
    resources: Sequence[Json] = record.get("resources") or ()
    for query in objects(record["queries"]):
        failed = query.get("result") == Lookup.FAILED
        reply = Reply(
            query=text(query.get("query")),
            resources=tuple(resources[place] for place in query.get("resources") or ()),
            failure=text(query.get("cause")) or ("failed" if failed else ""),
        )
        yield reply.query, reply
