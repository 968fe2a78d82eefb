"""The approvals of a store: kept as they were signed, and read back as they stand there."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, insert, select

from cds_service.access.approvals import Approval
from cds_service.database.engine import reading, writing
from cds_service.database.tables import APPROVAL


def save_approval(engine: Engine, approval: Approval, at: datetime) -> None:
    """Keep an approval; the same again replaces it.

    Raises:
        SQLAlchemyError: it cannot be written.
    """
    row = {
        "digest": approval.digest,
        "approver": approval.approver,
        "starts": _instant(approval.starts),
    }
    same = [APPROVAL.c[name] == value for name, value in row.items()]
    with writing(engine) as connection:
        connection.execute(delete(APPROVAL).where(*same))
        connection.execute(insert(APPROVAL).values(**row, signature=approval.signature, at=at))


def read_approvals(connection: Connection, digests: Collection[str]) -> tuple[Approval, ...]:
    """What is kept of these sets, whether or not it counts.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    rows = connection.execute(
        select(APPROVAL).where(APPROVAL.c.digest.in_(sorted(digests))).order_by(APPROVAL.c.at)
    )
    return tuple(
        Approval(
            digest=row.digest,
            approver=row.approver,
            starts=datetime.fromisoformat(row.starts) if row.starts else None,
            signature=row.signature,
        )
        for row in rows
    )


def find_approvals(engine: Engine, digests: Collection[str]) -> tuple[Approval, ...]:
    """The same in a transaction of its own.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    with reading(engine) as connection:
        return read_approvals(connection, digests)


def _instant(starts: datetime | None) -> str:
    return starts.astimezone(UTC).isoformat() if starts else ""
