"""Function calls a call: the same servers once more, each counting its own."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarking.contenders import HEALTHCHAIN, TOKENS, Field, command_of, counting, kinds_of
from benchmarking.load import Job
from benchmarking.servers import NotServing, Server, running
from benchmarking.slices import Run

_WARM_UP, _COUNTED = 10, 40  # calls
_SECONDS, _LOOK_EVERY = 60.0, 0.01
# By what answers, its database, who may call, and the kind of call.
Counts = dict[tuple[str, str, str, str], float]


def count_functions(entered: Field, run: Run, tell: Callable[[str], None]) -> Counts:
    """The function calls of one worker for a call of each kind, one call at a time."""
    counts: Counts = {}
    for number, name in enumerate(entered.names()):
        if name.workers > 1 or name.what == HEALTHCHAIN:
            continue
        tell(f"counting function calls: {name}")
        directory = entered.directory / f"counted-{number}"
        with ExitStack() as stack:
            command = command_of(name, entered, directory, stack)
            file = directory / "counts"
            server = stack.enter_context(running(counting(command, file)))
            for kind in kinds_of(name, entered.kinds):
                job = Job(
                    port=server.port,
                    connections=1,
                    seconds=_SECONDS,
                    calls=kind,
                    signed=name.trust == TOKENS,
                )
                key = (name.what, name.database, name.trust, kind)
                counts[key] = _counted(server, run, job, file)
    return counts


def _counted(server: Server, run: Run, job: Job, file: Path) -> float:
    run(job.limited(_WARM_UP))
    before = _read(server, file)
    run(job.limited(_COUNTED))
    return (_read(server, file) - before) / _COUNTED


def _read(server: Server, file: Path) -> int:
    """The function calls so far, as the server writes them when asked.

    Raises:
        NotServing: it does not.
    """
    file.unlink(missing_ok=True)
    server.process.root.send_signal(signal.SIGPROF)
    until = time.monotonic() + _SECONDS
    while not file.exists():
        if time.monotonic() > until:
            raise NotServing("it does not count")
        time.sleep(_LOOK_EVERY)
    return int(file.read_text(encoding="ascii"))
