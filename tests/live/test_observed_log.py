"""An observed log: what is kept is seen, and what is not kept is not."""

import pytest
from fakes import FakeLog
from stores import feedback, record

from cds_service.audit.record import AuditRecord
from cds_service.errors import NotRecorded
from cds_service.live.observed_log import ObservedLog


def test_a_record_is_seen_once_it_is_kept() -> None:
    """Feedback is no answer and is kept alone."""
    kept, seen = FakeLog(), list[AuditRecord]()
    log = ObservedLog(kept)
    log.watch(seen.append)
    call, reaction = record("1", payload=b"{}"), feedback("2", payload=b"{}")
    log.write(call)
    log.write_feedback([reaction])

    assert seen == [call]
    assert len(kept.records) == 2
    assert log.health() == kept.health()


def test_a_record_is_kept_where_nobody_looks() -> None:
    """As before there is a set to come."""
    kept = FakeLog()
    ObservedLog(kept).write(record("1", payload=b"{}"))

    assert len(kept.records) == 1


def test_what_cannot_be_kept_is_not_seen() -> None:
    """No answer leaves, so there is none to compare."""
    seen: list[AuditRecord] = []
    log = ObservedLog(FakeLog(broken=True))
    log.watch(seen.append)

    with pytest.raises(NotRecorded):
        log.write(record("1"))
    assert seen == []
