"""The log by its URL, and the log that keeps nothing."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cds_service.audit.log import NoLog, open_log
from cds_service.audit.record import AuditRecord
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import NotRecorded, SettingError

RECORD = AuditRecord(
    id="a-1",
    at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    hook="order-sign",
    hook_instance="h-1",
    version="2.2",
    decisions=b"[]",
    request=b"{}",
    response=b"{}",
)
FEEDBACK = Feedback(
    card="card-1", outcome="overridden", timestamp="2026-11-20T12:00:00Z", body={"card": "card-1"}
)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crd.sqlite3",
        "/var/lib/crd.sqlite3",
        "sqlite",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:/crd.sqlite3",
        "SQLITE:///crd.sqlite3",
        "postgresql://crd@db.example.invalid/crd",
        "mysql:///crd",
        ":///crd",
    ],
)
def test_a_url_that_names_no_log_stops_the_start(url: str) -> None:
    """The error names the setting and the kinds of store there are."""
    with pytest.raises(SettingError) as caught:
        open_log(url)

    assert "database" in caught.value.key
    assert "sqlite" in str(caught.value)


def _a_directory(there: Path) -> Path:
    return there


def _below_a_file(there: Path) -> Path:
    (there / "file").write_text("no directory")
    return there / "file" / "crd.sqlite3"


def _no_database(there: Path) -> Path:
    (there / "letter").write_text("Dear payer, " * 500)
    return there / "letter"


@pytest.mark.parametrize("make", [_a_directory, _below_a_file, _no_database])
def test_a_file_that_cannot_be_the_log_stops_the_start(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """The error names the setting and the file."""
    unusable = make(tmp_path)

    with pytest.raises(SettingError) as caught:
        open_log(f"sqlite:///{unusable}")

    assert "database" in caught.value.key
    assert str(unusable) in str(caught.value)


def test_a_url_may_be_relative_or_absolute(tmp_path: Path) -> None:
    """Three slashes and a path from here name the same file as four and one from the root."""
    relative = os.path.relpath(tmp_path / "here.sqlite3")

    with closing(open_log(f"sqlite:///{relative}")) as log:
        log.write(RECORD)

    with closing(sqlite3.connect(tmp_path / "here.sqlite3")) as reader:
        assert reader.execute("SELECT id FROM answer").fetchall() == [("a-1",)]


def test_no_log_lets_no_record_pass_for_kept() -> None:
    """Where nothing is recorded, recording fails, so that a response cannot leave by mistake."""
    with pytest.raises(NotRecorded):
        NoLog().write(RECORD)
    with pytest.raises(NotRecorded):
        NoLog().write_feedback([FEEDBACK])
