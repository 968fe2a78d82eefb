"""A wall clock that jumps by an hour, or stands still: what rests on it, and what must not (G3)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import add
from pathlib import Path
from typing import Any

import pytest
from access.issuing import Calendar, Signer, authenticating, cause, make_claims, register
from fakes import NOON, builtin_index, fake_pipeline
from hook_requests import order_sign
from scripted_ehr import ScriptedEhr
from signed_logs import AUDIT_KEY, SIGNER, open_store, record_of, sequencer_of, write_records
from sqlalchemy import Engine, select
from stores import opened, record, token_use, wait_until

from cds_service.audit.checkpoint import split_notes
from cds_service.audit.record import Kind
from cds_service.audit.verification import VerificationRequest, verify_log
from cds_service.database.engine import reading
from cds_service.database.tables import LEAF, TOKEN_USE
from cds_service.errors import Replayed
from cds_service.fhir.resource import decode, encode

pytestmark = pytest.mark.long

HOUR = timedelta(hours=1)
JUMPS = (HOUR, -HOUR, timedelta(), timedelta(), -HOUR, HOUR)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty store, in a database of each kind."""
    store = open_store(database_url)
    yield store
    store.dispose()


def test_records_stand_in_the_order_in_which_they_were_kept(engine: Engine, tmp_path: Path) -> None:
    """Whatever time they say it was; and none is a finding because it is of the future."""
    copy = tmp_path / "checkpoints"
    sequencer = sequencer_of(engine, copy)
    keys = [f"record-{number}" for number in range(len(JUMPS))]
    for key, jump in zip(keys, JUMPS, strict=True):
        write_records(engine, [record_of(key, Kind.ANSWER, NOON + jump, {})])
        sequencer.run_round()
    with reading(engine) as connection:
        numbered = list(connection.scalars(select(LEAF.c.record_id).order_by(LEAF.c.number)))
    request = VerificationRequest(
        verifiers=[SIGNER.verifier],
        audit_key=AUDIT_KEY,
        copied=split_notes(copy.read_text().splitlines(keepends=True)),
        now=NOON - HOUR,
    )

    assert numbered == keys
    assert verify_log(engine, request, lambda _done, _of: None).findings == []


def test_a_call_has_its_time_by_another_clock() -> None:
    """Queries are made and every order decided, as on a day on which the clock is right."""
    made = []
    for jump in JUMPS:
        ehr = ScriptedEhr([])
        pipeline = fake_pipeline(builtin_index(), ehr=ehr)
        jumped = replace(pipeline, now=partial(add, NOON, jump))
        made.append(covered(decode(jumped.respond(encode(order_sign(version="2.2"))))))

    assert made == ["not-covered"] * len(JUMPS)


def covered(response: Any) -> str:
    """What the only order of a response is determined to be."""
    (action,) = response["systemActions"]
    (information,) = action["resource"]["extension"]
    parts = {part["url"]: part for part in information["extension"]}
    return str(parts["covered"]["valueCode"])


def test_tokens_are_refused_while_the_clock_is_wrong_and_no_longer() -> None:
    """An hour off is more than clocks may differ; afterwards the same token is as good as ever."""
    signer, clock = Signer(), Calendar()
    door = authenticating(register(signer), now=clock)
    token = signer.token(claims=make_claims())
    causes = []
    for forward in (3600.0, -3600.0, 0.0, 0.0):
        clock.forward = forward
        causes.append(cause(door, token))

    assert "" not in causes[:2]
    assert causes[2:] == ["", "replayed"]


def test_a_use_of_a_token_outlives_a_jump_of_the_clock(database_url: str) -> None:
    """A clock that was an hour ahead for a moment has not made the store forget it."""
    now = datetime.now(UTC)
    recent, old = now - HOUR, now - timedelta(days=1)  # as a clock that is ahead sees them
    with opened(database_url) as log:
        log.write(record("a-1", token_use=token_use("recent", recent)))
        log.write(record("a-2", token_use=token_use("old", old)))
    with opened(database_url) as log:

        def uses() -> list[bytes]:
            with reading(log.engine) as connection:
                return list(connection.scalars(select(TOKEN_USE.c.key)))

        wait_until(lambda: len(uses()) < 2)
        with pytest.raises(Replayed):
            log.write(record("a-3", token_use=token_use("recent", recent)))
