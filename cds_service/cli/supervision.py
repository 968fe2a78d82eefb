"""Supervision: generations of workers as processes of their own, with what they inherit."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cds_service.cli.options import as_variables
from cds_service.web.processes.counted import MADE, SHARED, forget_gauges
from cds_service.web.processes.link import Link
from cds_service.web.processes.supervisor import Supervisor


def supervise(bound: socket.socket, given: Mapping[str, str]) -> int:
    """Keep workers serving on this socket until stopped; the exit status.

    Each generation reads its settings anew: `given` are those of the command line, by name.
    """
    counted = os.environ.get(SHARED) or tempfile.mkdtemp(prefix=MADE)
    environment = {**os.environ, **as_variables(given), SHARED: counted}

    # Where we were found without the working directory, modules in that must not come before ours.
    is_apart = os.getcwd() not in sys.path and "" not in sys.path  # noqa: PTH109
    program = [sys.executable, *(["-P"] if is_apart else []), "-m", "cds_service"]

    def launch(link: Link, number: int) -> subprocess.Popen[bytes]:
        return _launch(program, bound, link, number, environment)

    def ended(number: int) -> None:
        forget_gauges(Path(counted), f"{number}-*")

    try:
        return Supervisor(launch, shut=bound.close, ended=ended).run()
    finally:
        if SHARED not in os.environ:
            shutil.rmtree(counted, ignore_errors=True)


def _launch(
    program: Sequence[str],
    bound: socket.socket,
    link: Link,
    number: int,
    environment: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    """A fresh interpreter: what is installed under our name by then is what it runs.

    It leads a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone,
    and that all of it can be ended at once. The command line shows no option: those may be secret.
    """
    inherited = (bound.fileno(), link.fileno())
    generation = ",".join(map(str, (*inherited, number)))
    return subprocess.Popen(  # noqa: S603  # this very program
        [*program, "serve", "--generation", generation],
        pass_fds=inherited,
        env=environment,
        stdin=subprocess.DEVNULL,
        process_group=0,
    )
