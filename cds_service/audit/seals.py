"""Where a record stands in the hash tree: its number, and the first checkpoint that covers it."""

from sqlalchemy import Engine, select

from cds_service.audit.dossier import Seal
from cds_service.database.engine import reading
from cds_service.database.tables import CHECKPOINT, LEAF


def find_seal(engine: Engine, record_id: str) -> Seal:
    """The seal of a record, which has neither number nor checkpoint before the sequencer comes."""
    with reading(engine) as connection:
        number = connection.scalar(select(LEAF.c.number).where(LEAF.c.record_id == record_id))
        if number is None:
            return Seal()
        covering = select(CHECKPOINT.c.size, CHECKPOINT.c.at).where(CHECKPOINT.c.size > number)
        first = connection.execute(covering.order_by(CHECKPOINT.c.size).limit(1)).one_or_none()
    return Seal(
        number=number, checkpoint=first.size if first else None, signed=first.at if first else None
    )
