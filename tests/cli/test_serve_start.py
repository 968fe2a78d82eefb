"""`crd serve` where a start is not as it should be: closed streams, a stop, another on the port."""

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from crd_command import COMMAND
from web.worker_service import PATIENCE, await_that

pytestmark = pytest.mark.long

ALONE_OR_NOT = pytest.mark.parametrize("workers", ["1", "2"])
STREAMS = pytest.mark.parametrize(
    ("streams", "line"),
    [
        pytest.param("<&-", "", id="stdin closed"),
        pytest.param(">&-", "", id="stdout closed"),
        pytest.param("<&- >&- 2>&-", "", id="all closed"),
        pytest.param(">/dev/full", "the first screen cannot be written", id="stdout full"),
        pytest.param("> >(true)", "the first screen cannot be written", id="stdout broken"),
    ],
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def is_up(port: int) -> bool:
    """Whether the service on a port is ready to be sent calls."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@contextmanager
def started(
    directory: Path, *options: str | Path, streams: str = "", port: int = 0
) -> Iterator["subprocess.Popen[bytes]"]:
    """The command just started, by a shell that does this with its streams; ended by SIGTERM."""
    given = ["--port", str(port), "--data-dir", str(directory / "data"), *map(str, options)]
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            ["bash", "-c", f'exec "$@" {streams}', "serve", *COMMAND, "serve", *given],
            stdout=log,
            stderr=log,
        ) as run,
    ):
        try:
            yield run
        finally:
            run.terminate()
            run.wait(PATIENCE)


@ALONE_OR_NOT
@STREAMS
def test_a_service_without_its_streams_serves_all_the_same(
    tmp_path: Path, workers: str, streams: str, line: str
) -> None:
    """Whoever started it does not want to read the first screen, and calls come all the same."""
    port = free_port()
    with started(tmp_path, "--workers", workers, streams=streams, port=port) as run:
        await_that(lambda: is_up(port) and line in (tmp_path / "log").read_text())
        run.terminate()
        status = run.wait(PATIENCE)
        log = (tmp_path / "log").read_text()

    assert status == 0
    assert "Traceback" not in log
    assert "lost" not in log


@ALONE_OR_NOT
def test_a_stop_during_the_start_is_a_clean_stop(tmp_path: Path, workers: str) -> None:
    """It does not wait until all is read: here it would for ever, for a file that nobody writes."""
    slow = tmp_path / "authorizations.json"
    os.mkfifo(slow)
    with (
        started(tmp_path, "--workers", workers, "--authorizations", slow) as run,
        writing(slow),
    ):
        run.terminate()
        status = run.wait(PATIENCE)

    assert status == 0


@contextmanager
def writing(pipe: Path) -> Iterator[None]:
    """A writer of nothing to a pipe, once there is a reader."""
    ends = list[int]()

    def is_read() -> bool:
        with suppress(OSError):  # nobody reads there yet
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(ends)

    await_that(is_read)
    try:
        yield
    finally:
        os.close(ends[0])


def test_a_port_that_another_begins_to_listen_on_is_one_line(tmp_path: Path) -> None:
    """Both could be bound to it, as neither listened: whoever comes second does not try again."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with started(tmp_path, "--workers", "2", port=port) as run:
            await_that(lambda: psutil.Process(run.pid).children() or run.poll())
            other.listen()
            status = run.wait(PATIENCE)
        log = (tmp_path / "log").read_text()

    assert status == 1
    assert log == f"Error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_one_process_that_has_to_listen_on_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """The same where there are no workers."""
    slow = tmp_path / "authorizations.json"
    os.mkfifo(slow)
    options = ("--workers", "1", "--authorizations", slow)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with started(tmp_path, *options, port=port) as run:
            with writing(slow):
                other.listen()
                slow.write_text("[]")
            status = run.wait(PATIENCE)
        log = (tmp_path / "log").read_text()

    assert status == 1
    assert log == f"Error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_new_code_does_not_make_an_open_service_of_one_that_others_reach(tmp_path: Path) -> None:
    """What the file says of the address by then is not what is bound."""
    port, config = free_port(), tmp_path / "crd.toml"
    config.write_text('host = "127.1"\nallow_open = true\n')  # an address that is not told as ours
    with started(tmp_path, "--workers", "2", "--config", config, port=port) as run:
        await_that(lambda: is_up(port))
        config.write_text('host = "127.0.0.1"\n')

        def is_refused() -> bool:
            run.send_signal(signal.SIGUSR2)  # not heeded before the supervisor knows of the first
            return "did not get ready" in (tmp_path / "log").read_text()

        await_that(is_refused)
        is_still_up = is_up(port)
        log = (tmp_path / "log").read_text()

    assert is_still_up
    assert "127.1 is reachable by others" in log


def test_one_process_is_not_ended_by_a_wish_for_new_code(tmp_path: Path) -> None:
    """It cannot follow it, and tells so."""
    port = free_port()
    with started(tmp_path, "--workers", "1", port=port) as run:
        await_that(lambda: is_up(port))
        run.send_signal(signal.SIGUSR2)
        await_that(lambda: "cannot load new code" in (tmp_path / "log").read_text())
        is_still_up = is_up(port)

    assert is_still_up
