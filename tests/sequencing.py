"""A sequencer as a process of its own, to be killed: `python sequencing.py DATABASE-URL COPY`.

Every checkpoint is also handed to a command, which appends it to COPY.command.
"""

import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

from signed_logs import sequencer_of
from sqlalchemy import Engine

from cds_service.audit.sequencer import Sequencer
from cds_service.audit.witnesses import CommandWitness
from cds_service.database.engine import open_engine

_APPEND = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"


def start_sequencer(url: str, copy: Path) -> subprocess.Popen[bytes]:
    """The process, once it runs; SIGTERM closes it."""
    command = [sys.executable, __file__, url, str(copy)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"runs\n"
    process.stdout.close()
    return process


def sequencer_at(engine: Engine, copy: Path) -> Sequencer:
    """A sequencer that publishes to the file and to the command."""
    command = (sys.executable, "-c", _APPEND, f"{copy}.command")
    return sequencer_of(engine, copy, CommandWitness(arguments=command))


def run(url: str, copy: Path) -> None:
    """Sequence until SIGTERM."""
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    engine = open_engine(url)
    sequencer = sequencer_at(engine, copy)
    sequencer.start()
    print("runs", flush=True)
    stopped.wait()
    sequencer.close()
    engine.dispose()


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
