"""The audit record: one call whole, so that its answer can be explained and given again.

Its payload is JSON, and the very bytes that are hashed and kept: the request less its token, what
the EHR was asked and gave, what was decided and why, the response, and by which program and
library. Feedback, readings of the store and changes to it are records too (design: 4.20).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

import msgspec

from cds_service.audit.decisions import describe_answers, describe_sought
from cds_service.audit.mentions import Mention, mentions_of
from cds_service.audit.redaction import (
    find_token,
    holds_token,
    redact_body,
    redact_request,
    without_this_token,
)
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.feedback import Feedback
from cds_service.crd.request.caller import Caller, TokenUse
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.reply import Reply
from cds_service.fhir.resource import Json, JsonObject, encode

# The members of a record that repeat what clients and EHRs wrote.
_OTHERS_WORDS = ("request", "queries", "resources", "decisions", "advice", "response")
_FEEDBACK = UUID("6f0d0f5e-5d0b-4f55-9d5e-1c8f2f6f4a10")  # the namespace of ids of feedback


class Kind(StrEnum):
    """What a record is of: also its class for retention."""

    ANSWER = "answer"  # of a call, a refusal too
    FEEDBACK = "feedback"
    READING = "reading"  # somebody read the store
    CHANGE = "change"  # somebody purged, or put a hold
    TOKEN = "token"  # noqa: S105  # a client was given an access token


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One record: what it is found by, and its payload; `status` is the HTTP status, 0 for none."""

    id: str
    at: datetime
    kind: Kind
    hook: str = ""
    client: str = ""
    issuer: str = ""
    status: int = 0
    payload: bytes
    mentions: tuple[Mention, ...] = ()
    token_use: TokenUse | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes the records of one running service.

    `program` is its version, `library` the digest of its policies, `base_url` where its links lead;
    `audit_key` is the deployer's, for the hashes of patients.
    """

    program: str
    library: str
    base_url: str
    audit_key: bytes

    def answer(self, identity: str, trail: Trail, status: int, response: bytes) -> AuditRecord:
        """The record of a call's response or refusal, of an HTTP status and with this body."""
        request = trail.request
        cards = [card["uuid"] for card in trail.response.cards]
        content = {
            "hookInstance": request.hook_instance if request else "",
            "version": trail.asked_version,
            "speaks": trail.version.name if trail.version else "",
            "library": self.library,
            "base": self.base_url,
            **_limits(trail.caller),
            "durations": {name: round(seconds, 6) for name, seconds in trail.durations.items()},
            "request": redact_request(request.body) if request else redact_body(trail.body),
            **_asked(trail.replies),
            "decisions": describe_answers(trail.decisions.answers),
            "advice": describe_answers(trail.decisions.advice),
            "authorizations": describe_sought(trail.decisions.sought),
            "cards": cards,
            "response": msgspec.Raw(response),
        }
        record = self._record(identity, trail.at, Kind.ANSWER, trail, content, status=status)
        token = find_token(request.body if request else trail.body)
        if holds_token(record.payload, token):  # an EHR repeats it, or a client has pasted it
            clean = {name: without_this_token(content[name], token) for name in _OTHERS_WORDS}
            content.update(clean, redacted=True)
            record = self._record(identity, trail.at, Kind.ANSWER, trail, content, status=status)
        return record

    def feedback(
        self, at: datetime, trail: Trail, feedback: Iterable[Feedback]
    ) -> tuple[AuditRecord, ...]:
        """The records of feedback; the same feedback again has the same id."""
        return tuple(
            self._record(
                feedback_id(reaction.card, reaction.outcome, reaction.timestamp),
                at,
                Kind.FEEDBACK,
                trail,
                {"cards": [reaction.card], "feedback": reaction.body},
                status=200,
            )
            for reaction in feedback
        )

    def access(
        self, identity: str, at: datetime, kind: Kind, *, who: str, what: Mapping[str, Json]
    ) -> AuditRecord:
        """The record of a reading of the store, or of a change to it: by whom, and of what.

        What was read or changed is named as `subject`: an id, never a patient's.
        """
        return self._record(identity, at, kind, Trail(), {"who": who, **what}, status=0)

    def token(self, identity: str, at: datetime, client: str, use: TokenUse) -> AuditRecord:
        """The record of an access token given to a client for one use of an assertion."""
        trail = Trail(caller=Caller(name=client, token_use=use))
        return self._record(identity, at, Kind.TOKEN, trail, {}, status=200)

    def _record(
        self,
        identity: str,
        at: datetime,
        kind: Kind,
        trail: Trail,
        content: Mapping[str, Json],
        *,
        status: int,
    ) -> AuditRecord:
        caller = trail.caller
        whole = {
            "id": identity,
            "at": at.isoformat(),
            "kind": kind.value,
            "hook": trail.hook,
            "client": caller.name,
            "issuer": caller.issuer,
            "tenant": caller.tenant,
            "trace": trail.trace_id,
            "status": status,
            "program": self.program,
            **content,
        }
        return AuditRecord(
            id=identity,
            at=at,
            kind=kind,
            hook=trail.hook,
            client=caller.name,
            issuer=caller.issuer,
            status=status,
            payload=encode(whole),
            mentions=mentions_of(whole, self.audit_key),
            token_use=caller.token_use,
        )


def _limits(caller: Caller) -> JsonObject:
    """The payers that a caller may ask about, if not all: an answer rests on them."""
    return {} if caller.payers is None else {"payers": sorted(caller.payers)}


def feedback_id(card: str, outcome: str, timestamp: str) -> str:
    """The id of the record of feedback on a card: the same feedback has the same id."""
    return str(uuid5(_FEEDBACK, f"{card} {outcome} {timestamp}"))


def _asked(replies: Sequence[Reply]) -> JsonObject:
    """What the EHR was asked, and the resources it gave, each once: queries name them by place."""
    resources: list[JsonObject] = []
    places: dict[bytes, int] = {}
    queries: list[JsonObject] = []
    for reply in replies:
        given: list[int] = []
        for resource in reply.resources:
            place = places.setdefault(encode(resource), len(resources))
            if place == len(resources):
                resources.append(resource)
            given.append(place)
        queries.append(_query(reply, given))
    return {"queries": queries, "resources": resources}


def _query(reply: Reply, given: list[int]) -> JsonObject:
    """One query, its result, and where in `resources` what it brought is."""
    found = Lookup.FOUND if reply.resources else Lookup.ABSENT
    return {
        "query": reply.query,
        "result": (Lookup.FAILED if reply.failure else found).value,
        **({"cause": reply.failure} if reply.failure else {}),
        "seconds": round(reply.seconds, 6),
        "resources": given,
    }
