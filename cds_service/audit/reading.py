"""Reading the store. Who reads it for a person records that with a record of kind `reading`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, and_, or_, select

from cds_service.audit.mentions import Mention
from cds_service.audit.payloads import decompress
from cds_service.database.engine import reading
from cds_service.database.tables import LIBRARY, MENTION, RECORD

_PAGE = 500  # records read at a time

_Place = tuple[datetime, str]  # of a record, among all in order of time


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as it is kept; `payload` is its JSON in UTF-8, `retention` its class."""

    id: str
    at: datetime
    kind: str
    hook: str
    client: str
    issuer: str
    status: int
    retention: str
    salt: bytes
    payload: bytes


class Reader:
    """Questions to the store; each answers for one time, and none holds a transaction open.

    What reads a database may raise SQLAlchemyError, and AuditError for a payload that is damaged.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def by_id(self, identity: str) -> StoredRecord | None:
        """The record of this id, if there is one."""
        found = self._page(select(RECORD).where(RECORD.c.id == identity))
        return found[0] if found else None

    def by_assertion(self, assertion: str) -> StoredRecord | None:
        """The answer that gave this assertion id, if there is one."""
        found = list(self.find([Mention("assertion", assertion)], kind="answer", limit=1))
        return found[0] if found else None

    def find(
        self,
        mentions: Iterable[Mention] = (),
        *,
        client: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: str | None = None,
        hook: str | None = None,
        limit: int | None = None,
    ) -> Iterator[StoredRecord]:
        """The records that mention all of these, the latest first, from `since` to before `until`.

        Mentions of patients and members are hashed already (see `mentions.mention`).
        """
        conditions = [
            *(_mentions(mention) for mention in mentions),
            *_bounds(since, until),
            *(
                column == value
                for column, value in (
                    (RECORD.c.client, client),
                    (RECORD.c.kind, kind),
                    (RECORD.c.hook, hook),
                )
                if value is not None
            ),
        ]
        return self._stream(conditions, limit=limit, latest_first=True)

    def all_records(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[StoredRecord]:
        """Every record from `since` to before `until`, the oldest first, a page at a time."""
        return self._stream(_bounds(since, until), limit=None, latest_first=False)

    def library(self, digest: str) -> bytes | None:
        """The policies of this digest as `save_library` was given them, if they are there."""
        with reading(self._engine) as connection:
            kept = connection.scalar(select(LIBRARY.c.payload).where(LIBRARY.c.digest == digest))
        return None if kept is None else decompress(kept)

    def _stream(
        self, conditions: Sequence[ColumnElement[bool]], *, limit: int | None, latest_first: bool
    ) -> Iterator[StoredRecord]:
        """Page by page, each begun behind the last record of the one before."""
        query = _ordered(select(RECORD).where(*conditions), latest_first=latest_first)
        left, place = limit, None
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            behind = query if place is None else query.where(_behind(place, latest_first))
            page = self._page(behind.limit(size))
            yield from page
            if len(page) < size:
                return
            place = (page[-1].at, page[-1].id)
            left = None if left is None else left - size

    def _page(self, query: Select[Any]) -> list[StoredRecord]:
        with reading(self._engine) as connection:
            return [_stored(row) for row in connection.execute(query)]


def _ordered(query: Select[Any], *, latest_first: bool) -> Select[Any]:
    at, identity = RECORD.c.at, RECORD.c.id
    return (
        query.order_by(at.desc(), identity.desc()) if latest_first else query.order_by(at, identity)
    )


def _behind(place: _Place, latest_first: bool) -> ColumnElement[bool]:
    at, identity = place
    if latest_first:
        return or_(RECORD.c.at < at, and_(RECORD.c.at == at, RECORD.c.id < identity))
    return or_(RECORD.c.at > at, and_(RECORD.c.at == at, RECORD.c.id > identity))


def _mentions(mention: Mention) -> ColumnElement[bool]:
    return RECORD.c.id.in_(
        select(MENTION.c.record_id).where(
            MENTION.c.name == mention.name, MENTION.c.value == mention.value
        )
    )


def _bounds(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    bounds = [] if since is None else [RECORD.c.at >= since]
    return bounds if until is None else [*bounds, RECORD.c.at < until]


def _stored(row: Row[Any]) -> StoredRecord:
    columns = row._mapping
    return StoredRecord(
        id=columns["id"],
        at=columns["at"],
        kind=columns["kind"],
        hook=columns["hook"],
        client=columns["client"],
        issuer=columns["issuer"],
        status=columns["status"],
        retention=columns["class"],
        salt=columns["salt"],
        payload=decompress(columns["payload"]),
    )
