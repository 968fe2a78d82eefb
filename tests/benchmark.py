"""How fast, how large and how steady the service is, beside floors measured in the same run.

Run it as `python tests/benchmark.py`, with `--quick` for a look; pytest does not collect it. It
needs loopback, a temporary directory for some gigabytes of records, and half an hour in which the
machine does nothing else. `.ci/postgresql sh -c 'python tests/benchmark.py --postgresql
"$POSTGRESQL_URL"'` measures PostgreSQL too. With `--healthchain DIR` HealthChain is measured
beside us, from an environment of its own: `python3 -m venv DIR && DIR/bin/pip install healthchain`.
"""

import sys
from pathlib import Path

# This checkout, not a copy that may be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# The load generator's process imports this file too, and needs nothing of the rest.
if __name__ == "__main__":
    from benchmarking.command import main

    main()
