"""The shadow in the store: which set is to come, and how its answers would differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Engine, RowMapping, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from cds_service.authoring.effects import Effect, OrderEffect
from cds_service.database.engine import reading, writing
from cds_service.database.store_time import read_time
from cds_service.database.tables import SHADOW, SHADOW_EFFECT
from cds_service.fhir.resource import encode
from cds_service.live.shadow import Compared

_GRAVEST_FIRST = tuple(effect.value for effect in Effect)
_BETWEEN = " "  # codes and rules hold no blank


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedEffect:
    """One kind of difference: how many orders it meets, and the id of the last such call."""

    effect: str
    payer: str
    codes: tuple[str, ...]
    before: str
    after: str
    rules: tuple[str, ...]
    count: int
    record: str
    at: datetime


def set_shadow(engine: Engine, digest: str, who: str) -> None:
    """Have the kept set of this digest answer silently from now on; none for an empty one.

    Raises:
        SQLAlchemyError: the database is away.
    """
    with writing(engine) as connection:
        last = connection.execute(select(func.max(SHADOW.c.number))).scalar()
        row = {"number": (last or 0) + 1, "digest": digest, "at": read_time(connection), "who": who}
        connection.execute(insert(SHADOW), row)


def read_shadow(engine: Engine) -> str:
    """The digest of the set that is to answer silently; empty for none.

    Raises:
        SQLAlchemyError: the database is away.
    """
    latest = select(SHADOW.c.digest).order_by(SHADOW.c.number.desc()).limit(1)
    with reading(engine) as connection:
        return connection.execute(latest).scalar() or ""


def count_effects(engine: Engine, compared: Compared) -> None:
    """Count the differences that one call shows.

    Raises:
        SQLAlchemyError: the database is away.
    """
    different = [effect for effect in compared.effects if effect.effect is not Effect.SAME]
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    effect_row = dialect.insert(SHADOW_EFFECT)
    counted = effect_row.on_conflict_do_update(
        index_elements=["coming", "name"],
        set_={
            "count": SHADOW_EFFECT.c.count + effect_row.excluded.count,
            "record": effect_row.excluded.record,
            "at": effect_row.excluded.at,
        },
    )
    with writing(engine) as connection:
        now = read_time(connection)
        rows = [_row(compared, effect, now) for effect in different]
        # In one order, so that two processes never wait for each other crosswise.
        for row in sorted(rows, key=lambda row: str(row["name"])):
            connection.execute(counted, row)


def read_effects(engine: Engine, digest: str) -> Sequence[CountedEffect]:
    """Every kind of difference that a set has shown: the gravest first, then the most frequent.

    Raises:
        SQLAlchemyError: the database is away.
    """
    with reading(engine) as connection:
        rows = (
            connection.execute(select(SHADOW_EFFECT).where(SHADOW_EFFECT.c.coming == digest))
            .mappings()
            .all()
        )
    found = map(_read, rows)
    return sorted(found, key=lambda kind: (_GRAVEST_FIRST.index(kind.effect), -kind.count))


def _row(compared: Compared, effect: OrderEffect, at: datetime) -> dict[str, object]:
    kind = {
        "effect": effect.effect.value,
        "payer": effect.payer,
        "codes": _BETWEEN.join(effect.codes),
        "before": effect.before,
        "after": effect.after,
        "rules": _BETWEEN.join(dict.fromkeys((*effect.rules_before, *effect.rules_after))),
    }
    return {
        "coming": compared.coming,
        "name": sha256(encode(kind)).hexdigest(),
        **kind,
        "count": 1,
        "record": compared.record,
        "at": at,
    }


def _read(row: RowMapping) -> CountedEffect:
    return CountedEffect(
        effect=row["effect"],
        payer=row["payer"],
        codes=tuple(row["codes"].split(_BETWEEN)),
        before=row["before"],
        after=row["after"],
        rules=tuple(row["rules"].split(_BETWEEN)),
        count=row["count"],
        record=row["record"],
        at=row["at"],
    )
