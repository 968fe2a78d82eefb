"""Whether a stored record is what it was when it was written: its leaf, columns and mentions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds_service.audit.mentions import HASHED, Mention, mentions_of
from cds_service.audit.merkle import leaf_hash
from cds_service.audit.payloads import decompress
from cds_service.errors import AuditError
from cds_service.fhir.resource import JsonObject, decode, text

SALT_BYTES = 16
ALTERED = "its payload, salt or leaf hash was altered"
_COLUMNS = ("id", "kind", "hook", "client", "issuer", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCheck:
    """What a check of one record found: its leaf hash as computed, and what is wrong, if anything.

    `leaf` is None where the record cannot be read at all; `library` is the digest of the policies
    that a sound record of a call rests on.
    """

    leaf: bytes | None
    fault: str = ""
    library: str = ""


def check_record(
    row: Mapping[Any, Any], leaf: bytes, mentions: Iterable[Mention], audit_key: bytes | None
) -> RecordCheck:
    """Compare a row of the record table with its leaf hash and its mentions.

    Without the audit key the mentions of patients and members are left out.
    """
    if len(row["salt"]) != SALT_BYTES:  # a byte moved to the payload would hash to the same
        return RecordCheck(leaf=None, fault="its salt was altered")
    try:
        payload = decompress(row["payload"])
    except AuditError:
        return RecordCheck(leaf=None, fault="its payload was altered: it cannot be decompressed")
    computed = leaf_hash(row["salt"] + payload)
    if computed != leaf:
        return RecordCheck(leaf=computed, fault=ALTERED)
    content = read_content(payload)
    if content is None:
        return RecordCheck(leaf=computed, fault="its payload is not JSON")
    fault = _compare(row, content, mentions, audit_key)
    return RecordCheck(leaf=computed, fault=fault, library=text(content.get("library")))


def _compare(
    row: Mapping[Any, Any],
    content: JsonObject,
    mentions: Iterable[Mention],
    audit_key: bytes | None,
) -> str:
    for column in _COLUMNS:
        if row[column] != content.get(column):
            return f"its column `{column}` was altered"
    if row["class"] != content.get("kind"):
        return "its column `class` was altered"
    if row["at"] != _time(content.get("at")):
        return "its column `at` was altered"
    return _compare_mentions(content, mentions, audit_key)


def _compare_mentions(
    content: JsonObject, mentions: Iterable[Mention], audit_key: bytes | None
) -> str:
    due, found = set(mentions_of(content, audit_key or b"")), set(mentions)
    if audit_key is None:
        due = {mention for mention in due if mention.name not in HASHED}
        found = {mention for mention in found if mention.name not in HASHED}
    for mention in sorted(due ^ found):
        change = "removed" if mention in due else "added"
        return f"a mention of its `{mention.name}` was {change} or altered"
    return ""


def read_content(payload: bytes) -> JsonObject | None:
    """The JSON object in a payload; None if it is none."""
    try:
        content = decode(payload)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
