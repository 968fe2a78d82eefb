"""Rolling back: one step, to what was really in service before."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from live_sets import SOON, activate, live_store, serve
from sqlalchemy import Engine

from cds_service.errors import AuditError
from cds_service.live.activations import Kind, find_plan
from cds_service.live.rolling_back import find_previous
from cds_service.live.serving import Serving

FORMER, PRESENT, ANOTHER = "sha256:1", "sha256:2", "sha256:3"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A store of this release."""
    with live_store(database_url) as opened:
        yield opened


def serving(
    engine: Engine, name: str, minutes_ago: int, source: str = "activation", host: str = "host-1"
) -> None:
    """Write that a process, there now, has served a set since so many minutes."""
    now = find_plan(engine).now
    since = now - timedelta(minutes=minutes_ago)
    serve(engine, host, Serving(digest=name, source=source, since=since), now)


def previous(engine: Engine) -> tuple[str, str]:
    """The present set and the one before."""
    return find_previous(engine, find_plan(engine))


def test_from_an_activation_back_to_what_the_directories_had(engine: Engine) -> None:
    """The set itself, which the directories may have no more."""
    serving(engine, FORMER, 60, "directories")
    activate(engine, PRESENT)
    serving(engine, PRESENT, 0)

    assert previous(engine) == (PRESENT, FORMER)


def test_from_what_the_directories_brought_back_to_what_they_had(engine: Engine) -> None:
    """Nobody has ever activated anything."""
    serving(engine, FORMER, 60, "directories")
    serving(engine, PRESENT, 5, "directories")

    assert previous(engine) == (PRESENT, FORMER)


def test_from_an_activation_that_no_process_could_take_up_to_what_they_serve(
    engine: Engine,
) -> None:
    """What was before that is not the one before."""
    serving(engine, ANOTHER, 60)
    serving(engine, FORMER, 30)
    activate(engine, PRESENT)

    assert previous(engine) == (PRESENT, FORMER)


def test_without_any_process_the_activation_before_counts(engine: Engine) -> None:
    """Such as on a store whose services have not started yet."""
    activate(engine, FORMER)
    activate(engine, PRESENT)
    activate(engine, PRESENT)

    assert previous(engine) == (PRESENT, FORMER)


def test_a_rollback_is_not_rolled_back(engine: Engine) -> None:
    """Two persons who do it in the same minute do not undo each other."""
    activate(engine, FORMER)
    activate(engine, PRESENT)
    activate(engine, FORMER, SOON, Kind.ROLLBACK)

    with pytest.raises(AuditError, match="rollback 3 by user ada is under way"):
        previous(engine)
    activate(engine, FORMER, kind=Kind.ROLLBACK)
    with pytest.raises(AuditError, match="came by rollback 4"):
        previous(engine)


def test_where_nothing_was_before_there_is_no_way_back(engine: Engine) -> None:
    """The message names the way forward."""
    serving(engine, PRESENT, 5, "directories")

    with pytest.raises(AuditError, match="crd policy activate DIGEST"):
        previous(engine)
