"""What workers count together: files in one directory, a set of them for each place of a worker.

A worker goes on with the files of the one that had its place, so what a dead one has counted stays.
"""

import os
import shutil
from pathlib import Path

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # the variable that names it
MADE = "crd-metrics-"  # what the name of a directory begins with that the service has made itself


def forget_gauges(directory: Path, place: str) -> None:
    """Forget what workers showed that have ended; what they counted stays. `*` stands for any."""
    for file in directory.glob(f"gauge_live*_{place}.db"):
        file.unlink(missing_ok=True)


def remove_if_made() -> None:
    """Remove the directory, if the service has made it, where nobody else is left to do so."""
    directory = Path(os.environ.get(SHARED, ""))
    if directory.name.startswith(MADE):
        shutil.rmtree(directory, ignore_errors=True)
