"""One round of the sequencer in the database: leaves get numbers, and their tree is signed.

Numbers begin with 0, as RFC 6962 counts leaves. All of a round is one transaction, so that
nothing is ever numbered without a checkpoint that covers it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, text, update

from cds_service.audit.checkpoint import Checkpoint, verify_checkpoint
from cds_service.audit.merkle import Edge, parse_edge
from cds_service.audit.signed_note import Signer
from cds_service.database.engine import reading, writing
from cds_service.database.tables import CHECKPOINT, LEAF, RECORD
from cds_service.errors import TamperError

_LOG = logging.getLogger("cds_service.audit")
BATCH = 1000  # leaves in one transaction, so that no writer waits long for it
_LOCK = 0x637264_61756469  # of the sequencer among the advisory locks of the database: "crdaudi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The log as it stands: its name, the edge of its tree, and the last checkpoint."""

    origin: str
    edge: Edge


def count_unnumbered(engine: Engine) -> int:
    """How many committed leaves have no number yet."""
    with reading(engine) as connection:
        counted = select(func.count()).select_from(LEAF).where(LEAF.c.number.is_(None))
        return connection.execute(counted).scalar_one()


def last_size(engine: Engine) -> int:
    """The size of the last checkpoint, 0 if there is none."""
    with reading(engine) as connection:
        return connection.execute(select(func.max(CHECKPOINT.c.size))).scalar_one() or 0


def last_note(engine: Engine) -> str:
    """The note of the last checkpoint, empty if there is none."""
    newest = select(CHECKPOINT.c.note).order_by(CHECKPOINT.c.size.desc()).limit(1)
    with reading(engine) as connection:
        return connection.execute(newest).scalar_one_or_none() or ""


def number_leaves(
    engine: Engine, signer: Signer, outside: Checkpoint | None, at: datetime
) -> int | None:
    """Number a batch of leaves and store their checkpoint; how many, None if another is at it.

    `outside` is the last checkpoint that is known to have left the database, read before this call.

    Raises:
        TamperError: the database is not what was signed, so nothing more is.
        SQLAlchemyError: the database cannot be used just now.
    """
    with writing(engine) as connection:
        if not _is_alone(connection):
            return None
        head = _read_head(connection, signer, outside)
        leaves = _next_leaves(connection)
        if leaves:
            _number(connection, leaves, head.edge.size)
            _store_checkpoint(connection, signer, _grown(head, leaves), at)
        return len(leaves)


def _is_alone(connection: Connection) -> bool:
    """Whether no other process numbers; a SQLite file has one writer at a time anyway."""
    if connection.dialect.name != "postgresql":
        return True
    lock = text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(lock=_LOCK)
    return bool(connection.execute(lock).scalar_one())


def _read_head(connection: Connection, signer: Signer, outside: Checkpoint | None) -> Head:
    last = connection.execute(
        select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)
    ).one_or_none()
    size = last.size if last else 0
    _check_numbers(connection, size)
    if outside:
        _check_outside(connection, outside, size)
    if last is None:
        return Head(origin=signer.name, edge=Edge())
    edge = parse_edge(last.size, last.edge)
    if edge.root != last.root:
        raise TamperError(f"the right edge stored for size {size} is not that of its root")
    return Head(origin=_check_note(last.note, edge, signer, outside).origin, edge=edge)


def _check_numbers(connection: Connection, size: int) -> None:
    highest = connection.execute(select(func.max(LEAF.c.number))).scalar_one()
    numbered = 0 if highest is None else highest + 1
    if numbered != size:
        raise TamperError(
            f"{numbered} records are numbered, but the last checkpoint is of size {size}"
        )


def _check_outside(connection: Connection, outside: Checkpoint, size: int) -> None:
    if outside.size > size:
        raise TamperError(
            f"the copy outside the database has a checkpoint of size {outside.size}, the database "
            f"ends with {size}: it was put back to an older state, or is another one"
        )
    row = select(CHECKPOINT.c.root).where(CHECKPOINT.c.size == outside.size)
    root = connection.execute(row).scalar_one_or_none()
    if outside.size and root != outside.root:
        change = "no checkpoint" if root is None else "another root"
        raise TamperError(
            f"the copy outside the database has a checkpoint of size {outside.size}, for which the "
            f"database has {change}"
        )


def _check_note(note: str, edge: Edge, signer: Signer, outside: Checkpoint | None) -> Checkpoint:
    """The last checkpoint, signed by our key, or known outside from the time of another key."""
    if outside is not None and outside.size == edge.size:
        _tell_of_another_key(note, edge.size, signer)
        return outside  # its root has been compared
    checkpoint = verify_checkpoint(note, [signer.verifier])
    if (checkpoint.size, checkpoint.root) != (edge.size, edge.root):
        raise TamperError(f"the note stored for size {edge.size} is of another tree")
    return checkpoint


def _tell_of_another_key(note: str, size: int, signer: Signer) -> None:
    """Once where a key was replaced; again and again where two services sign with two keys."""
    try:
        verify_checkpoint(note, [signer.verifier])
    except TamperError:
        _LOG.warning(
            "sequencer: the checkpoint of size %d was signed with another key than "
            "--checkpoint-key, and signing goes on with this one; all hosts need the same",
            size,
            extra={"event": "sequencer", "size": size},
        )


def _next_leaves(connection: Connection) -> Sequence[tuple[str, bytes]]:
    """Identities and hashes of a batch, in the order of their time."""
    waiting = (
        select(LEAF.c.record_id, LEAF.c.hash, RECORD.c.at)
        .join_from(LEAF, RECORD, LEAF.c.record_id == RECORD.c.id, isouter=True)
        .where(LEAF.c.number.is_(None))
        .order_by(LEAF.c.record_id)
        .limit(BATCH)
    )
    rows = connection.execute(waiting).all()
    ordered = sorted(rows, key=lambda row: (row.at is not None and row.at.timestamp(), row[0]))
    return [(row.record_id, row.hash) for row in ordered]


def _number(connection: Connection, leaves: Sequence[tuple[str, bytes]], first: int) -> None:
    connection.execute(
        update(LEAF)
        .where(LEAF.c.record_id == bindparam("identity"), LEAF.c.number.is_(None))
        .values(number=bindparam("place")),
        [
            {"identity": identity, "place": place}
            for place, (identity, _) in enumerate(leaves, start=first)
        ],
    )


def _grown(head: Head, leaves: Sequence[tuple[str, bytes]]) -> Head:
    edge = head.edge.extended([leaf for _, leaf in leaves])
    return Head(origin=head.origin, edge=edge)


def _store_checkpoint(connection: Connection, signer: Signer, head: Head, at: datetime) -> None:
    checkpoint = Checkpoint(origin=head.origin, size=head.edge.size, root=head.edge.root)
    connection.execute(
        insert(CHECKPOINT).values(
            size=checkpoint.size,
            root=checkpoint.root,
            edge=head.edge.to_bytes(),
            note=signer.sign(str(checkpoint)),
            at=at,
        )
    )
