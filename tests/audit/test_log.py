"""The log that keeps nothing."""

import pytest
from stores import feedback, record

from cds_service.audit.log import NoLog
from cds_service.errors import NotRecorded


def test_no_log_lets_no_record_pass_for_kept() -> None:
    """Where nothing is recorded, recording fails, so that a response cannot leave by mistake."""
    with pytest.raises(NotRecorded):
        NoLog().write(record("a-1"))
    with pytest.raises(NotRecorded):
        NoLog().write_feedback([feedback("f-1")])


def test_no_log_is_not_healthy() -> None:
    """It says that it takes nothing."""
    assert not NoLog().health().writable
