"""What authentication and durable records cost a call, on SQLite and PostgreSQL, by 1 or 2 workers.

Run it as `python tests/benchmark_trust.py --postgresql URL`, with `--quick` for a look; pytest does
not collect it. `.ci/postgresql COMMAND` starts a server and gives its URL in POSTGRESQL_URL.
"""

import sys
from pathlib import Path

# This checkout, not a copy that may be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# The load generator's process imports this file too, and needs nothing of the rest.
if __name__ == "__main__":
    from benchmarking.trust_command import main

    main()
