"""Legal holds: what must not be purged, by whom or what it is about."""

from collections.abc import Iterable
from datetime import datetime
from itertools import starmap
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, and_, delete, insert, select, union

from cds_service.audit.dossier import Hold
from cds_service.audit.mentions import Mention
from cds_service.database.engine import reading, writing
from cds_service.database.tables import HOLD, MENTION, RECORD
from cds_service.errors import AuditError

HELD_BY = ("member", "patient", "order", "assertion")

# How one record belongs to another: feedback to the answer whose card it is about, a reading to the
# answer that was read. A hold on the one is a hold on both.
_LINKS = (("card", "card"), ("subject", "assertion"))


def put_hold(engine: Engine, about: Mention, reason: str, at: datetime) -> None:
    """Hold all records that mention this, those to come too; held already, it has a new reason."""
    with writing(engine) as connection:
        connection.execute(delete(HOLD).where(_is(about)))
        connection.execute(
            insert(HOLD).values(name=about.name, value=about.value, reason=reason, at=at)
        )


def release_hold(engine: Engine, about: Mention) -> None:
    """End a hold.

    Raises:
        AuditError: there is none.
    """
    with writing(engine) as connection:
        released = connection.execute(delete(HOLD).where(_is(about)))
    if not released.rowcount:
        raise AuditError(f"there is no hold on this {about.name}")


def holds_on(engine: Engine, mentions: Iterable[Mention]) -> tuple[Hold, ...]:
    """The holds on a record that mentions these."""
    named = set(mentions)
    return tuple(hold for hold in list_holds(engine) if Mention(hold.name, hold.value) in named)


def list_holds(engine: Engine) -> tuple[Hold, ...]:
    """Every hold, the oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(HOLD).order_by(HOLD.c.at, HOLD.c.name, HOLD.c.value))
        return tuple(map(_hold, rows))


def is_held() -> ColumnElement[bool]:
    """Whether a row of the table of records is held, or belongs to one that is.

    What is held is gathered once, from the holds on, and not asked of every record.
    """
    return RECORD.c.id.in_(union(_held_directly(), *starmap(_held_by_link, _LINKS)))


def _held_directly() -> Select[Any]:
    return select(MENTION.c.record_id).join(HOLD, _is_on(MENTION))


def _held_by_link(mine: str, theirs: str) -> Select[Any]:
    """The records that name, as `mine`, what a held one names as `theirs`."""
    own, link, other = MENTION.alias("own"), MENTION.alias("link"), MENTION.alias("other")
    return (
        select(own.c.record_id)
        .select_from(HOLD)
        .join(other, _is_on(other))
        .join(link, and_(link.c.record_id == other.c.record_id, link.c.name == theirs))
        .join(own, and_(own.c.name == mine, own.c.value == link.c.value))
    )


def _is_on(mention: Any) -> ColumnElement[bool]:
    """Whether a hold is on a mention."""
    return and_(HOLD.c.name == mention.c.name, HOLD.c.value == mention.c.value)


def _is(about: Mention) -> ColumnElement[bool]:
    return and_(HOLD.c.name == about.name, HOLD.c.value == about.value)


def _hold(row: Row[Any]) -> Hold:
    return Hold(name=row.name, value=row.value, reason=row.reason, at=row.at)
