"""Whether an audit key is the one under which the records of a store are found."""

import logging
from contextlib import suppress

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.mentions import HASHED, Mention, mentions_of
from cds_service.audit.reading import Reader, StoredRecord
from cds_service.database.engine import reading
from cds_service.database.tables import MENTION
from cds_service.errors import AuditError
from cds_service.fhir.resource import decode

_LOG = logging.getLogger("cds_service.audit")

_LOOKED_AT = 20  # records, the latest
OTHER_KEY = (
    "the latest records of this store were written under another audit key, by which alone their "
    "patients and members are found"
)


def key_fits(engine: Engine, audit_key: bytes) -> bool:
    """Whether the latest answers are found by this key; true if there are none to tell by.

    Raises:
        SQLAlchemyError: the database cannot be read.
        AuditError: a record is damaged.
    """
    is_known = False
    for stored in Reader(engine).find(kind="answer", limit=_LOOKED_AT):
        due, found = _due(stored, audit_key), _found(engine, stored.id)
        if due & found:
            return True
        is_known = is_known or bool(due)
    return not is_known


def tell_of_another_key(engine: Engine, audit_key: bytes) -> None:
    """A line in the log if the key of a service that starts is another than that of the records.

    Whoever has lost the key must be able to go on; whoever named a wrong one must know it.
    """
    with suppress(SQLAlchemyError, AuditError, ValueError):
        if not key_fits(engine, audit_key):
            _LOG.error("--audit-key: %s", OTHER_KEY, extra={"event": "audit-key"})


def _due(stored: StoredRecord, audit_key: bytes) -> set[Mention]:
    mentions = mentions_of(decode(stored.payload), audit_key)
    return {mention for mention in mentions if mention.name in HASHED}


def _found(engine: Engine, key: str) -> set[Mention]:
    of_people = select(MENTION.c.name, MENTION.c.value).where(
        MENTION.c.record_id == key, MENTION.c.name.in_(HASHED)
    )
    with reading(engine) as connection:
        return {Mention(row.name, row.value) for row in connection.execute(of_people)}
