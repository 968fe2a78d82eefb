"""The log when nobody reads it: no call waits, and what is missing is counted."""

import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

import pytest
from crd_command import COMMAND, EXAMPLE, ONE_PROCESS, url_of
from web.log_lines import written_logs

from cds_service.web.logs import OURS, configure_logs

LOG = logging.getLogger(f"{OURS}.web")
PIPE = 1 << 16  # bytes that a pipe holds, and more than a line
MANY = 2_000  # lines: more than a pipe holds


@contextmanager
def logging_to(stream: TextIO) -> Iterator[None]:
    """Logs go to this stream inside."""
    with written_logs():
        configure_logs("json", "info", stream)
        yield
        configure_logs("json", "info", None)  # lets go of the stream


def fill() -> None:
    """More lines than anything holds that nobody reads."""
    for _ in range(MANY):
        LOG.info("a line of this log")


def read(descriptor: int) -> list[dict[str, Any]]:
    """All the lines that have come so far, each of them whole."""
    return [json.loads(line) for line in drain(descriptor).splitlines()]


def drain(descriptor: int) -> bytes:
    """All that has come so far."""
    got = b""
    os.set_blocking(descriptor, False)
    try:
        while data := os.read(descriptor, PIPE):
            got += data
    except BlockingIOError:
        pass
    return got


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: where it is read, and the stream into it."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield reader, stream
    os.close(reader)


def test_lines_that_nobody_takes_are_lost_and_counted(pipe: tuple[int, TextIO]) -> None:
    """Nothing waits; once there is room again the log says how many lines are missing."""
    reader, stream = pipe
    with logging_to(stream):
        fill()
        first = read(reader)
        LOG.info("read again")
        LOG.info("and again")
        later = read(reader)

    assert 0 < len(first) < MANY
    assert [line["message"] for line in later[-3:]] == [
        "read again",
        "lines of this log are missing here: nobody took them in time",
        "and again",
    ]
    assert (later[-2]["event"], later[-2]["level"]) == ("lines-lost", "warning")
    assert later[-2]["count"] == MANY - len(first) - len(later[:-3])


def test_every_line_is_taken_or_counted(pipe: tuple[int, TextIO]) -> None:
    """Where the line that tells of a gap is lost too, the next one tells of all."""
    reader, stream = pipe
    lines: list[dict[str, Any]] = []
    with logging_to(stream):
        for _ in range(5):
            fill()
            lines += read(reader)
        LOG.info("read again")
        lines += read(reader)
    gaps = [line["count"] for line in lines if line.get("event") == "lines-lost"]

    assert len(gaps) >= 5
    assert len(lines) - len(gaps) + sum(gaps) == 5 * MANY + 1


def test_a_line_that_is_taken_in_part_is_whole_in_the_end(pipe: tuple[int, TextIO]) -> None:
    """A long one may not fit where a short one did; what came behind it is counted."""
    reader, stream = pipe
    with logging_to(stream):
        for _ in range(50):
            LOG.error("long", extra=dict.fromkeys(("trace", "cause", "route"), "x" * 1900))
            LOG.info("short")
        first = drain(reader)
        LOG.info("read again")
        whole = first + drain(reader)
    lines = [json.loads(line) for line in whole.splitlines()]
    gaps = [line["count"] for line in lines if line.get("event") == "lines-lost"]

    assert not first.endswith(b"\n")
    assert lines[-2]["message"] == "read again"
    assert len(lines) - len(gaps) + sum(gaps) == 50 + 50 + 1


def test_who_shares_the_stream_still_waits(pipe: tuple[int, TextIO]) -> None:
    """Not to wait is our choice, and no other program's that writes there."""
    _, stream = pipe
    with logging_to(stream):
        LOG.info("a line of this log")

    assert os.get_blocking(stream.fileno())


def test_a_reader_that_is_gone_ends_nothing(pipe: tuple[int, TextIO]) -> None:
    """Such as a collector that has crashed."""
    reader, stream = pipe
    other = os.dup(reader)
    os.close(reader)
    with logging_to(stream):
        os.close(other)
        fill()
    os.dup2(os.open(os.devnull, os.O_RDONLY), reader)  # for the fixture to close


def test_a_socket_takes_lines_too() -> None:
    """As that of systemd's journal does."""
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.dup(ours.fileno()), "w", encoding="utf-8") as stream:
        with logging_to(stream):
            fill()
        lines = read(theirs.fileno())

    assert 0 < len(lines) < MANY
    assert {line["message"] for line in lines} == {"a line of this log"}


def test_a_file_takes_every_line(tmp_path: Path) -> None:
    """In their order, behind what is there."""
    file = tmp_path / "crd.log"
    file.write_text('{"message": "before"}\n', encoding="utf-8")
    with file.open("a", encoding="utf-8") as stream, logging_to(stream):
        fill()
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    assert len(lines) == 1 + MANY
    assert lines[0]["message"] == "before"


@pytest.mark.parametrize("kind", ["pipe", "file", "socket"])
def test_a_standard_stream_that_is_closed_is_not_taken_for_the_log(
    tmp_path: Path, kind: str
) -> None:
    """`crd serve <&-`: what is opened in its place would be closed and lost with the log."""
    program = "import os, sys; from cds_service.web.logs import configure_logs;"
    program += "configure_logs('json', 'info', sys.stderr); os.open(os.devnull, os.O_RDONLY);"
    program += "print(os.readlink('/proc/self/fd/0'))"
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "log").open("wb") as file:
        errors: Any = {"pipe": subprocess.PIPE, "file": file, "socket": ours}[kind]
        run = subprocess.run(
            ["bash", "-c", 'exec "$@" <&-', "closed", sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            check=True,
        )

    assert run.stdout.strip() == os.devnull


def test_a_process_without_a_stream_logs_nowhere() -> None:
    """`crd serve 2>&-` serves."""
    with written_logs():
        configure_logs("json", "info", None)
        LOG.error("nobody reads this")


@pytest.mark.long
def test_calls_are_answered_while_nobody_reads_the_log(tmp_path: Path) -> None:
    """500 of them, whose lines no pipe holds."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--log-format", "json", "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
        env=os.environ | ONE_PROCESS,
    ) as run:
        try:
            assert run.stdout
            host = urlsplit(url_of([run.stdout.readline()])).netloc
            statuses = {_status(host) for _ in range(500)}
        finally:
            run.terminate()
            run.wait(timeout=20)
    lines = read(reader)
    os.close(reader)
    os.close(writer)

    assert statuses == {200}
    assert 0 < len([line for line in lines if line["message"] == "call"]) < 500


def _status(host: str) -> int:
    connection = HTTPConnection(host, timeout=20)
    try:
        connection.request("POST", "/cds-services/order-sign-crd", EXAMPLE.read_bytes())
        return connection.getresponse().status
    finally:
        connection.close()
