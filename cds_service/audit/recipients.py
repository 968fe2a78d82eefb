"""Recipients: which clients a card was given to, so that no other one speaks of it."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.mentions import mention
from cds_service.audit.record import Kind
from cds_service.database.engine import reading
from cds_service.database.tables import MENTION, RECORD


def find_recipients(engine: Engine, cards: Iterable[str]) -> Mapping[str, str]:
    """The client's name for each of these cards that an answer in the database has.

    None of them while the database is away: feedback is to be taken then as ever.
    """
    # As the index has them: PostgreSQL refuses the whole question for one text with a zero in it.
    sought = [mention("card", card, b"").value for card in cards]
    query = (
        select(MENTION.c.value, RECORD.c.client)
        .join(RECORD, RECORD.c.id == MENTION.c.record_id)
        .where(
            MENTION.c.name == "card",
            MENTION.c.value.in_(sought),
            RECORD.c.kind == Kind.ANSWER.value,
        )
    )
    try:
        with reading(engine) as connection:
            return {row.value: row.client for row in connection.execute(query)}
    except SQLAlchemyError:
        return {}
