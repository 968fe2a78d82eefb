"""Supervision: generations of workers as processes of their own, with what they inherit."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from cds_service.cli.options import as_variables
from cds_service.web.processes.counted import (
    GENERATION,
    Losses,
    make_directory,
    remove_directory,
)
from cds_service.web.processes.link import Link
from cds_service.web.processes.supervisor import Supervisor
from cds_service.web.snapshots import Snapshots


def supervise(bound: socket.socket, given: Mapping[str, str]) -> int:
    """Keep workers serving on this socket until stopped; the exit status.

    Each generation reads its settings anew: `given` are those of the command line, by name.
    """
    counted = make_directory()
    losses = Losses(Snapshots(counted, "supervisor"), GENERATION)
    environment = {**os.environ, **as_variables(given)}

    # Where we were found without the working directory, modules in that must not come before ours.
    is_apart = os.getcwd() not in sys.path and "" not in sys.path  # noqa: PTH109
    program = [sys.executable, *(["-P"] if is_apart else []), "-m", "cds_service"]

    def launch(link: Link, number: int) -> subprocess.Popen[bytes]:
        inherited = (bound.fileno(), link.fileno())
        generation = ",".join(map(str, (*inherited, number, counted or "")))
        return _launch([*program, "serve", "--generation", generation], inherited, environment)

    try:
        return Supervisor(launch, shut=bound.close, lost=losses.count).run()
    finally:
        remove_directory(counted)


def _launch(
    command: Sequence[str], inherited: Sequence[int], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """A fresh interpreter: what is installed under our name by then is what it runs.

    It leads a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone,
    and that all of it can be ended at once. The command line shows no option: those may be secret.
    """
    return subprocess.Popen(  # noqa: S603  # this very program
        command,
        pass_fds=inherited,
        env=environment,
        stdin=subprocess.DEVNULL,
        process_group=0,
    )
