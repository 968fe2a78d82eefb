"""The database away: a PostgreSQL stopped under load and started again (C3)."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from faults.callers import Heard, calling
from faults.kill_rounds import Show
from faults.ledger import Findings, await_ledger
from faults.workers import Worker, stopped_in_the_end

_CALLERS = 4  # on each worker
_BEFORE, _AFTER = 5.0, 10.0  # seconds of load


def take_away(
    directory: Path,
    url: str,
    *,
    stop: Sequence[str],
    start: Sequence[str],
    seconds: float,
    show: Show,
) -> tuple[Heard, Findings]:
    """Two workers under load on the store at `url` while the commands stop and start it."""
    workers = [Worker(directory=directory, arguments=("--database", url)) for _ in range(2)]
    with stopped_in_the_end(workers):
        for worker in workers:
            worker.start()
        with calling(workers, _CALLERS) as heard:
            time.sleep(_BEFORE)
            subprocess.run(stop, check=True)
            show("the database is stopped")
            time.sleep(seconds)
            show(f"ready? {workers[0].ask('/readyz')}")
            subprocess.run(start, check=True)
            show("the database is back")
            time.sleep(_AFTER)
        findings = await_ledger(url, heard.assertions, lambda: None)
        show(f"ready? {workers[0].ask('/readyz')}")
        for worker in workers:
            worker.stop()
    return heard, findings
