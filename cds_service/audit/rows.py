"""Rows: a record as it is written, compressed, salted and hashed, in a database or a journal."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cds_service.audit.merkle import leaf_hash
from cds_service.audit.payloads import compress
from cds_service.audit.record import AuditRecord
from cds_service.crd.request.caller import TokenUse

_SALT_BYTES = 16  # so that nobody finds out what was purged by hashing guesses


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRows:
    """What one record is in the tables; its leaf is hashed over salt and payload (RFC 6962, 2.1).

    It is made once, so that a second try to write it is known for the same by its leaf.
    """

    id: str
    kind: str
    at: datetime
    hook: str
    client: str
    issuer: str
    status: int
    retention: str
    salt: bytes
    payload: bytes
    leaf: bytes
    mentions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What one caller wants kept, all or nothing: records, and the use of a token they came with.

    Without records it is the use alone, as of a call that leaves none.
    With `may_be_there` a record whose id is taken is passed over, as for the same feedback again.
    """

    records: tuple[RecordRows, ...]
    token_key: bytes | None = None
    token_expires: datetime | None = None
    may_be_there: bool = False


def make_write(*records: AuditRecord, may_be_there: bool = False) -> Write:
    """The write of records that came with one call."""
    use = next((record.token_use for record in records if record.token_use), None)
    return Write(
        records=tuple(_rows(record) for record in records),
        token_key=use.key if use else None,
        token_expires=use.expires if use else None,
        may_be_there=may_be_there,
    )


def make_use(use: TokenUse) -> Write:
    """The write of a use of a token that no record comes with."""
    return Write(records=(), token_key=use.key, token_expires=use.expires)


def _rows(
    record: AuditRecord, new_salt: Callable[[int], bytes] = secrets.token_bytes
) -> RecordRows:
    salt = new_salt(_SALT_BYTES)
    return RecordRows(
        id=record.id,
        kind=str(record.kind),
        at=record.at,
        hook=record.hook,
        client=record.client,
        issuer=record.issuer,
        status=record.status,
        retention=str(record.kind),
        salt=salt,
        payload=compress(record.payload),
        leaf=leaf_hash(salt + record.payload),
        mentions=record.mentions,
    )
