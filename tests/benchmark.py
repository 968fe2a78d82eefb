"""How fast, how large and how steady the service is, beside a floor measured in the same run.

Run it as `python tests/benchmark.py`, with `--quick` for a look; pytest does not collect it. It needs loopback, a
temporary directory for some gigabytes of answers, and minutes in which the machine does nothing else.
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1])
)  # this checkout, not one that may be installed

if (
    __name__ == "__main__"
):  # the load generator's process imports this file too, and needs nothing of the rest
    from benchmarking.command import main

    main()
