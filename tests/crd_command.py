"""The `crd` command, run as a user runs it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from cds_service.cli.main import main

COMMAND = (sys.executable, "-m", "cds_service")
# Unless a test asks for more: most are about what one process does.
ONE_PROCESS = {"CRD_WORKERS": "1"}
ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "order-sign-icare-0600t" / "request.json"


def crd(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One finished run of the command."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | ONE_PROCESS | environment,
        check=False,
    )


def crd_here(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which need not be started first."""
    run = CliRunner().invoke(main, list(map(str, arguments)), env=environment)
    if run.exception and not isinstance(run.exception, SystemExit):
        raise run.exception
    return subprocess.CompletedProcess(arguments, run.exit_code, run.stdout, run.stderr)


@contextmanager
def serving(
    *arguments: str | Path,
    command: Sequence[str] = COMMAND,
    cwd: Path | None = None,
    **environment: str,
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The service running on a free port, and the lines it printed first."""
    with subprocess.Popen(
        [*command, "serve", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | ONE_PROCESS | environment,
    ) as run:
        assert run.stdout
        lines = [run.stdout.readline() for _ in range(5)]
        try:
            yield run, lines
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(timeout=20)


def url_of(lines: list[str]) -> str:
    """The address in the first lines of a running service."""
    return lines[0].split()[3]


@contextmanager
def taken_port() -> Iterator[str]:
    """A port of this machine that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield str(other.getsockname()[1])
